// The parts of playbooks/disaster-recovery.ts: the other region is gone, and a database server of this one takes its place, from a replica or
// from the newest backup. The parameters come from the variable `disasterRecovery`.
import { type Host, ProvisionError, role, shell, silent, v } from 'hostwright'
import { folder, isBackedUp, restorePending } from './backup-parameters.ts'
import { membersOf } from './site.ts'

const params = {
  /** The region that is lost. */
  lost: v.pipe(v.string(), v.nonEmpty()),
  /** IP addresses of its hosts: none of them may answer this machine or any host of the inventory. */
  lostHosts: v.pipe(
    v.array(v.pipe(v.string(), v.ip('expected an IP address'))),
    v.minLength(1, 'expected at least one address of the lost region'),
  ),
  /** The name of the lost region once more, on the command line and nowhere else. @default none: refused */
  confirm: v.optional(v.string()),
}

export type DisasterRecoveryParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    disasterRecovery?: Partial<DisasterRecoveryParams>
  }
}

/** What each database server of this region is: see `stateScript`. */
const look = shell.command({
  name: 'what the database server is',
  probe: true,
  run: `if [ -e ${restorePending} ]; then echo pending; exit; fi
if [ ! -e /var/lib/mysql/ibdata1 ]; then echo nothing; exit; fi
client=mysql
if command -v mariadb >/dev/null 2>&1; then client=mariadb; fi
ask() { "$client" --no-defaults --protocol=SOCKET --user=root --batch --skip-column-names "$@"; }
schemas=$(ask --execute="SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')") || { echo silent; exit; }
holder=-
if [ -r /var/lib/hostwright-database/term ]; then read -r _ holder </var/lib/hostwright-database/term; fi
if [ "$client" = mysql ]; then
  source=$(ask --execute="SELECT HOST FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''")
  position=$(ask --execute="SELECT REPLACE(CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_executed, ''), NULLIF((SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''), '')), '\\n', '')")
else
  source=$(echo 'SHOW SLAVE STATUS' | ask --vertical --column-names | sed -n 's/^ *Master_Host: //p')
  position=$(echo 'SHOW SLAVE STATUS' | ask --vertical --column-names | sed -n 's/^ *Gtid_IO_Pos: //p')
fi
if [ -n "$source" ]; then echo "replica $position"
elif [ "$schemas" = 0 ]; then echo nothing
else
  case $(ask --execute='SELECT @@GLOBAL.read_only') in 0 | OFF) echo "open $holder" ;; *) echo "closed $holder" ;; esac
fi`,
})

/** A database server of the region, as it was found. */
export interface Found {
  readonly name: string
  /** `nothing`: no data. `pending`: a backup is being restored. `open`, `closed`: it has data and follows nobody. `silent`: it does not answer. */
  readonly state: 'replica' | 'nothing' | 'pending' | 'open' | 'closed' | 'silent'
  /** Of a replica: what it has received. */
  readonly position: string
  /** Of one that follows nobody: who was made the primary, as far as it knows. */
  readonly holder: string
}

/** Fails unless the loss of the region is confirmed, before any host is touched, and seen from here and from every host. Changes nothing. */
export const regionIsGone = role('disasterRecovery', { params }, (given, host) => {
  checkConfirmed(given, host)
  return [
    silent({ name: `region ${given.lost} is gone`, addresses: given.lostHosts }),
    host.isIn(groupOf(host)) && look,
  ]
})

/**
 * Whoever remembers the primary, of this region, is told who it is from now on: before it takes writes, so that one of the lost region that
 * comes back and asks any of them stays closed.
 */
export const nameTheNew = role('disasterRecovery', { params }, (given, host) => {
  checkConfirmed(given, host)
  const { first, part } = findPart(host)
  const { witnesses = 'lb' } = host.vars.mysql ?? {}
  if (part === 'done' || !(host.isIn(groupOf(host)) || host.isIn(witnesses))) return []
  return shell.script({
    name: `${first.name} is the new primary`,
    src: 'mysql/take-over.sh',
    args: ['term', first.name],
  })
})

/** The first database server of this region, before anything may restart it: a replica becomes the primary; one without data is to be restored. */
export const takeOver = role('disasterRecovery', { params }, (given, host) => {
  checkConfirmed(given, host)
  const { first, others, part } = findPart(host)
  if (part === 'done' || first.name !== host.name) return []
  return shell.script({
    name: part === 'replica' ? 'the replica becomes the primary' : 'the newest backup is to be restored',
    src: 'mysql/take-over.sh',
    args: part === 'replica' ? ['replica', ...others.map(({ position }) => position)] : ['nothing', restorePending],
    timeout: 86_400,
  })
})

function findPart(host: Host) {
  const { inventory } = host
  const found = membersOf(host, groupOf(host)).map(({ name }) => parseFound(name, host.resultOf(name, look).stdout))
  const [first, ...others] = found
  if (!first)
    throw new ProvisionError({
      code: 'playbook',
      message: `the inventory has no database server in the group ${groupOf(host)}`,
    })
  return { first, others, part: partOf(first, others, isBackedUp({ ...inventory.host(first.name), inventory })) }
}

/** After the role backup: where a restore was noted, the newest backup becomes the data, before anybody can write. */
export const recoverData = role('disasterRecovery', { params }, (given, host) => {
  checkConfirmed(given, host)
  const pending = { onlyIf: `[ -e ${restorePending} ]`, timeout: 86_400 }
  return (
    membersOf(host, groupOf(host))[0]?.name === host.name && [
      shell.command({
        name: 'the newest backup becomes the data',
        run: `${folder}/restore recover\necho restored >${restorePending}`,
        ...pending,
        unless: `grep -qx restored ${restorePending}`,
      }),
      shell.script({
        name: 'the server with the restored data takes writes',
        src: 'mysql/take-over.sh',
        args: ['restored', restorePending],
        ...pending,
      }),
    ]
  )
})

/** What is to be done with the first server of the region. Throws where that is not for a program to decide. */
export function partOf(first: Found, others: readonly Found[], hasBackups: boolean): 'replica' | 'nothing' | 'done' {
  const refuse = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'playbook', message, ...(hint && { hint }) })
  }
  const { name, state } = first
  const open = [first, ...others].filter((one) => one.state === 'open')
  const [primary, second] = open
  if (primary && second)
    return refuse(`${primary.name} and ${second.name} both take writes`, 'provision db status shows all.')
  if (primary && primary.holder === primary.name) return 'done'
  const better = others.find((other) => other.state === 'replica' || other.state === 'closed')
  switch (state) {
    case 'replica':
      return 'replica'
    case 'pending':
      return 'done'
    case 'open':
    case 'closed':
      return refuse(
        `the database server of ${name} has data and follows nobody, so nobody knows how old its data is`,
        `provision db failover --to ${name} uses it; to use the newest backup instead, move /var/lib/mysql away on ${name}.`,
      )
    case 'silent':
      return refuse(
        `the database server of ${name} has data and does not answer`,
        `Start it: journalctl -u mysql -u mariadb on ${name}.`,
      )
    case 'nothing':
      if (better)
        return refuse(
          `${name} has no data and ${better.name} has`,
          `Name ${better.name} first in the group of databases.`,
        )
      if (!hasBackups)
        return refuse(
          `${name} has no data, and the inventory has no backups of it`,
          'A group `backup`, or vars: { backup: { repository } }.',
        )
      return 'nothing'
  }
}

/** What `look` printed. */
export function parseFound(name: string, text: string): Found {
  const [state = '', word = ''] = text.trim().split(' ')
  return {
    name,
    state: state as Found['state'], // the script prints nothing else
    position: state === 'replica' ? word : '',
    holder: state === 'open' || state === 'closed' ? word : '-',
  }
}

function groupOf(host: Host): string {
  return host.vars.mysql?.group ?? 'db'
}

function checkConfirmed({ lost, lostHosts, confirm }: Checked, host: Host): void {
  if (host.vars.mysql?.topology === 'group')
    throw new ProvisionError({
      code: 'playbook',
      message: "a disaster recovery makes one server the primary, and with topology 'group' the members elect it",
      hint: "Start the region as topology 'replication'.",
    })
  const stranger = host.inventory.hosts.find(
    ({ vars, connection }) => vars.region === lost || lostHosts.includes(connection.address),
  )
  if (stranger)
    throw new ProvisionError({
      code: 'playbook',
      message: `${stranger.name} is in the inventory and in the region ${lost}, which is said to be lost`,
      hint: 'Use the inventory of the region that takes over.',
    })
  if (confirm === lost) return
  throw new ProvisionError({
    code: 'input',
    message: `a disaster recovery makes this region the only one that takes writes, so the loss of ${lost} must be confirmed${confirm === undefined ? '' : `, and '${confirm}' is another name`}`,
    hint: `Switch ${lost} off or cut it off from everybody first, then: --extra-vars disasterRecovery.confirm=${lost}`,
  })
}
