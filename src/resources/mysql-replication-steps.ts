// The statements and scripts that make, re-point, start and seed a replica. Passwords are in SQL on stdin or in the option file only.
import type { ApplyStep } from '../core/resource.ts'
import { raw, sh } from '../shell/quote.ts'
import { clientPrelude, type Flavour, sqlStep } from './mysql-client.ts'
import { seedingMark } from './mysql-replication-state.ts'
import { account, identifier, literal, sessionMode } from './mysql-sql.ts'

/** The wished source. */
export interface ReplicationWish {
  readonly source: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly ca: string
  readonly clientFile: string
  readonly allowReseed: boolean
  /** Seconds to wait until both threads run. */
  readonly wait: number
}

/** Statements that stop what runs, each an error of its own if it fails. */
export function stopStatements(flavour: Flavour): string[] {
  return flavour === 'mysql' ? ['STOP REPLICA'] : ['STOP SLAVE']
}

/** Points the replica to its source, from where it stands by GTID. */
export function changeSourceStatement(flavour: Flavour, wish: ReplicationWish): string {
  const options =
    flavour === 'mysql'
      ? [
          `SOURCE_HOST = ${literal(wish.source)}`,
          `SOURCE_PORT = ${wish.port}`,
          `SOURCE_USER = ${literal(wish.user)}`,
          `SOURCE_PASSWORD = ${literal(wish.password)}`,
          'SOURCE_AUTO_POSITION = 1',
          'SOURCE_SSL = 1',
          `SOURCE_SSL_CA = ${literal(wish.ca)}`,
          'SOURCE_SSL_VERIFY_SERVER_CERT = 1',
          'SOURCE_CONNECT_RETRY = 10',
          // The default gives up after ten attempts: less than two minutes.
          'SOURCE_RETRY_COUNT = 0',
          'SOURCE_HEARTBEAT_PERIOD = 5',
        ]
      : [
          `MASTER_HOST = ${literal(wish.source)}`,
          `MASTER_PORT = ${wish.port}`,
          `MASTER_USER = ${literal(wish.user)}`,
          `MASTER_PASSWORD = ${literal(wish.password)}`,
          'MASTER_USE_GTID = slave_pos',
          'MASTER_SSL = 1',
          `MASTER_SSL_CA = ${literal(wish.ca)}`,
          'MASTER_SSL_VERIFY_SERVER_CERT = 1',
          'MASTER_CONNECT_RETRY = 10',
          'MASTER_HEARTBEAT_PERIOD = 5',
        ]
  return `${flavour === 'mysql' ? 'CHANGE REPLICATION SOURCE TO' : 'CHANGE MASTER TO'} ${options.join(', ')}`
}

/**
 * MariaDB keeps what it wrote itself and what it replicated apart: an old primary goes on from the later of the two. (Its binary log alone
 * is empty if it was seeded, promoted, and has written nothing.)
 */
export function positionStatements(flavour: Flavour): string[] {
  return flavour === 'mysql' ? [] : ['SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_current_pos']
}

/** Starts both threads and waits until they run, or says what keeps them. */
export function startSteps(flavour: Flavour, wait: number): ApplyStep[] {
  const state =
    flavour === 'mysql'
      ? `echo "SELECT CONCAT((SELECT SERVICE_STATE FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''), ' ', (SELECT SERVICE_STATE FROM performance_schema.replication_applier_status WHERE CHANNEL_NAME = ''));" | ask`
      : "echo 'SHOW SLAVE STATUS;' | show | sed -n 's/^ *Slave_IO_Running: Yes$/ON/p; s/^ *Slave_SQL_Running: Yes$/ON/p' | tr '\\n' ' ' | sed 's/ $//'"
  const report =
    flavour === 'mysql'
      ? `echo "SELECT SERVICE_STATE, LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status UNION ALL SELECT SERVICE_STATE, LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0;" | ask`
      : "echo 'SHOW SLAVE STATUS;' | show | grep -E 'Slave_(IO|SQL)_Running:|Last_(IO|SQL)_Err'"
  return [
    sqlStep([flavour === 'mysql' ? 'START REPLICA' : 'START SLAVE']),
    {
      script: sh`${raw(clientPrelude)}
left=${wait}
until [ "$(${raw(state)})" = 'ON ON' ]; do
  if [ "$left" -le 0 ]; then
    echo "replication does not run after ${wait} seconds:" >&2
    { ${raw(report)}; } >&2
    exit 1
  fi
  left=$((left - 1))
  sleep 1
done`,
    },
  ]
}

/** Closes a replica for writes. */
export function closeStatement(flavour: Flavour): string {
  return `SET GLOBAL ${flavour === 'mysql' ? 'super_read_only' : 'read_only'} = ON`
}

/** Whether commits wait for a replica: on the one that takes writes only, where semi-synchronous replication is wished at all. */
export function semiSyncStatement(flavour: Flavour, value: 'ON' | 'OFF'): string {
  return `SET GLOBAL rpl_semi_sync_${flavour === 'mysql' ? 'source' : 'master'}_enabled = ${value}`
}

/** Replaces all data of this server by the source's, then starts replication. `dropped`: schemas of its own that go. */
export function seedSteps(
  flavour: Flavour,
  wish: ReplicationWish,
  present: { readonly configured: boolean; readonly schemas: readonly string[] },
): ApplyStep[] {
  const seed = flavour === 'mysql' ? cloneSteps(wish, present.configured) : dumpSteps(wish, present.schemas)
  const unmark = flavour === 'mysql' ? [] : [unmarkStep]
  return [...seed, sqlStep([changeSourceStatement(flavour, wish)]), ...unmark, ...startSteps(flavour, wish.wait)]
}

/** Takes the mark of a load away. */
export const unmarkStep: ApplyStep = { script: sh`rm -f ${seedingMark}` }

/** MySQL: the clone plugin copies the source's data files over TLS and the server restarts itself with them. */
export function cloneSteps(
  wish: Pick<ReplicationWish, 'source' | 'port' | 'user' | 'password' | 'ca'>,
  configured: boolean,
): ApplyStep[] {
  const statements = [
    ...(configured ? ['STOP REPLICA', 'RESET REPLICA ALL'] : []),
    // Under super_read_only a clone fails when it has schemas to drop (error 1290); the file brings it back.
    'SET GLOBAL super_read_only = OFF',
    `SET GLOBAL clone_ssl_ca = ${literal(wish.ca)}`,
    `SET GLOBAL clone_valid_donor_list = ${literal(`${wish.source}:${wish.port}`)}`,
    `CLONE INSTANCE FROM ${account(wish.user, wish.source)}:${wish.port} IDENTIFIED BY ${literal(wish.password)} REQUIRE SSL`,
  ]
  return [
    {
      // The server goes away at the end of a clone (2013), or cannot restart itself without a supervisor (3707): the status decides.
      script: `${clientPrelude}
statements=$(cat)
left=600
while :; do
  code=0
  said=$(printf '%s\\n' "$statements" | ask 2>&1) || code=$?
  # a donor serves one clone at a time (3634), and other replicas may be seeded just now
  case "$said" in *'Donor Error: 3634 '*) ;; *) break ;; esac
  if [ "$left" -le 0 ]; then break; fi
  left=$((left - 1))
  sleep 1
done
if [ "$code" != 0 ]; then
  case "$said" in
  *'ERROR 2013 '* | *'ERROR 2006 '*) ;;
  *) printf '%s\\n' "$said" >&2; exit "$code" ;;
  esac
fi
left=300
until status=$(echo "SELECT CONCAT(STATE, ' ', ERROR_NO, ' ', ERROR_MESSAGE) FROM performance_schema.clone_status;" | ask 2>/dev/null); do
  if [ "$left" -le 0 ]; then echo 'the server did not come back within 300 seconds of the clone' >&2; exit 1; fi
  left=$((left - 1))
  sleep 1
done
case "$status" in
Completed*) ;;
*) printf 'the clone ended as: %s\\n' "$status" >&2; exit 1 ;;
esac`,
      input: `${[sessionMode, ...statements.map((statement) => `${statement};`)].join('\n')}\n`,
    },
  ]
}

/** MariaDB: a consistent dump over TLS, loaded as it comes; it sets gtid_slave_pos to the position of the source's binary log. */
function dumpSteps(wish: ReplicationWish, schemas: readonly string[]): ApplyStep[] {
  return [
    {
      // Nothing of ours is dropped before the source has answered.
      script: sh`echo 'SELECT 1;' | mariadb --defaults-extra-file=${wish.clientFile} --protocol=TCP --host=${wish.source} --port=${wish.port} --connect-timeout=10 >/dev/null
mkdir -p "$(dirname ${seedingMark})"
printf '%s\\n' ${`${wish.source}:${wish.port}`} >${seedingMark}`,
    },
    sqlStep([
      'STOP SLAVE',
      'RESET SLAVE ALL',
      'SET SESSION sql_log_bin = OFF',
      ...schemas.map((name) => `DROP DATABASE ${identifier(name)}`),
      // What this server wrote by itself must not stand beside the source's transactions.
      'RESET MASTER',
      "SET GLOBAL gtid_slave_pos = ''",
    ]),
    {
      script: sh`${raw(clientPrelude)}
failed=${`${seedingMark}.failed`}
rm -f -- "$failed"
inherited=$(echo 'SELECT @@GLOBAL.gtid_slave_pos;' | mariadb --defaults-extra-file=${wish.clientFile} --protocol=TCP --host=${wish.source} --port=${wish.port} --connect-timeout=10 --batch --skip-column-names)
{
  mariadb-dump --defaults-extra-file=${wish.clientFile} --protocol=TCP --host=${wish.source} --port=${wish.port} \\
    --all-databases --single-transaction --quick --master-data=1 --gtid --routines --events --triggers --hex-blob \\
    --flush-privileges --ignore-table=mysql.gtid_slave_pos --default-character-set=utf8mb4 || : >"$failed"
} | ask --init-command='SET SESSION sql_log_bin = OFF' --max-allowed-packet=1G >/dev/null
if [ -e "$failed" ]; then
  rm -f -- "$failed"
  echo 'the dump of the source failed' >&2
  exit 1
fi
# a source that was seeded and has written nothing since: its binary log, which the dump tells of, has no position
if [ -z "$(echo 'SELECT @@GLOBAL.gtid_slave_pos;' | ask)" ] && [ -n "$inherited" ]; then
  printf "SET GLOBAL gtid_slave_pos = '%s';\\n" "$inherited" | ask
fi`,
    },
  ]
}
