// An account of MySQL or MariaDB with its authentication, TLS requirement and grants. Read from mysql.user (MariaDB:
// mysql.global_priv) and SHOW GRANTS. Hashes never leave the host: the probe prints their SHA-256 only.
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Change } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { secretOrString } from '../core/schema.ts'
import { secret } from '../core/secret.ts'
import { quote, raw, sh } from '../shell/quote.ts'
import {
  type Flavour,
  needsWrites,
  notUp,
  parseAnswer,
  probeScript,
  type Server,
  sqlStep,
  unloggedStep,
} from './mysql-client.ts'
import { differGrants, type GrantsWish, parseGrantsWish, parseShowGrants } from './mysql-grants.ts'
import { cachingSha2Hash, deterministicSalt, nativeHash } from './mysql-password.ts'
import { account, literal } from './mysql-sql.ts'

const schema = {
  /** The account's user name, up to 32 characters. */
  user: v.pipe(v.string(), v.maxLength(80), v.excludes('\0', 'expected a name without NUL bytes')),
  /** From where it may connect: an address, a pattern such as `10.0.0.%`, a network, `%` for anywhere. @default 'localhost' */
  host: v.optional(
    v.pipe(v.string(), v.nonEmpty(), v.excludes('\0', 'expected a host without NUL bytes')),
    'localhost',
  ),
  /** The password; the host gets its hash only. Exactly one of `password` and `auth: 'socket'`. */
  password: v.optional(secretOrString),
  /** `socket`: the operating system's user of the same name logs in over the socket without a password. @default 'password' */
  auth: v.optional(v.picklist(['password', 'socket']), 'password'),
  /** Key of the salt of new MySQL hashes. @default secret('mysql.salt') */
  saltKey: v.optional(secretOrString, () => secret('mysql.salt')),
  /** What connections must use: nothing, TLS, or TLS with a client certificate. @default 'none' */
  tls: v.optional(v.picklist(['none', 'ssl', 'x509']), 'none'),
  /**
   * All privileges the account has, by object: `{ 'shop.*': 'ALL', '*.*': ['PROCESS', 'RELOAD'] }`. Others are revoked; roles are left alone.
   * `_` in a schema's name is literal; write `%` or `\_` to mean a pattern. `GRANT OPTION` is written like a privilege. @default {}
   */
  grants: v.optional(v.record(v.string(), v.union([v.string(), v.array(v.string())])), {}),
  /** Whether there is such an account. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
  /**
   * `false`: written on this MySQL server alone, past its binary log and although it is read-only, so that a server which is yet to join
   * a group can be asked by the others. While it is a member the account is the primary's business. @default true
   */
  replicate: v.optional(v.boolean(), true),
}

type Checked = v.InferOutput<v.StrictObjectSchema<typeof schema, undefined>>
export type UserArgs = ArgumentsOf<typeof schema>

interface Wish {
  readonly user: string
  readonly host: string
  readonly password: string | undefined
  readonly saltKey: string
  readonly tls: 'none' | 'ssl' | 'x509'
  readonly grants: GrantsWish
  readonly state: 'present' | 'absent'
  readonly replicate: boolean
}

interface Account {
  readonly plugin: string
  /** SHA-256 of the stored hash. */
  readonly digest: string
  /** `$A$005$` and the salt, as it was stored; empty for other plugins. */
  readonly prefix: string
  readonly tls: 'none' | 'ssl' | 'x509' | 'other'
  readonly locked: boolean
  readonly grantLines: readonly string[]
}

interface UserState {
  readonly server: Server
  readonly account: Account | undefined
  readonly allPrivileges: readonly string[]
  readonly patterns: boolean
  /** Takes part in a group, or is about to. */
  readonly isMember: boolean
}

/**
 * An account on the primary; replicas get it by replication. Grants are compared as sets and only differences are sent.
 * @example mysql.user({ user: 'app', host: '10.0.0.%', password: secret('db.app'), tls: 'ssl', grants: { 'shop.*': 'ALL' } })
 */
export const user = defineResource<UserArgs, Wish, UserState>({
  name: 'mysql.user',
  schema,
  check: (args) => {
    if (args.state === 'absent') return undefined
    if ((args.auth === 'socket') === (args.password !== undefined))
      return args.auth === 'socket'
        ? "option 'password': not together with auth 'socket'"
        : "option 'password' is missing (or set auth: 'socket')"
    try {
      parseGrantsWish(args.grants ?? {}, 'mysql')
    } catch (error) {
      return `option 'grants': ${error instanceof Error ? error.message : String(error)}`
    }
    return undefined
  },
  describe: (args) => `${args.user}@${args.host ?? 'localhost'}`,
  prepare: (args, { secrets }) => {
    const checked = args as Checked // the schema's defaults are filled in
    return {
      user: checked.user,
      host: checked.host,
      password: checked.password === undefined ? undefined : secrets.reveal(checked.password),
      saltKey: checked.password === undefined ? '' : secrets.reveal(checked.saltKey),
      tls: checked.tls,
      grants: checked.grants,
      state: checked.state,
      replicate: checked.replicate,
    }
  },
  probe: (wishes) => {
    const pairs = wishes.map((wish) => `(${literal(wish.user)}, ${literal(wish.host)})`).join(', ')
    const all = wishes.some((wish) =>
      Object.entries(wish.grants).some(([on, list]) => on.includes('*.*') && /\ball\b/i.test(String(list))),
    )
    return probeScript(
      '',
      sh`case "$answer" in
*[Mm]aria[Dd][Bb]*) asked=${mariadbAccounts(pairs)} ;;
*) asked=${mysqlAccounts(pairs)} ;;
esac
if shows=$(printf '%s\\n' "$asked" | ask --raw 2>/dev/null) && grants=$(printf "SET SESSION sql_mode = '';\\n%s\\n" "$shows" | ask 2>/dev/null); then
  printf '%s\\n' "$grants"
else
  printf 'failed\\tthe accounts could not be read\\n'
fi${raw(wishes.some((wish) => !wish.replicate) ? `\necho ${quote(memberQuestion)} | ask` : '')}${raw(all ? "\necho privileges\necho 'SHOW PRIVILEGES;' | ask" : '')}`,
    )
  },
  parse: (stdout, wishes) => {
    const { server, rows, variables } = parseAnswer(stdout, 'mysql.user')
    const accounts = new Map<string, { fields: string[]; grants: string[] }>()
    const allPrivileges: string[] = []
    let current: { fields: string[]; grants: string[] } | undefined
    let section: 'accounts' | 'privileges' = 'accounts'
    let isMember = false
    for (const row of rows) {
      const [first = '', ...rest] = row
      if (first === 'account' && rest.length === 7) {
        current = { fields: rest, grants: [] }
        accounts.set(`${rest[0]} ${rest[1]}`, current)
      } else if (first === 'member' && rest.length === 1) {
        isMember = rest[0] === 'ONLINE' || rest[0] === 'RECOVERING'
      } else if (first === 'privileges') section = 'privileges'
      else if (section === 'privileges') {
        if (!/^(usage|proxy|grant option)$/i.test(first)) allPrivileges.push(first)
      } else if (current && rest.length === 0) current.grants.push(first)
      else {
        throw new ProvisionError({
          code: 'probe',
          message: `mysql.user: expected accounts and their grants, found ${JSON.stringify(first.slice(0, 60))}`,
        })
      }
    }
    return wishes.map((wish) => {
      const found = accounts.get(`${hex(wish.user)} ${hex(wish.host)}`)
      const [, , plugin = '', digest = '', prefix = '', tls = '', locked = ''] = found?.fields ?? []
      return {
        server,
        allPrivileges: server.status === 'up' && server.flavour === 'mysql' ? allPrivileges : [],
        patterns: variables.get('partial_revokes') !== 'ON',
        isMember,
        account: found && {
          plugin,
          digest: digest.toLowerCase(),
          prefix: Buffer.from(prefix, 'hex').toString(),
          tls: tlsWords[tls] ?? 'other',
          locked: locked === 'Y',
          grantLines: found.grants,
        },
      }
    })
  },
  evidence: ({ account: found }) => found?.digest,
  plan: (state, wish) => {
    const { server } = state
    const down = notUp(server)
    if (down || server.status !== 'up') return down ?? { unknown: 'the server is not up' }
    const to = account(wish.user, wish.host)
    const changes: Change[] = []
    if (!wish.replicate && server.flavour === 'mariadb')
      return { refused: "replicate: false is for MySQL's groups, and this is MariaDB" }
    if (!wish.replicate && state.isMember) return { unchanged: "is the group's business: this server is a member" }
    const step = wish.replicate ? sqlStep : unloggedStep
    const closed = wish.replicate ? needsWrites(server, `account ${to}`) : undefined
    if (wish.state === 'absent') {
      if (!state.account) return { unchanged: 'is absent' }
      return closed ?? { changes: [{ summary: 'present → absent', steps: [step([`DROP USER ${to}`])] }] }
    }
    const authentication = `${renderAuthentication(wish, server.flavour)} REQUIRE ${wish.tls === 'none' ? 'NONE' : wish.tls.toUpperCase()}`
    if (!state.account) {
      changes.push({ summary: 'absent → present', steps: [step([`CREATE USER ${to} ${authentication}`])] })
    } else {
      const differences = [
        ...differAuthentication(state.account, wish, server.flavour),
        ...(state.account.tls === wish.tls ? [] : [`TLS requirement ${state.account.tls} → ${wish.tls}`]),
        ...(state.account.locked ? ['locked → unlocked'] : []),
      ]
      if (differences.length > 0) {
        const unlock = state.account.locked ? ' ACCOUNT UNLOCK' : ''
        changes.push({
          summary: differences.join(', '),
          steps: [step([`ALTER USER ${to} ${authentication}${unlock}`])],
        })
      }
    }
    const present = parseShowGrants(state.account?.grantLines ?? [], server.flavour, state.allPrivileges)
    const wished = parseGrantsWish(wish.grants, server.flavour, state.patterns)
    for (const { summary, statements } of differGrants(present, wished, to)) {
      changes.push({ summary, steps: [step(statements)] })
    }
    const [first, ...rest] = changes
    if (!first) return { unchanged: `is present, ${wished.size} grants` }
    return closed ?? { changes: [first, ...rest] }
  },
})

const memberQuestion =
  "SELECT 'member', COALESCE((SELECT MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@GLOBAL.server_uuid), 'OFFLINE');"

const tlsWords: Readonly<Record<string, Account['tls']>> = {
  '': 'none',
  ANY: 'ssl',
  X509: 'x509',
  '0': 'none',
  '1': 'ssl',
  '2': 'x509',
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex').toUpperCase()
}

/** Prints, for each account that exists, a statement that prints it and the SHOW GRANTS for it. */
function generator(fields: readonly string[], from: string): string {
  const columns = fields.map((field) => `''',${field},'''`).join(',')
  return `SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';
SELECT CONCAT('SELECT ''account'',${columns};', CHAR(10), 'SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host), ';') ${from};`
}

function mysqlAccounts(pairs: string): string {
  return generator(
    [
      'HEX(User)',
      'HEX(Host)',
      'plugin',
      'SHA2(authentication_string, 256)',
      "IF(plugin = 'caching_sha2_password', HEX(LEFT(authentication_string, 27)), '')",
      'ssl_type',
      'account_locked',
    ],
    `FROM mysql.user WHERE (User, Host) IN (${pairs})`,
  )
}

function mariadbAccounts(pairs: string): string {
  const value = (path: string, otherwise: string): string => `COALESCE(JSON_VALUE(Priv, '$.${path}'), '${otherwise}')`
  return generator(
    [
      'HEX(User)',
      'HEX(Host)',
      `IF(JSON_EXISTS(Priv, '$.auth_or'), 'several', ${value('plugin', '')})`,
      `SHA2(${value('authentication_string', '')}, 256)`,
      "''",
      value('ssl_type', '0'),
      "IF(JSON_VALUE(Priv, '$.account_locked') IN ('1', 'true'), 'Y', 'N')",
    ],
    `FROM mysql.global_priv WHERE (User, Host) IN (${pairs})`,
  )
}

function renderAuthentication(wish: Wish, flavour: Flavour): string {
  if (wish.password === undefined)
    return flavour === 'mysql' ? 'IDENTIFIED WITH auth_socket' : 'IDENTIFIED VIA unix_socket'
  return flavour === 'mysql'
    ? `IDENTIFIED WITH caching_sha2_password AS ${literal(newHash(wish, wish.password))}`
    : `IDENTIFIED VIA mysql_native_password USING ${literal(nativeHash(wish.password))}`
}

function newHash(wish: Wish, password: string): string {
  return cachingSha2Hash(password, deterministicSalt(wish.saltKey, wish.user, password))
}

/** Any salt and any number of rounds will do, as long as the password is right. */
function differAuthentication(present: Account, wish: Wish, flavour: Flavour): string[] {
  if (wish.password === undefined) {
    const plugin = flavour === 'mysql' ? 'auth_socket' : 'unix_socket'
    return present.plugin === plugin ? [] : [`authentication ${present.plugin} → ${plugin}`]
  }
  const plugin = flavour === 'mysql' ? 'caching_sha2_password' : 'mysql_native_password'
  if (present.plugin !== plugin) return [`authentication ${present.plugin} → ${plugin}`]
  if (flavour === 'mariadb') return present.digest === digestOf(nativeHash(wish.password)) ? [] : ['password differs']
  const stored = /^\$A\$([0-9A-F]{3})\$(.{20})$/s.exec(present.prefix)
  if (!stored) return ['password differs']
  const hash = cachingSha2Hash(wish.password, stored[2] ?? '', Number.parseInt(stored[1] ?? '', 16) * 1000)
  return present.digest === digestOf(hash) ? [] : ['password differs']
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
