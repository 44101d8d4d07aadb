// All rules there are: those of a site with everything, whose databases follow a primary, and of one whose databases form a group.

import { params } from '../../../roles/monitoring/parameters.ts'
import { rulesOf } from '../../../roles/monitoring/rules.ts'
import { v } from '../../../src/index.ts'

const given = v.parse(v.strictObject(params), { ignoreUnits: 'ignored.*' })

const everyGroup = (['replication', 'group'] as const).map((topology) =>
  rulesOf(given, {
    floatingAddress: '192.0.2.100',
    balancers: 2,
    databases: 2,
    topology,
    monitors: 2,
    backups: true,
  }),
)

/** What to have judged: of the second site only the rules that the first has not. */
export const judgements = everyGroup.map((groups, index) => ({
  groups,
  rules: Object.values(groups)
    .flat()
    .filter(
      ({ alert }) =>
        index === 0 ||
        !Object.values(everyGroup[0] ?? {})
          .flat()
          .some((rule) => rule.alert === alert),
    ),
}))

export const everyRule = judgements.flatMap(({ rules }) => rules)
