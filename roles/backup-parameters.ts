// What the roles backup and backupStore share: one set of parameters, read from the variable `backup`, and who keeps what of whom.
import { type Host, type InventoryHost, ProvisionError, type Secret, secret, v } from 'hostwright'
import { membersOf } from './site.ts'

const secretText = v.custom<string | Secret>(
  (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  'expected a text or a secret',
)
const oneLine = v.pipe(v.string(), v.regex(/^\P{Cc}+$/u, 'expected a text of one line'))
const path = v.pipe(oneLine, v.startsWith('/', 'expected an absolute path'))
const calendar = v.pipe(v.string(), v.regex(/^[A-Za-z0-9*:.,~/ -]+$/, 'expected a calendar event of systemd.time(7)'))
const span = v.pipe(v.string(), v.regex(/^[0-9]+(s|min|h|d)$/, "expected a time such as '15min' or '6h'"))
const size = v.pipe(v.string(), v.regex(/^[0-9]+[MG]$/, "expected a size such as '512M' or '4G'"))
const unit = v.pipe(v.string(), v.regex(/^[A-Za-z0-9@:._%-]+\.(service|target)$/, 'expected a unit of systemd'))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const seconds = v.pipe(v.number(), v.integer(), v.minValue(60))

export const params = {
  /** A repository outside, beside the hosts of group `backup` or instead of them: `s3:https://…/bucket`, `rest:https://…`, `b2:bucket`. Each of ours is a folder of it. @default none */
  repository: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(s3|rest|b2|azure|gs|swift):[A-Za-z0-9:/@._~%?&=+-]+$/,
        "expected a repository of restic such as 's3:https://s3.example.com/bucket'",
      ),
      v.check(
        (value) => !/:\/\/[^/]*@/.test(value),
        'expected an address without credentials: they belong into `environment`, RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD for a REST server',
      ),
    ),
  ),
  /** Remove old backups of the repository outside with the same credentials; `false` if they may only add, and somebody else does. @default true */
  removeOutside: v.optional(v.boolean(), true),
  /** What restic needs to reach it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD, for example. @default {} */
  environment: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]*$/, 'expected a name of an environment variable')),
      secretText,
    ),
    {},
  ),
  /** The secret that ssh keys and the repositories' passwords follow from. Keep a copy of the vault elsewhere: without it no backup can be read. @default secret('backup.key') */
  key: v.optional(secretText, () => secret('backup.key')),
  /** Files and folders of a host to keep beside the databases; a variable of hosts or groups. @default [] */
  paths: v.optional(v.array(path), []),
  /** Patterns of what not to keep of them, as in restic's --exclude. @default [] */
  exclude: v.optional(v.array(oneLine), []),
  /** When, by systemd.time(7). @default '*-*-* 02:30:00' */
  schedule: v.optional(calendar, '*-*-* 02:30:00'),
  /** Up to how much later, so that not all hosts begin together. @default '15min' */
  delay: v.optional(span, '15min'),
  /** Seconds that a primary leaves the backup to its replicas before it makes it itself; backups younger than this are not made again. @default 2700 */
  patience: v.optional(seconds, 2700),
  /** A replica that is more seconds behind counts as broken. @default 600 */
  maxLag: v.optional(count, 600),
  /** Compare checksums of all tables in the restore test, not only the numbers of rows. It reads every table once more. @default true */
  checksums: v.optional(v.boolean(), true),
  /** When a restore is tested. @default 'Sun *-*-* 04:30:00' */
  testSchedule: v.optional(calendar, 'Sun *-*-* 04:30:00'),
  /** The most memory that the scratch server of a restore may take. @default '1G' */
  testMemory: v.optional(size, '1G'),
  /** `verify` fails if the newest backup is older, in hours. @default 26 */
  maxAge: v.optional(v.pipe(v.number(), v.minValue(1)), 26),
  /** `verify` fails if the last restore test is older, in days. @default 8 */
  maxTestAge: v.optional(v.pipe(v.number(), v.minValue(1)), 8),
  /** What is kept: everything within a time (`14d`, restic's --keep-within), then the last of each day, week, month, year. */
  keep: v.optional(
    v.strictObject({
      /** @default '7d' */
      within: v.optional(v.pipe(v.string(), v.regex(/^([0-9]+[ymdh])+$/, "expected a time such as '14d'")), '7d'),
      /** @default 14 */
      daily: v.optional(count, 14),
      /** @default 8 */
      weekly: v.optional(count, 8),
      /** @default 12 */
      monthly: v.optional(count, 12),
      /** @default 0 */
      yearly: v.optional(count, 0),
    }),
    {},
  ),
  /** When old backups are removed and the repositories checked. @default '*-*-* 06:00:00' */
  retentionSchedule: v.optional(calendar, '*-*-* 06:00:00'),
  /** How much of the stored data is read at each check: a share. @default '5%' */
  checkShare: v.optional(v.pipe(v.string(), v.regex(/^[0-9]+(\.[0-9]+)?%$/, "expected a share such as '5%'")), '5%'),
  /** Units to start when a job fails; `%n` is the failed one. @default [] */
  onFailure: v.optional(v.array(unit), []),
  /** Where a host of group `backup` keeps the repositories. @default '/srv/backup' */
  storePath: v.optional(
    v.pipe(v.string(), v.regex(/^(\/[A-Za-z0-9._-]+)+$/, 'expected an absolute path of plain names')),
    '/srv/backup',
  ),
}

export type BackupParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
/** The parameters after their defaults. */
export type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    backup?: Partial<BackupParams>
  }
}

/** The repository of the database group. */
export const databaseRepository = 'databases'
/** The account on a store; it can serve repositories to keys and nothing else. */
export const storeUser = 'backup-store'
/** Where the programs are. */
export const folder = '/usr/local/lib/backup'
/** While this file is there the data of a database server is still to be restored: nothing of it is backed up. */
export const restorePending = '/var/lib/hostwright-database/restore-pending'
/** Where node exporter looks for figures. */
export const metrics = '/var/lib/prometheus/node-exporter'

/** A place that backups go to. */
export type Target =
  | { readonly kind: 'store'; readonly name: string; readonly address: string; readonly port: number }
  | { readonly kind: 'external'; readonly name: 'external' }

/** Where a host's backups go: to every host of group `backup` but itself, and to the repository outside. */
export function targetsOf(
  given: Pick<Checked, 'repository'>,
  host: Pick<Host, 'name' | 'inventory'>,
): readonly Target[] {
  const stores = membersOf(host, 'backup')
    .filter((store) => store.name !== host.name)
    .map(
      (store): Target => ({
        kind: 'store',
        name: store.name,
        address: store.connection.address,
        port: store.connection.port ?? 22,
      }),
    )
  return given.repository === undefined ? stores : [...stores, { kind: 'external', name: 'external' }]
}

/** The repository of a host's own files. */
export function filesRepository(host: { readonly name: string }): string {
  return `files-${host.name}`
}

/** Whether a host is a database server. */
export function hasDatabase(host: Pick<InventoryHost, 'groups' | 'vars'>): boolean {
  return host.groups.includes(host.vars.mysql?.group ?? 'db')
}

/** Which repositories a host may use. */
export function repositoriesOf(host: Pick<InventoryHost, 'name' | 'groups' | 'vars'>): string[] {
  const { paths = [] } = host.vars.backup ?? {}
  return [...(hasDatabase(host) ? [databaseRepository] : []), ...(paths.length > 0 ? [filesRepository(host)] : [])]
}

/** Hosts whose backups a store keeps. */
export function clientsOf(store: Host): readonly InventoryHost[] {
  return store.inventory.hosts.filter((host) => host.name !== store.name && repositoriesOf(host).length > 0)
}

/** Whether a host makes backups by this inventory: `play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] })`. */
export function isBackedUp(host: Pick<Host, 'name' | 'groups' | 'vars' | 'inventory'>): boolean {
  return repositoriesOf(host).length > 0 && targetsOf(host.vars.backup ?? {}, host).length > 0
}

/** Throws for what names cannot be in scripts and figures. */
export function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name
  throw new ProvisionError({
    code: 'playbook',
    message: `role backup: '${name}' is no plain host name (letters, digits, . _ -)`,
  })
}
