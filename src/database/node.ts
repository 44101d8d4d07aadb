// A database server as `provision db` sees it: what the resource mysql.replication reads, and beside it the term, what a replica has
// received, and semi-synchronous replication.

import type { Flavour } from '../resources/mysql-client.ts'
import { clientPrelude } from '../resources/mysql-client.ts'
import { parseReplication, type ReplicationState, replicationProbe } from '../resources/mysql-replication-state.ts'
import { raw, sh } from '../shell/quote.ts'

/** Where hosts keep `<term> <holder>`; roles/dbcheck.ts makes its folder. */
export const termFile = '/var/lib/hostwright-database/term'

/** Who was made the primary, and the how-manieth time that was. */
export interface Term {
  readonly number: number
  /** A host's name; undefined before the first time. */
  readonly holder: string | undefined
}

/** A server that answers. */
export interface RunningServer {
  readonly status: 'up'
  readonly flavour: Flavour
  readonly takesWrites: boolean
  readonly term: Term
  readonly replication: ReplicationState
  /** What it has received of its source, applied or not: a GTID set (MySQL) or list (MariaDB). */
  readonly received: string
  /**
   * Semi-synchronous replication. `source`: a commit waits for a replica; `fell back`: none answered in time, and commits do not wait
   * until one does; `alone`: there is none. `replica`: it answers its source; `no source`: it does not.
   */
  readonly semiSync: 'off' | 'source' | 'fell back' | 'alone' | 'replica' | 'no source'
  /** State in a replication group; empty outside of one. */
  readonly member: string
}

/** What was found of a server. */
export type ServerState =
  | RunningServer
  /** The host answers, its server does not. */
  | { readonly status: 'down'; readonly reason: string; readonly term: Term }
  /** The host does not answer. */
  | { readonly status: 'unreachable'; readonly reason: string }

/** A host of the group. */
export interface DatabaseNode {
  readonly host: string
  /** How the others reach it. */
  readonly address: string
  /** Where the host stands; undefined = the inventory does not say. */
  readonly region?: string | undefined
  readonly state: ServerState
}

/** A node whose server answers. */
export interface RunningNode extends DatabaseNode {
  readonly state: RunningServer
}

/** Whether a node's server answers. */
export function isRunning(node: DatabaseNode): node is RunningNode {
  return node.state.status === 'up'
}

const nowhere = { sources: [], port: 3306, clientFile: '/etc/mysql/replication-client.cnf' }

/** Scripts that look at a server and change nothing; `parseServer` reads their output, in this order. */
export function serverProbes(): string[] {
  const mysql = `SELECT 'received', RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = '';
SELECT 'member', MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@GLOBAL.server_uuid;
SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_replica_status', 'Rpl_semi_sync_source_clients');
SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_source_enabled', 'rpl_semi_sync_replica_enabled');`
  const mariadb = `SELECT 'received', @@GLOBAL.gtid_current_pos;
SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_status', 'Rpl_semi_sync_slave_status', 'Rpl_semi_sync_master_clients');
SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled', 'rpl_semi_sync_slave_enabled');`
  return [
    readTermScript,
    replicationProbe([nowhere]),
    sh`${raw(clientPrelude)}
case $client in mysql) asked=${mysql} ;; *) asked=${mariadb} ;; esac
printf '%s\\n' "$asked" | ask 2>/dev/null || true
if [ "$client" = mariadb ]; then
  echo 'SHOW SLAVE STATUS;' | show 2>/dev/null | sed -n 's/^ *Gtid_IO_Pos: /received\t/p' || true
fi`,
  ]
}

/** Prints the host's term. */
export const readTermScript = sh`if [ -r ${termFile} ]; then cat ${termFile}; else echo '0 -'; fi`

/** A term as its file has it; what is no term counts as none. */
export function parseTerm(text: string): Term {
  const [, number = '0', holder = '-'] = /^(\d+) (\S+)\s*$/.exec(text) ?? []
  return { number: Number(number), holder: holder === '-' ? undefined : holder }
}

/** The state, from what the probes printed. */
export function parseServer([termText = '', replicationText = '', moreText = '']: readonly string[]): ServerState {
  const term = parseTerm(termText)
  const [replication] = parseReplication(replicationText, [nowhere])
  if (replication?.server.status !== 'up') {
    const reason =
      replication?.server.status === 'down' ? replication.server.message : 'no database server is installed'
    return { status: 'down', reason, term }
  }
  const { server } = replication
  const takesWrites = !server.readOnly && !server.superReadOnly
  const rows = new Map<string, string>()
  for (const line of moreText.split('\n')) {
    const [name = '', value = ''] = line.split('\t')
    // MariaDB tells the position it has received last; what it has applied comes before
    if (name !== '' && (value !== '' || !rows.has(name.toLowerCase()))) rows.set(name.toLowerCase(), value)
  }
  return {
    status: 'up',
    flavour: server.flavour,
    takesWrites,
    term,
    replication,
    received: (rows.get('received') ?? '').replaceAll('\\n', ''),
    semiSync: semiSyncOf(rows, takesWrites),
    member: rows.get('member') ?? '',
  }
}

/** That it is wished is said by the side of the replica, which is on at all servers. */
function semiSyncOf(rows: ReadonlyMap<string, string>, takesWrites: boolean): RunningServer['semiSync'] {
  const row = (source: string, mariadb: string) =>
    rows.get(`rpl_semi_sync_${source}`) ?? rows.get(`rpl_semi_sync_${mariadb}`)
  if (row('replica_enabled', 'slave_enabled') !== 'ON') return 'off'
  if (!takesWrites) return row('replica_status', 'slave_status') === 'ON' ? 'replica' : 'no source'
  const waits = row('source_enabled', 'master_enabled') === 'ON'
  if (!waits || Number(row('source_clients', 'master_clients')) === 0) return 'alone'
  return row('source_status', 'master_status') === 'ON' ? 'source' : 'fell back'
}
