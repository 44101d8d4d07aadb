#!/bin/sh
# The floor: one plain ssh a host, and one sh script that checks all 50 resources and repairs what is off.
# INVENTORY has lines `name address port`; DATA/floor has the script of each host; SSH_OPTIONS may keep connections.
pids=
while read -r name address port; do
  # shellcheck disable=SC2086 # several options
  ssh -F none -p "$port" -i "$IDENTITY" -o UserKnownHostsFile="$KNOWN_HOSTS" -o BatchMode=yes $SSH_OPTIONS \
    "root@$address" sh -s <"$DATA/floor/$name" >"$FOLDER/$name" 2>&1 &
  pids="$pids $!"
done <"$INVENTORY"
code=0
for pid in $pids; do wait "$pid" || code=1; done
while read -r name address port; do cat "$FOLDER/$name"; done <"$INVENTORY"
exit $code
