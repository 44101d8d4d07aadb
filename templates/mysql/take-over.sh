#!/bin/sh
# Makes a database server the primary of a region that stands alone now: for playbooks/disaster-recovery.ts, which has seen to it that the
# other region is gone. Each part can be repeated.
#   term NAME             for every voter, first of all: the host NAME of the inventory is the primary
#   replica [POSITION…]   this server applies all that it has received, which must include the POSITIONs of the other replicas of the region;
#                         then it follows nobody any more and takes writes
#   nothing MARK          it has no data yet: notes at MARK that a backup is to be restored
#   restored MARK         it has got it: takes writes
set -eu
term_file=/var/lib/hostwright-database/term
flavour=mysql
if command -v mariadb >/dev/null 2>&1; then flavour=mariadb; fi
sql() { "$flavour" --no-defaults --protocol=SOCKET --user=root --batch --skip-column-names --execute="$1"; }
status() { "$flavour" --no-defaults --protocol=SOCKET --user=root --vertical --execute='SHOW SLAVE STATUS' | sed -n "s/^ *$1: //p"; }
fail() {
  echo "error: $*" >&2
  exit 1
}

# A term is a number that only grows. That of a lost region cannot be asked for, so this one is the time: nobody can have counted that far.
raise_term() {
  mkdir -p /var/lib/hostwright-database
  number=$(date +%s) present=0
  if [ -r "$term_file" ]; then read -r present _ <"$term_file"; fi
  if [ "$present" -ge "$number" ]; then number=$((present + 1)); fi
  printf '%s %s\n' "$number" "$1" >"$term_file.new"
  chmod 0644 "$term_file.new"
  sync "$term_file.new"
  mv -f "$term_file.new" "$term_file"
  sync /var/lib/hostwright-database
}

open() {
  if [ "$flavour" = mysql ]; then sql 'SET GLOBAL super_read_only = OFF'; fi
  sql 'SET GLOBAL read_only = OFF'
}

# However long it takes, as long as the server is at it.
apply_received() {
  if [ "$flavour" = mysql ]; then
    sql 'STOP REPLICA IO_THREAD; START REPLICA SQL_THREAD'
    received=$(sql "SELECT REPLACE(RECEIVED_TRANSACTION_SET, '\n', '') FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''")
    until has "$received"; do
      [ "$(sql "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status WHERE CHANNEL_NAME = ''")" = ON ] ||
        fail "the replica does not apply what it has received: $(sql "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0 LIMIT 1")"
      sleep 0.2
    done
  else
    # a thread that is started while none runs throws away what was received
    sql 'START SLAVE SQL_THREAD; STOP SLAVE IO_THREAD'
    received=$(status Gtid_IO_Pos)
    until has "$received"; do
      [ "$(status Slave_SQL_Running)" = Yes ] || fail "the replica does not apply what it has received: $(status Last_SQL_Error)"
      sleep 0.2
    done
  fi
}

# Whether this server has applied a position.
has() {
  case $1 in
  '') return 0 ;;
  *[!A-Za-z0-9:,_-]*) fail "expected a position, found '$1'" ;;
  esac
  if [ "$flavour" = mysql ]; then [ "$(sql "SELECT GTID_SUBSET('$1', @@GLOBAL.gtid_executed)")" = 1 ]
  else [ "$(sql "SELECT MASTER_GTID_WAIT('$1', 0)")" = 0 ]
  fi
}

what=$1
shift
case $what in
term) raise_term "$1" ;;
replica)
  apply_received
  for position; do
    has "$position" || fail "another replica of this region has received what this one has not ($position): name that one first in the group of databases"
  done
  # what is forgotten last is what tells a run that this one was interrupted
  if [ "$flavour" = mysql ]; then sql 'STOP REPLICA'; else sql 'STOP SLAVE'; fi
  open
  if [ "$flavour" = mysql ]; then sql 'RESET REPLICA ALL'; else sql 'RESET SLAVE ALL'; fi
  ;;
nothing) date -u +%FT%TZ >"$1" ;;
restored)
  open
  rm -f -- "$1"
  ;;
*) fail "expected term, replica, nothing or restored, found '$what'" ;;
esac
