// `provision db restore`: a backup becomes the data of the server that takes writes. It is restored into a scratch server first and judged
// there; only what is whole replaces anything, and what was there before is kept.
import { ProvisionError } from '../core/error.ts'
import { sh } from '../shell/quote.ts'
import {
  type Backup,
  type BackupOptions,
  type BackupServer,
  programs,
  readBackups,
  withServers,
} from './db-backup-site.ts'
import { show } from './db-backups.ts'
import { exitCode, type Io } from './io.ts'

export interface RestoreOptions extends BackupOptions {
  readonly snapshot: string
  readonly from?: string
  readonly to?: string
  readonly database?: string
  readonly as?: string
  readonly until?: Date
  readonly without?: readonly string[]
  readonly confirm?: string
}

/** What a server says it is, see the role's program `database role`. */
export type Role = 'replica' | 'primary' | 'broken' | 'closed' | 'unreachable'

export interface Member {
  readonly name: string
  readonly role: Role
}

/** What would be done. */
export interface RestorePlan {
  readonly backup: Backup
  readonly target: string
  /** Servers whose replication ends, because their data is of another history then. */
  readonly followers: readonly string[]
  readonly steps: readonly string[]
}

const day = 86_400

/** Restores a backup; says what it would do first. */
export function restoreCommand(io: Io, options: RestoreOptions): Promise<number> {
  return withServers(io, options, !options.check, async (servers) => {
    const members = await Promise.all(servers.map(memberOf))
    const { backups } = await readBackups(servers)
    const plan = planRestore(members, backups, options)
    const say = (text: string) => io.stderr.write(`${text}\n`)
    if (options.database === undefined) {
      const target = servers.find(({ host }) => host.name === plan.target)
      await target?.run('asking whether its data can be replaced', `${programs}/restore may-replace`)
    }
    for (const step of plan.steps) say(step)
    if (options.check) return exitCode.ok
    if (options.confirm !== plan.target && options.as === undefined) {
      throw new ProvisionError({
        code: 'input',
        message: `the data of ${plan.target} would be replaced, so it must be confirmed`,
        hint: `Add --confirm ${plan.target}`,
      })
    }
    await carryOut(plan, servers, options, say)
    return exitCode.ok
  })
}

async function memberOf(server: BackupServer): Promise<Member> {
  const { name } = server.host
  if (server.unreachable !== undefined) return { name, role: 'unreachable' }
  const role = (await server.run('asking what the server is', `${programs}/database role`)).trim()
  return { name, role: role as Role } // the program prints nothing else
}

/** Throws for a wish that cannot be met, or not safely. */
export function planRestore(
  members: readonly Member[],
  backups: readonly Backup[],
  options: RestoreOptions,
): RestorePlan {
  const { database, as, until, without = [] } = options
  const refuse = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message, hint })
  }
  if (as !== undefined && database === undefined) refuse('--as needs --database')
  if (until !== undefined && as === undefined && database !== undefined)
    refuse(
      '--until with --database restores it as another one only, so that nothing of the present is lost',
      `Add --as ${database}_restored`,
    )
  const primaries = members.filter(({ role }) => role === 'primary').map(({ name }) => name)
  const [primary] = primaries
  if (primaries.length > 1) refuse(`${primaries.join(' and ')} take writes: mend that first`)
  if (primary !== undefined && options.to !== undefined && options.to !== primary)
    refuse(
      `${primary} takes writes: a backup is restored there, and ${options.to} follows it`,
      `Leave --to out, or provision db switchover --to ${options.to}`,
    )
  const target = options.to ?? primary
  if (target === undefined)
    return refuse(
      `no server takes writes: ${members.map(({ name, role }) => `${name} ${role}`).join(', ')}`,
      'Say with --to which one is to be restored.',
    )
  const member = members.find(({ name }) => name === target)
  if (!member) return refuse(`no database server '${target}': expected ${members.map(({ name }) => name).join(', ')}`)
  if (member.role === 'unreachable') refuse(`${target} does not answer`)
  if (member.role === 'replica' || member.role === 'broken')
    refuse(
      `${target} is a replica: a backup is restored on the server that takes writes, or on one that follows nobody`,
    )
  const backup = chooseBackup(backups, options, refuse)
  if (until !== undefined && until <= backup.time)
    refuse(`--until ${show(until)} is not later than the backup of ${show(backup.time)}`)
  const others = database === undefined ? members.filter(({ name }) => name !== target) : []
  const silent = others.filter(({ name, role }) => role === 'unreachable' && !without.includes(name))
  if (silent.length > 0) {
    const names = silent.map(({ name }) => name)
    refuse(
      `${names.join(', ')} cannot be told to stop following ${target}, and would mix the histories when it comes back`,
      `Mend it, or if its data never comes back: --without ${names.join(' ')}`,
    )
  }
  const followers = others.filter(({ role }) => role === 'replica' || role === 'broken').map(({ name }) => name)
  const tested = backup.tested ? `restored and found whole on ${show(backup.tested)}` : 'not tested yet'
  return {
    backup,
    target,
    followers,
    steps: [
      `backup ${backup.id} of ${show(backup.time)} UTC, made on ${backup.host}, in ${backup.target}: ${tested}`,
      `1. ${target}: restore it into a scratch server and judge it`,
      ...(until ? [`   then replay its binary logs until ${show(until)} UTC`] : []),
      ...(database === undefined
        ? [
            ...followers.map((name) => `2. ${name}: stop following`),
            `3. ${target}: stop the server, put its data aside, start it with the restored data. Everything since ${show(until ?? backup.time)} UTC is gone from it`,
            ...followers.map((name) => `4. left to do: seed ${name} anew`),
          ]
        : [
            as === undefined
              ? `2. ${target}: replace the database ${database}; replicas follow`
              : `2. ${target}: put the tables and views of ${database} beside the present one as ${as}; replicas follow`,
          ]),
    ],
  }
}

function chooseBackup(
  backups: readonly Backup[],
  { snapshot, from }: RestoreOptions,
  refuse: (message: string, hint?: string) => never,
): Backup {
  const able = backups.filter(({ target }) => from === undefined || target === from)
  const found =
    snapshot === 'latest'
      ? able[0]
      : able.find(({ id }) => snapshot.length >= 4 && id.startsWith(snapshot.slice(0, id.length)))
  return (
    found ??
    refuse(
      `no backup '${snapshot}'${from === undefined ? '' : ` in ${from}`}`,
      'provision db backups lists what there is.',
    )
  )
}

async function carryOut(
  plan: RestorePlan,
  servers: readonly BackupServer[],
  options: RestoreOptions,
  say: (text: string) => void,
): Promise<void> {
  const server = (name: string) => servers.find(({ host }) => host.name === name) as BackupServer // the plan names only these
  const { backup, target, followers } = plan
  const onOutput = (text: string) => say(text.trimEnd())
  const long = { timeout: day, onOutput }
  const until = options.until ? [show(options.until)] : []
  const { database, as } = options
  await server(target).run(
    'the restore into a scratch server',
    sh`${programs}/restore prepare ${backup.target} ${backup.id} ${until}`,
    long,
  )
  if (database !== undefined) {
    await server(target).run(`restoring ${database}`, sh`${programs}/restore copy ${database} ${as ?? []}`, long)
    return
  }
  for (const name of followers) await server(name).run('ending replication', `${programs}/restore leave`, { onOutput })
  await server(target).run('replacing the data', `${programs}/restore replace`, long)
  if (followers.length > 0)
    say(
      `now seed ${followers.join(', ')} anew: provision --limit ${followers.join(',')} --extra-vars mysql.allowReseed=true`,
    )
}
