#!/bin/sh
# Written by deploy.sh
# This server starts read-only, like every database server of the group. It is the configured primary, so it is opened for
# writes, but not if it replicates from another server or if a peer takes writes already: two open servers lose data.
#   mysql-open-primary check   fails if it must stay closed; peers that do not answer are not waited for
#   mysql-open-primary open    gives every peer 60 seconds to answer, then opens it or fails
set -eu
peers='@PEERS@'
end=$(($(date +%s) + 60))

own() { mysql --protocol=SOCKET --batch --skip-column-names; }
ask_peer() {
  echo 'SELECT @@GLOBAL.read_only;' | mysql --defaults-extra-file=/etc/mysql/replication-client.cnf --protocol=TCP \
    --host="$1" --connect-timeout=3 --batch --skip-column-names 2>/dev/null
}
stay_closed() {
  echo "$1: this server stays read-only" >&2
  exit 1
}

source=$(echo "SELECT HOST FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = '';" | own)
[ -z "$source" ] || stay_closed "it replicates from $source"

[ "${1-}" = open ] || end=0
waiting=$peers
while :; do
  silent=
  for peer in $waiting; do
    case $(ask_peer "$peer" || echo silent) in
    0 | OFF) stay_closed "$peer is open for writes" ;;
    silent) silent="$silent $peer" ;;
    esac
  done
  waiting=$silent
  if [ -z "$waiting" ] || [ "$(date +%s)" -ge "$end" ]; then break; fi
  sleep 2
done

[ "${1-}" = open ] || exit 0
[ -z "$waiting" ] || echo "no answer from$waiting; opening without it" >&2
echo 'SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF;' | own
echo 'open for writes'
