// The scripts by which servers change their parts. Each is one request to one host, under `set -eu`; passwords travel on stdin.
import type { ApplyStep } from '../core/resource.ts'
import { clientPrelude, type Flavour, sqlStep } from '../resources/mysql-client.ts'
import { compareMariadbGtids } from '../resources/mysql-gtid.ts'
import {
  changeSourceStatement,
  closeStatement,
  positionStatements,
  type ReplicationWish,
  semiSyncStatement,
  startSteps,
  stopStatements,
} from '../resources/mysql-replication-steps.ts'
import { literal } from '../resources/mysql-sql.ts'
import { raw, sh } from '../shell/quote.ts'
import { onlyIn } from './gtid.ts'
import { type RunningServer, termFile } from './node.ts'

const position = { mysql: '@@GLOBAL.gtid_executed', mariadb: '@@GLOBAL.gtid_current_pos' }

function ask(statements: readonly string[]): string {
  return sh`${raw(clientPrelude)}
printf '%s\\n' ${statements.map((statement) => `${statement};`).join('\n')} | ask`
}

/** Closes a primary when its commits have ended, and prints its last position; gives up after some seconds, unchanged. */
export function closeStep(flavour: Flavour): ApplyStep {
  return {
    script: ask(['SET SESSION lock_wait_timeout = 5', closeStatement(flavour), `SELECT ${position[flavour]}`]),
  }
}

/** What a step must know of a server. */
export type ServerKind = Pick<RunningServer, 'flavour' | 'semiSync'>

/** Opens a server for writes again. */
export function openStep(server: ServerKind): ApplyStep {
  return { script: ask(openStatements(server)) }
}

function openStatements({ flavour, semiSync }: ServerKind): string[] {
  return [
    ...(semiSync === 'off' ? [] : [semiSyncStatement(flavour, 'ON')]),
    ...(flavour === 'mysql' ? ['SET GLOBAL super_read_only = OFF'] : []),
    'SET GLOBAL read_only = OFF',
  ]
}

/** Makes commits wait for a replica again, after the server has fallen back: it would not wait for the first one. */
export function waitAgainStep(flavour: Flavour): ApplyStep {
  return { script: ask([semiSyncStatement(flavour, 'OFF'), semiSyncStatement(flavour, 'ON')]) }
}

/** Waits until a replica has applied a position; fails if it does not in time. */
export function catchUpStep(flavour: Flavour, upTo: string, seconds: number): ApplyStep {
  const wait = flavour === 'mysql' ? 'WAIT_FOR_EXECUTED_GTID_SET' : 'MASTER_GTID_WAIT'
  const statement = `SELECT ${wait}(${literal(upTo)}, ${seconds});`
  return {
    script: sh`${raw(clientPrelude)}
waited=$(echo ${statement} | ask)
if [ "$waited" != 0 ]; then
  echo "the replica has not applied everything after ${seconds} seconds" >&2
  exit 1
fi`,
  }
}

/** Stops receiving, and waits until all that was received is applied. */
export function drainStep(flavour: Flavour, seconds: number): ApplyStep {
  const [stop, question] =
    flavour === 'mysql'
      ? [
          'STOP REPLICA IO_THREAD; START REPLICA SQL_THREAD;',
          `SELECT COALESCE((SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, ${seconds}) FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''), 0);`,
        ]
      : // a thread that is started while none runs throws away what was received
        ['START SLAVE SQL_THREAD; STOP SLAVE IO_THREAD;', '']
  const mariadbWait = sh`received=$(echo 'SHOW SLAVE STATUS;' | show | sed -n 's/^ *Gtid_IO_Pos: //p')
waited=0
if [ -n "$received" ]; then waited=$(echo "SELECT MASTER_GTID_WAIT('$received', ${seconds});" | ask); fi`
  return {
    script: sh`${raw(clientPrelude)}
echo ${stop} | ask
${raw(flavour === 'mysql' ? sh`waited=$(echo ${question} | ask)` : mariadbWait)}
if [ "$waited" != 0 ]; then
  echo "what was received is not applied after ${seconds} seconds" >&2
  exit 1
fi`,
  }
}

/** Makes a replica the primary: it follows nobody any more, and takes writes. */
export function promoteStep(server: ServerKind): ApplyStep {
  const { flavour } = server
  const forget = flavour === 'mysql' ? 'RESET REPLICA ALL' : 'RESET SLAVE ALL'
  return { script: ask([...stopStatements(flavour), forget, ...openStatements(server)]) }
}

/** Writes a term that only grows; fails if the host knows of the same or a later one already. */
export function raiseTermStep(number: number, holder: string): ApplyStep {
  const folder = termFile.slice(0, termFile.lastIndexOf('/'))
  return {
    script: sh`mkdir -p ${folder}
chmod 0755 ${folder}
present=0
if [ -r ${termFile} ]; then read -r present rest <${termFile} || true; fi
if [ "$present" -ge ${number} ]; then
  echo "this host knows of term $present $rest already" >&2
  exit 1
fi
printf '%s %s\\n' ${number} ${holder} >${termFile}.new
chmod 0644 ${termFile}.new
sync ${termFile}.new
mv ${termFile}.new ${termFile}
sync ${folder}`,
  }
}

/** Closes a server that is to become a replica, and ends its waiting for replicas. */
export function retireStep(server: ServerKind): ApplyStep {
  return sqlStep(retireStatements(server))
}

function retireStatements({ flavour, semiSync }: ServerKind): string[] {
  return [closeStatement(flavour), ...(semiSync === 'off' ? [] : [semiSyncStatement(flavour, 'OFF')])]
}

/** Points a server to the primary, closed for writes, from where it stands, and waits until both threads run. */
export function followStep(server: ServerKind, wish: ReplicationWish, wasReplica: boolean): ApplyStep[] {
  const { flavour } = server
  return [
    sqlStep([
      ...retireStatements(server),
      ...(wasReplica ? stopStatements(flavour) : positionStatements(flavour)),
      changeSourceStatement(flavour, wish),
    ]),
    ...startSteps(flavour, wish.wait),
  ]
}

/** A server that had to stay closed when it started has a failed unit; now that it has its place the unit is asked again, as the next run would. */
export const settleStep: ApplyStep = {
  script: `if systemctl is-failed --quiet mysql-primary.service; then systemctl start mysql-primary.service || true; fi`,
}

/** Tells HAProxy at once what its next check would find. Where there is no such listener nothing happens. */
export function nudgeStep(changes: readonly { readonly server: string; readonly health: 'up' | 'down' }[]): ApplyStep {
  const lines = changes.flatMap(({ server, health }) => [
    `set server db_write/${server} health ${health}`,
    ...(health === 'down' ? [`shutdown sessions server db_write/${server}`] : []),
  ])
  return {
    script: sh`if [ -S /run/haproxy/admin.sock ] && command -v socat >/dev/null; then
  echo ${lines.join('; ')} | socat -t 2 - UNIX-CONNECT:/run/haproxy/admin.sock >/dev/null 2>&1 || true
fi`,
  }
}

/** Whether this host reaches a server; prints `reached` or `silent`. For a proof that a primary is dead. */
export function reachStep(address: string): ApplyStep {
  return {
    script: sh`if timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/3306"' ${address} 2>/dev/null; then echo reached; else echo silent; fi`,
  }
}

/** Ends a server that does not answer its client but may still be alive; it starts read-only, if at all. */
export function fenceStep(flavour: Flavour): ApplyStep {
  const unit = flavour === 'mysql' ? 'mysql.service' : 'mariadb.service'
  return {
    script: sh`timeout 20 systemctl stop ${unit} || true
systemctl kill --signal=KILL ${unit} 2>/dev/null || true
if systemctl is-active --quiet ${unit}; then
  echo '${raw(unit)} is still running' >&2
  exit 1
fi`,
  }
}

/**
 * Writes the errant transactions of a server to a file on its host, readable and replayable, and prints how many bytes that is. On MariaDB
 * they follow in its history what both have, and are written without their numbers, which are taken by now.
 */
export function saveErrantStep(flavour: Flavour, own: string, primaryHas: string, path: string): ApplyStep {
  const dump =
    flavour === 'mysql'
      ? sh`mysqlbinlog --verbose --include-gtids=${onlyIn(flavour, own, primaryHas)} $list >${path}.new`
      : sh`mariadb-binlog --verbose ${raw(startOf(own, primaryHas))} $list >${path}.all
sed -E '/^[/][*]M?!100001 SET @@session[.](gtid_seq_no|gtid_domain_id|server_id)=/d' ${path}.all >${path}.new
rm ${path}.all`
  return {
    script: sh`${raw(clientPrelude)}
umask 077
list=$(echo 'SHOW BINARY LOGS;' | ask | cut -f 1)
base=$(echo 'SELECT @@GLOBAL.log_bin_basename;' | ask)
cd "$(dirname "$base")"
# shellcheck disable=SC2086 # a list of names of files
${raw(dump)}
sync ${path}.new
mv ${path}.new ${path}
stat -c %s ${path}`,
  }
}

/** Of a domain in which the two have nothing in common everything is errant. */
function startOf(own: string, primaryHas: string): string {
  const { common } = compareMariadbGtids(own, primaryHas)
  return common.length === 0 ? '' : sh`--start-position=${common.join(',')}`
}
