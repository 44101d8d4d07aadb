// Whether this MySQL server is in its group. Nothing here starts Group Replication: a program on the host does, also when no run is there
// (roles/mysql-group.ts), and this asks it what each member says of itself, waits for it, and names what keeps a server out.
// See "Group Replication" in the MySQL manual, and `performance_schema.replication_group_members`.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { sh } from '../shell/quote.ts'
import { notUp, parseAnswer, probeScript, type Server } from './mysql-client.ts'
import { countGtids, formatGtidSet, type GtidSet, parseGtidSet, subtractGtidSets } from './mysql-gtid.ts'

const schema = {
  /** Address by which the members know this server. */
  self: v.pipe(v.string(), v.nonEmpty()),
  /** The program that keeps it in the group: `PROGRAM members` tells of all, `PROGRAM wait N` waits. @default '/usr/local/sbin/mysql-group' */
  program: v.optional(absolutePath, '/usr/local/sbin/mysql-group'),
  /** Seconds to wait until this server is ONLINE; a copy of much data takes its time. @default 300 */
  wait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 300),
}

type Wish = v.InferOutput<v.StrictObjectSchema<typeof schema, undefined>>
export type GroupMemberArgs = ArgumentsOf<typeof schema>

/** What is known of a member. */
export interface GroupMemberResult extends Outcome {
  /** Undefined until it is in the group. */
  readonly role: 'PRIMARY' | 'SECONDARY' | undefined
}

/** What a member says of itself; one that does not answer has a message only. */
export interface GroupMember {
  readonly address: string
  /** ONLINE, RECOVERING, OFFLINE, ERROR, UNREACHABLE or silent. */
  readonly state: string
  readonly role: string
  readonly majority: boolean
  /** All that it has committed, and all that the group had handed to it. */
  readonly history: GtidSet
  readonly message: string
}

interface GroupState {
  readonly server: Server
  readonly members: readonly GroupMember[]
}

/**
 * Waits until this server is a member of its group, and tells its role in it.
 * @example mysql.groupMember({ self: '192.0.2.11' })
 */
export const groupMember = defineResource<GroupMemberArgs, Wish, GroupState, GroupMemberResult>({
  name: 'mysql.groupMember',
  schema,
  describe: (args) => args.self,
  prepare: (args) => args as Wish, // the schema's defaults are filled in
  probe: (wishes) => {
    const [first] = wishes
    return probeScript('', first && sh`if [ -x ${first.program} ]; then ${first.program} members; fi`)
  },
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.groupMember')
    const members = rows.map(parseMember)
    return wishes.map(() => ({ server, members }))
  },
  plan: ({ server, members }, { self, program, wait }): Plan<GroupMemberResult> => {
    const down = notUp(server)
    if (down) return down
    const own = members.find((member) => member.address === self)
    if (!own) return { unknown: `${program} is not there yet, or does not know ${self}` }
    const online = members.filter((member) => member.state === 'ONLINE')
    if (own.state === 'ONLINE' && own.majority) {
      const role = own.role === 'PRIMARY' ? ('PRIMARY' as const) : ('SECONDARY' as const)
      return {
        unchanged: `is ${role}, ${online.length} of ${members.length} members are ONLINE`,
        result: { role },
      }
    }
    const leader = online.find((member) => member.majority && member !== own)
    const errant = leader ? subtractGtidSets(own.history, leader.history) : new Map()
    if (leader && countGtids(errant) > 0) {
      return {
        refused: `this server has ${countGtids(errant)} transactions that its group does not have, so it cannot be a member`,
        detail: formatGtidSet(errant),
        hint: 'Save what is worth it (mysqlbinlog --include-gtids=…), then empty the server: docs/roles/mysql-group.md, "A member with transactions of its own".',
      }
    }
    return {
      changes: [
        {
          summary: `${own.state} → member of the group`,
          steps: [{ script: sh`${program} wait ${wait}` }],
        },
      ],
    }
  },
  result: (outputs) => {
    const role = outputs.at(-1)?.stdout.trim()
    return { role: role === 'PRIMARY' || role === 'SECONDARY' ? role : undefined }
  },
})

function parseMember(row: readonly string[]): GroupMember {
  const [address = '', state = '', ...rest] = row
  if (state === 'silent')
    return { address, state, role: '', majority: false, history: new Map(), message: (rest[0] ?? '').trim() }
  const [role = '', majority = '', , , , , history = ''] = rest
  if (rest.length !== 7) {
    throw new ProvisionError({
      code: 'probe',
      message: `mysql.groupMember: expected what a member says of itself, found ${JSON.stringify(row.join(' ').slice(0, 120))}`,
    })
  }
  return {
    address,
    state,
    role,
    majority: majority === '1',
    history: parseGtidSet(history === '-' ? '' : history),
    message: '',
  }
}
