// Groups. Reads getent(1) and /etc/group; writes with groupadd(8), groupmod(8), groupdel(8).
import * as v from 'valibot'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, accountName } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { type Accounts, accountsProbe, parseAccounts } from './accounts.ts'
import { accountFileAreas, groupArea } from './areas.ts'

const schema = {
  /** The group's name. */
  name: accountName,
  /** Its number. @default the next free one */
  gid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Take the gid from the range for system groups; counts only when the group is made. @default false */
  system: v.optional(v.boolean()),
  /** Whether there is such a group. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

export type GroupArgs = ArgumentsOf<typeof schema>

/**
 * Makes a group, gives it its gid, or removes it.
 * @example group({ name: 'deploy', gid: 2000 })
 */
export const group = defineResource<GroupArgs, GroupArgs, Accounts>({
  name: 'group',
  schema,
  check: (args) => (args.state === 'absent' && args.name === 'root' ? 'the group root cannot be removed' : undefined),
  describe: (args) => args.name,
  probe: (wishes) => accountsProbe({ users: [], groups: wishes.map((wish) => wish.name) }),
  parse: (stdout, wishes) => {
    const accounts = parseAccounts(stdout)
    return wishes.map(() => accounts)
  },
  plan: (accounts, wish): Plan => {
    const present = accounts.groups.get(wish.name)
    if (wish.state === 'absent') {
      if (!present) return { unchanged: 'absent' }
      if (!present.local) return { refused: `group ${wish.name} is not in /etc/group and cannot be removed from there` }
      return { changes: [{ summary: `gid ${present.gid} → absent`, steps: [{ script: sh`groupdel ${wish.name}` }] }] }
    }
    const gid = wish.gid === undefined ? [] : ['-g', wish.gid]
    if (!present) {
      const summary = `absent → ${wish.gid === undefined ? 'present' : `gid ${wish.gid}`}`
      return {
        changes: [
          { summary, steps: [{ script: sh`groupadd ${[...(wish.system ? ['-r'] : []), ...gid]} ${wish.name}` }] },
        ],
      }
    }
    if (wish.gid === undefined || present.gid === wish.gid) return { unchanged: `gid ${present.gid}` }
    if (!present.local) return { refused: `group ${wish.name} has gid ${present.gid}, but not from /etc/group` }
    const script = sh`groupmod ${gid} ${wish.name}`
    return { changes: [{ summary: `gid ${present.gid} → ${wish.gid}`, steps: [{ script }] }] }
  },
  footprint: ({ name, gid, state }) => ({
    reads: [groupArea(name), ...accountFileAreas],
    // files name their group by its number
    alters: gid === undefined && state !== 'absent' ? [groupArea(name), 'accounts'] : undefined,
  }),
})
