// What a replica is now: read from performance_schema (MySQL) or SHOW SLAVE STATUS and master.info (MariaDB), and, over the network as the
// replication account, what its source has. See "Replication Tables" in the MySQL manual and SHOW REPLICA STATUS in MariaDB's.
import { ProvisionError } from '../core/error.ts'
import { sh } from '../shell/quote.ts'
import { type Flavour, parseAnswer, probeScript, type Server } from './mysql-client.ts'
import { formatMariadbGtids, parseMariadbGtids } from './mysql-gtid.ts'
import { literal } from './mysql-sql.ts'

/** Stands while a dump is loaded into MariaDB, so that half of one is not mistaken for somebody's data. MySQL's clone needs no mark: it leaves all or nothing. */
export const seedingMark = '/var/lib/hostwright/mysql-seeding'

/** A thread of replication. */
export interface ReplicationThread {
  readonly state: 'on' | 'connecting' | 'off'
  readonly errorNumber: number
  readonly error: string
}

/** The configured source; settings that a flavour does not have are as wished. */
export interface ReplicationSource {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly gtid: boolean
  readonly tls: boolean
  readonly ca: string
  readonly verify: boolean
  /** How often the replica tries to connect before it gives up; 0 = for ever. */
  readonly retries: number
  /** SHA-256 of the stored password. */
  readonly passwordDigest: string
}

/** What the wished source says of itself. */
export type SourceAnswer =
  | { readonly status: 'unknown'; readonly message: string }
  | {
      readonly status: 'known'
      /** As the replica's own. */
      readonly executed: string
      readonly purged: string
      readonly serverId: string
      readonly serverUuid: string
      readonly readOnly: boolean
    }

export interface ReplicationState {
  readonly server: Server
  readonly serverId: string
  readonly serverUuid: string
  /** MySQL's gtid_mode; `ON` on MariaDB, which has no switch. */
  readonly gtidMode: string
  /** All that it has, written, replicated or seeded. MySQL: gtid_executed; MariaDB: gtid_binlog_state and gtid_slave_pos together. */
  readonly executed: string
  /** Schemas that are not the server's own. */
  readonly schemas: readonly string[]
  /** The mark of a load that did not end. */
  readonly seeding: boolean
  readonly configured: ReplicationSource | undefined
  readonly io: ReplicationThread
  readonly sql: ReplicationThread
  readonly lagSeconds: number | undefined
  readonly source: SourceAnswer
  /** Of the wished sources the one to follow: the only one that takes writes, else the one it follows already; undefined if there is none. */
  readonly chosen: string | undefined
  /** The wished sources that take writes. */
  readonly writable: readonly string[]
}

/** Which source a replica shall ask, and with what. */
export interface SourceQuestion {
  readonly sources: readonly string[]
  readonly port: number
  /** Option file with user, password and TLS settings. */
  readonly clientFile: string
}

const systemSchemas = ['mysql', 'sys', 'information_schema', 'performance_schema'].map(literal).join(', ')
const schemata = `SELECT 'schema', SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN (${systemSchemas});`

const mysqlQuery = `SELECT 'self', @@GLOBAL.server_id, @@GLOBAL.server_uuid, @@GLOBAL.gtid_mode, @@GLOBAL.gtid_executed;
${schemata}
SELECT 'configured', HOST, PORT, USER, AUTO_POSITION, SSL_ALLOWED, SSL_CA_FILE, SSL_VERIFY_SERVER_CERTIFICATE, CONNECTION_RETRY_COUNT FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = '';
SELECT 'password', SHA2(User_password, 256) FROM mysql.slave_master_info WHERE Channel_name = '';
SELECT 'io', SERVICE_STATE, LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = '';
SELECT 'sql', SERVICE_STATE FROM performance_schema.replication_applier_status WHERE CHANNEL_NAME = '';
SELECT 'sqlerror', LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker WHERE CHANNEL_NAME = '' AND LAST_ERROR_NUMBER <> 0;
SELECT 'sqlerror', LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_coordinator WHERE CHANNEL_NAME = '' AND LAST_ERROR_NUMBER <> 0;
SELECT 'lag', COALESCE(MAX(IF(APPLYING_TRANSACTION = '', 0, TIMESTAMPDIFF(SECOND, APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW()))), 0) FROM performance_schema.replication_applier_status_by_worker WHERE CHANNEL_NAME = '';`

/** Its binary log does not tell of what a server was seeded with: one that was seeded and then promoted has that in gtid_slave_pos only. */
const mariadbHistory = "CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_binlog_state, ''), NULLIF(@@GLOBAL.gtid_slave_pos, ''))"

const mariadbQuery = `SELECT 'self', @@GLOBAL.server_id, '', 'ON', ${mariadbHistory};
SELECT 'datadir', @@GLOBAL.datadir;
${schemata}`

const mysqlSourceQuery =
  "SELECT 'source', @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged, @@GLOBAL.server_id, @@GLOBAL.server_uuid, @@GLOBAL.read_only;"
const mariadbSourceQuery = `SELECT 'source', ${mariadbHistory}, '', @@GLOBAL.server_id, '', @@GLOBAL.read_only;`

/** Asks the host about itself, then each wished source; own state first, so that what a replica has and its source has not is errant. */
export function replicationProbe(wishes: readonly SourceQuestion[]): string {
  const local = sh`if [ -e ${seedingMark} ]; then echo seeding; fi
case "$answer" in
*[Mm]aria[Dd][Bb]*)
  source_query=${mariadbSourceQuery}
  if told=$(printf '%s\\n' ${mariadbQuery} | ask 2>&1); then
    printf '%s\\n' "$told"
    echo 'SHOW SLAVE STATUS;' | show | sed 's/^ */status\t/'
    datadir=$(printf '%s\\n' "$told" | sed -n 's/^datadir\t//p')
    if [ -f "$datadir/master.info" ]; then
      printf 'password\\t%s\\n' "$(sed -n 6p "$datadir/master.info" | tr -d '\\n' | sha256sum | cut -c 1-64)"
    fi
  else
    printf 'failed\\t'
    printf '%s\\n' "$told" | tr '\\n\\t' '  '
    echo
  fi ;;
*)
  source_query=${mysqlSourceQuery}
  if told=$(printf '%s\\n' ${mysqlQuery} | ask 2>&1); then
    printf '%s\\n' "$told"
  else
    printf 'failed\\t'
    printf '%s\\n' "$told" | tr '\\n\\t' '  '
    echo
  fi ;;
esac`
  const questions = wishes.flatMap(({ sources, port, clientFile }) =>
    sources.map((source) => ({ source, port, clientFile })),
  )
  const sources = questions.map(
    (wish, index) => sh`printf 'ask\\t%s\\n' ${index}
if [ ! -r ${wish.clientFile} ]; then
  printf 'unknown\\t%s is not there\\n' ${wish.clientFile}
elif told=$(printf '%s\\n' "$source_query" | "$client" --defaults-extra-file=${wish.clientFile} --protocol=TCP --host=${wish.source} --port=${wish.port} --connect-timeout=5 --batch --skip-column-names 2>&1); then
  printf '%s\\n' "$told"
else
  printf 'unknown\\t'
  printf '%s\\n' "$told" | tr '\\n\\t' '  '
  echo
fi`,
  )
  return probeScript('', [local, ...sources].join('\n'))
}

const off: ReplicationThread = { state: 'off', errorNumber: 0, error: '' }

/** The state for each wish. */
export function parseReplication(stdout: string, wishes: readonly SourceQuestion[]): ReplicationState[] {
  const { server, rows } = parseAnswer(stdout, 'mysql.replication')
  const own: ReplicationState = {
    server,
    serverId: '',
    serverUuid: '',
    gtidMode: '',
    executed: '',
    schemas: [],
    seeding: false,
    configured: undefined,
    io: off,
    sql: off,
    lagSeconds: undefined,
    source: { status: 'unknown', message: 'it was not asked' },
    chosen: undefined,
    writable: [],
  }
  if (server.status !== 'up') return wishes.map(() => own)
  const local = rows.slice(0, indexOrEnd(rows, 'ask'))
  const self = local.find(([kind, ...rest]) => kind === 'self' && rest.length === 4)
  if (!self) {
    throw new ProvisionError({
      code: 'probe',
      message: `mysql.replication: expected the server's identity, found ${JSON.stringify(local[0] ?? [])}`,
    })
  }
  const [, serverId = '', serverUuid = '', gtidMode = '', executed = ''] = self
  const state: ReplicationState = {
    ...own,
    serverId,
    serverUuid,
    gtidMode,
    executed: server.flavour === 'mysql' ? executed.replaceAll('\n', '') : oneHistory(executed),
    schemas: local.filter(([kind]) => kind === 'schema').map(([, name = '']) => name),
    seeding: local.some(([kind]) => kind === 'seeding'),
    ...(server.flavour === 'mysql' ? parseMysql(local) : parseMariadb(local)),
  }
  let asked = 0
  return wishes.map(({ sources }) => {
    const answers = sources.map((source) => ({ source, answer: sourceAnswer(server.flavour, rows, asked++) }))
    return { ...state, ...choose(answers, state.configured?.host) }
  })
}

/** The only source is the one to follow, whatever it is; of several it is the one that takes writes, or while none does the present one. */
function choose(answers: readonly { source: string; answer: SourceAnswer }[], present: string | undefined) {
  const open = answers.filter(({ answer }) => answer.status === 'known' && !answer.readOnly)
  const chosen = answers.length === 1 ? answers[0] : (open[0] ?? answers.find(({ source }) => source === present))
  return {
    chosen: chosen?.source,
    source: chosen?.answer ?? { status: 'unknown' as const, message: 'none of its possible sources takes writes' },
    writable: open.map(({ source }) => source),
  }
}

function indexOrEnd(rows: readonly string[][], kind: string): number {
  const index = rows.findIndex(([first]) => first === kind)
  return index < 0 ? rows.length : index
}

function sourceAnswer(flavour: Flavour, rows: readonly string[][], index: number): SourceAnswer {
  const start = rows.findIndex(([kind, number]) => kind === 'ask' && number === String(index))
  const answer = start < 0 ? [] : rows.slice(start + 1)
  const part = answer.slice(0, indexOrEnd(answer, 'ask'))
  const source = part.find(([kind, ...rest]) => kind === 'source' && rest.length === 5)
  if (!source) {
    const message = part.find(([kind]) => kind === 'unknown')?.[1]?.trim()
    return { status: 'unknown', message: message ?? `it said ${JSON.stringify(part.flat().join(' ').slice(0, 120))}` }
  }
  const [, executed = '', purged = '', serverId = '', serverUuid = '', readOnly = ''] = source
  return {
    status: 'known',
    executed: flavour === 'mysql' ? executed.replaceAll('\n', '') : oneHistory(executed),
    purged: purged.replaceAll('\n', ''),
    serverId,
    serverUuid,
    // MariaDB 12 has words for it; only OFF takes writes.
    readOnly: !['0', 'OFF'].includes(readOnly),
  }
}

/** The two lists of MariaDB as one, each server once. */
function oneHistory(lists: string): string {
  return formatMariadbGtids(parseMariadbGtids(lists))
}

type Threads = Pick<ReplicationState, 'configured' | 'io' | 'sql' | 'lagSeconds'>

function parseMysql(rows: readonly string[][]): Threads {
  const row = (kind: string): readonly string[] | undefined => rows.find(([first]) => first === kind)?.slice(1)
  const configured = row('configured')
  if (!configured) return { configured: undefined, io: off, sql: off, lagSeconds: undefined }
  const [host = '', port = '', user = '', gtid = '', tls = '', ca = '', verify = '', retries = ''] = configured
  const [ioState = '', ioNumber = '0', ioError = ''] = row('io') ?? []
  const [sqlState = ''] = row('sql') ?? []
  const [sqlNumber = '0', sqlError = ''] = row('sqlerror') ?? []
  return {
    configured: {
      host,
      port: Number(port),
      user,
      gtid: gtid === '1',
      tls: tls === 'YES',
      ca,
      verify: verify === 'YES',
      retries: Number(retries),
      passwordDigest: row('password')?.[0]?.toLowerCase() ?? '',
    },
    io: { state: threadState(ioState), errorNumber: Number(ioNumber), error: ioError },
    sql: { state: threadState(sqlState), errorNumber: Number(sqlNumber), error: sqlError },
    lagSeconds: Number(row('lag')?.[0] ?? 0),
  }
}

function parseMariadb(rows: readonly string[][]): Threads {
  const fields = new Map<string, string>()
  for (const [kind, text = ''] of rows) {
    const match = /^([A-Za-z_]+): ?(.*)$/s.exec(text)
    if (kind === 'status' && match && !fields.has(match[1] ?? '')) fields.set(match[1] ?? '', match[2] ?? '')
  }
  const field = (name: string): string => fields.get(name) ?? ''
  if (field('Master_Host') === '') return { configured: undefined, io: off, sql: off, lagSeconds: undefined }
  const lag = field('Seconds_Behind_Master')
  return {
    configured: {
      host: field('Master_Host'),
      port: Number(field('Master_Port')),
      user: field('Master_User'),
      gtid: field('Using_Gtid') === 'Slave_Pos',
      tls: field('Master_SSL_Allowed') === 'Yes',
      ca: field('Master_SSL_CA_File'),
      verify: field('Master_SSL_Verify_Server_Cert') === 'Yes',
      retries: 0,
      passwordDigest: rows.find(([kind]) => kind === 'password')?.[1] ?? '',
    },
    io: {
      state: threadState(field('Slave_IO_Running')),
      errorNumber: Number(field('Last_IO_Errno')),
      error: field('Last_IO_Error'),
    },
    sql: {
      state: threadState(field('Slave_SQL_Running')),
      errorNumber: Number(field('Last_SQL_Errno')),
      error: field('Last_SQL_Error'),
    },
    lagSeconds: /^\d+$/.test(lag) ? Number(lag) : undefined,
  }
}

function threadState(text: string): ReplicationThread['state'] {
  const states: Readonly<Record<string, ReplicationThread['state']>> = {
    ON: 'on',
    Yes: 'on',
    CONNECTING: 'connecting',
    Connecting: 'connecting',
    Preparing: 'connecting',
    OFF: 'off',
    No: 'off',
  }
  const state = states[text]
  if (state) return state
  throw new ProvisionError({
    code: 'probe',
    message: `mysql.replication: expected a thread to be on, connecting or off, found '${text}'`,
  })
}
