// All rules there are: those of a site with everything, whose databases follow a primary, and of one whose databases form a group.

import { params } from '../../../roles/monitoring/parameters.ts'
import { type Rule, rulesOf } from '../../../roles/monitoring/rules.ts'
import { v } from '../../../src/index.ts'

const given = v.parse(v.strictObject(params), { ignoreUnits: 'ignored.*' })

const everyGroup = (['replication', 'group'] as const).map((topology) => ({
  topology,
  groups: rulesOf(given, {
    floatingAddress: '192.0.2.100',
    balancers: 2,
    databases: topology === 'group' ? 3 : 2,
    topology,
    monitors: 2,
    backups: true,
  }),
}))

/** What to have judged: of the second site only the rules that the first has not, or has otherwise. */
export const judgements = everyGroup.map(({ topology, groups }, index) => {
  const rules = Object.values(groups).flat()
  const first = Object.values(everyGroup[0]?.groups ?? {}).flat()
  const isNew = ({ alert, expr }: Rule) => !first.some((rule) => rule.alert === alert && rule.expr === expr)
  return { topology, groups, rules: index === 0 ? rules : rules.filter(isNew) }
})

export const everyRule = judgements.flatMap(({ rules }) => rules)
