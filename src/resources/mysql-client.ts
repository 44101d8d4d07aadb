// How mysql resources talk to the server of a host: the command line client as root over the socket, SQL on its stdin,
// answers in batch form. See mysql(1), mariadb(1).
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep } from '../core/resource.ts'
import { raw, sh } from '../shell/quote.ts'
import { parseRows, sessionMode } from './mysql-sql.ts'

/** Which of the two servers. */
export type Flavour = 'mysql' | 'mariadb'

/** What is known of the server before anything else; `absent` and `down` mean that nothing more could be asked. */
export type Server =
  | { readonly status: 'absent' }
  | { readonly status: 'down'; readonly message: string }
  | {
      readonly status: 'up'
      readonly flavour: Flavour
      readonly version: string
      /** Refuses writes of everyone but root's, or of root too on MySQL. */
      readonly readOnly: boolean
      readonly superReadOnly: boolean
    }

/**
 * Defines `$client`, `ask`, which runs SQL from stdin, and `show`, the same with names before the values; to put before a script that
 * uses them. MariaDB's client prints a statement that fails, with the password or hash in it, unless it is told not to.
 */
export const clientPrelude = `client=mysql quiet=
if command -v mariadb >/dev/null 2>&1; then client=mariadb quiet=--loose-skip-print-query-on-error; fi
ask() { "$client" $quiet --protocol=SOCKET --default-character-set=utf8mb4 --connect-timeout=10 --batch --skip-column-names --binary-mode "$@"; }
show() { ask --column-names --vertical; }`

/** Selects the row that `parseServer` reads; MariaDB has no super_read_only and MySQL gives no error for an unknown row. */
export const serverQuery =
  "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'read_only', 'super_read_only', 'partial_revokes');"

/**
 * A probe: asks each SQL text in turn, each answer in full or not at all. `$answer` holds the answer so far for a text that
 * starts with a generator (`asked`). What fails is printed as a row `failed` with the client's message.
 */
export function probeScript(sql: string, more = ''): string {
  return sh`${raw(clientPrelude)}
if ! command -v "$client" >/dev/null 2>&1; then
  echo absent
else
  asked=${`${sessionMode}\n${serverQuery}\n${sql}`}
  if answer=$(printf '%s\n' "$asked" | ask 2>/dev/null); then
    printf '%s\n' "$answer"${raw(more === '' ? '' : `\n${more}`)}
  else
    printf 'failed\t'
    printf '%s\n' "$asked" | ask 2>&1 >/dev/null | tr '\n' ' ' || true
    echo
  fi
fi`
}

/** The answer of a `probeScript`: the server, and the rows after it. */
export function parseAnswer(
  stdout: string,
  what: string,
): { server: Server; rows: string[][]; variables: Map<string, string> } {
  const rows = parseRows(stdout)
  const [first] = rows
  if (first?.[0] === 'absent') return { server: { status: 'absent' }, rows: [], variables: new Map() }
  const failed = rows.find(([kind]) => kind === 'failed')
  if (failed) {
    const message = (failed[1] ?? '').trim()
    if (/^(\S+: )?ERROR 20(02|03|13|26)\b/.test(message) || /Can't connect to/.test(message))
      return { server: { status: 'down', message }, rows: [], variables: new Map() }
    throw new ProvisionError({
      code: 'probe',
      message: `${what}: the database server refused a question of the probe`,
      detail: message,
      hint: /ERROR 1045|ERROR 1698/.test(message)
        ? 'root must be able to log in over the socket (auth_socket, unix_socket), or by /root/.my.cnf.'
        : undefined,
    })
  }
  const variables = new Map<string, string>()
  let end = 0
  for (const [name = '', value = ''] of rows) {
    if (!['version', 'read_only', 'super_read_only', 'partial_revokes'].includes(name)) break
    variables.set(name, value)
    end++
  }
  const version = variables.get('version')
  if (version === undefined) {
    throw new ProvisionError({
      code: 'probe',
      message: `${what}: expected the server's version from the database client, found ${JSON.stringify(stdout.slice(0, 120))}`,
    })
  }
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql'
  return {
    server: {
      status: 'up',
      flavour,
      version,
      // MariaDB 12 prints NO_LOCK and other words; only OFF is writable.
      readOnly: variables.get('read_only') !== 'OFF',
      superReadOnly: (variables.get('super_read_only') ?? 'OFF') === 'ON',
    },
    rows: rows.slice(end),
    variables,
  }
}

/** Why nothing can be said of a server that is not up, as a plan. */
export function notUp(server: Server): { readonly unknown: string } | undefined {
  if (server.status === 'absent') return { unknown: 'no database server is installed' }
  if (server.status === 'down') return { unknown: `the database server does not answer: ${server.message}` }
  return undefined
}

/** A step that runs statements as root; they travel over stdin, so they may hold secrets. */
export function sqlStep(statements: readonly string[]): ApplyStep {
  return {
    script: `${clientPrelude}\nask`,
    input: `${[sessionMode, ...statements.map((statement) => `${statement};`)].join('\n')}\n`,
  }
}

/** The same on a MySQL server that is read-only, and past its binary log; it is read-only again afterwards, also if a statement fails. */
export function unloggedStep(statements: readonly string[]): ApplyStep {
  const open = ['SET SESSION sql_log_bin = OFF', 'SET GLOBAL super_read_only = OFF']
  return {
    script: `${clientPrelude}
code=0
ask || code=$?
echo 'SET GLOBAL super_read_only = ON;' | ask
exit "$code"`,
    input: `${[sessionMode, ...[...open, ...statements].map((statement) => `${statement};`)].join('\n')}\n`,
  }
}

/** Writes are refused by a read-only server: say it before trying. Unknown in check mode, where the server may be opened first. */
export function needsWrites(server: Server, what: string): { readonly unknown: string } | undefined {
  if (server.status !== 'up' || !(server.flavour === 'mysql' ? server.superReadOnly : server.readOnly)) return undefined
  const variable = server.flavour === 'mysql' ? 'super_read_only' : 'read_only'
  return {
    unknown: `${what} must be written, but this server is read-only (${variable} = ON): write on the primary, and open it with mysql.readOnly first`,
  }
}
