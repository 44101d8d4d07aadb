// Whether this MySQL server is in its group. Nothing here starts Group Replication: a program on the host does, also when no run is there
// (roles/mysql-group.ts), and this asks it what each member says of itself, waits for it, and names what keeps a server out.
// See "Group Replication" in the MySQL manual, and `performance_schema.replication_group_members`.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, secretOrString } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { sh } from '../shell/quote.ts'
import { clientPrelude, notUp, parseAnswer, probeScript, type Server } from './mysql-client.ts'
import { countGtids, formatGtidSet, type GtidSet, parseGtidSet, subtractGtidSets } from './mysql-gtid.ts'
import { cloneSteps } from './mysql-replication-steps.ts'

const schema = {
  /** Address by which the members know this server. */
  self: v.pipe(v.string(), v.nonEmpty()),
  /** The account by which members reach each other, for a copy of the data. */
  user: v.pipe(v.string(), v.nonEmpty(), v.maxLength(80)),
  /** Its password. */
  password: secretOrString,
  /** The CA that must have signed the members' certificates. */
  ca: absolutePath,
  /** Replace the data of a server that has transactions which its group does not have by the group's. It is lost. @default false */
  allowReseed: v.optional(v.boolean(), false),
  /** The program that keeps it in the group: `PROGRAM members` tells of all, `PROGRAM wait N` waits. @default '/usr/local/sbin/mysql-group' */
  program: v.optional(absolutePath, '/usr/local/sbin/mysql-group'),
  /** Seconds to wait until this server is ONLINE; a copy of much data takes its time. @default 300 */
  wait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 300),
}

type Checked = v.InferOutput<v.StrictObjectSchema<typeof schema, undefined>>
type Wish = Omit<Checked, 'password'> & { readonly password: string }
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
 * @example mysql.groupMember({ self: '192.0.2.11', user: 'replicator', password: secret('mysql.replication'), ca: '/etc/mysql/tls/ca.pem' })
 */
export const groupMember = defineResource<GroupMemberArgs, Wish, GroupState, GroupMemberResult>({
  name: 'mysql.groupMember',
  schema,
  describe: (args) => args.self,
  prepare: (args, { secrets }) => {
    const checked = args as Checked // the schema's defaults are filled in
    return { ...checked, password: secrets.reveal(checked.password) }
  },
  probe: (wishes) => {
    const [first] = wishes
    return probeScript('', first && sh`if [ -x ${first.program} ]; then ${first.program} members; fi`)
  },
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.groupMember')
    const members = rows.map(parseMember)
    return wishes.map(() => ({ server, members }))
  },
  plan: ({ server, members }, wish): Plan<GroupMemberResult> => {
    const down = notUp(server)
    if (down) return down
    const { self, program, wait } = wish
    const joined = { script: sh`${program} wait ${wait}` }
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
    const count = countGtids(errant)
    if (leader && count > 0) {
      if (wish.allowReseed) {
        const copy = cloneSteps({ ...wish, source: leader.address, port: 3306 }, false)
        const summary = `${own.state}, with ${count} transactions of its own → a copy of the group's data, member of the group`
        return { changes: [{ summary, steps: [leave, ...copy, joinAgain, joined] }] }
      }
      return {
        refused: `this server has ${count} transaction${count === 1 ? '' : 's'} that its group does not have, so it cannot be a member`,
        detail: formatGtidSet(errant),
        hint: 'Look at them (mysqlbinlog --include-gtids=…) and save what is worth it, then allowReseed: true replaces this server’s data by the group’s.',
      }
    }
    return { changes: [{ summary: `${own.state} → member of the group`, steps: [joined] }] }
  },
  result: (outputs) => {
    const role = outputs.at(-1)?.stdout.trim()
    return { role: role === 'PRIMARY' || role === 'SECONDARY' ? role : undefined }
  },
})

/** Nothing else may start Group Replication, or be in it, while the data is replaced; a start that is under way is refused by the group first. */
const leave: ApplyStep = {
  script: `systemctl stop mysql-group.service
${clientPrelude}
left=120
until said=$(echo 'STOP GROUP_REPLICATION;' | ask 2>&1); do
  if [ "$left" -le 0 ]; then printf '%s\\n' "$said" >&2; exit 1; fi
  left=$((left - 1))
  sleep 1
done`,
}
const joinAgain: ApplyStep = { script: 'systemctl start mysql-group.service' }

function parseMember(row: readonly string[]): GroupMember {
  const [address = '', state = '', ...rest] = row
  if (state === 'silent')
    return { address, state, role: '', majority: false, history: new Map(), message: (rest[0] ?? '').trim() }
  const [role = '', majority = '', , , , , , history = ''] = rest
  if (rest.length !== 8) {
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
