#!/bin/bash
# The reference site by hand: deploy.sh SITE-FILE. What a competent person would write instead of roles: plain OpenSSH and
# sh, one connection a host, hosts in parallel, one script for each kind of host, safe to run again. SITE-FILE sets
# LB WEB1 WEB2 (addresses), LOGIN, IDENTITY, KNOWN_HOSTS, ACME_DIRECTORY, ACME_CA (file), APP (folder), STATE (folder).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$1"
umask 077
mkdir -p "$STATE"

# Secrets and the internal CA are made once and stay in STATE.
for name in app replication; do
  [ -s "$STATE/$name.password" ] || openssl rand -hex 16 >"$STATE/$name.password"
done
if [ ! -s "$STATE/ca.pem" ]; then
  openssl req -x509 -newkey ed25519 -nodes -days 3650 -subj '/CN=internal CA' -keyout "$STATE/ca.key" -out "$STATE/ca.pem" 2>/dev/null
fi
certificate() { # NAME ADDRESS
  if [ -s "$STATE/$1.pem" ] && openssl x509 -in "$STATE/$1.pem" -noout -checkip "$2" -checkend 2592000 >/dev/null; then return; fi
  openssl req -newkey ed25519 -nodes -subj "/CN=$1" -keyout "$STATE/$1.key" -out "$STATE/$1.csr" 2>/dev/null
  openssl x509 -req -in "$STATE/$1.csr" -CA "$STATE/ca.pem" -CAkey "$STATE/ca.key" -days 3650 -out "$STATE/$1.pem" \
    -extfile <(printf 'subjectAltName=DNS:%s,IP:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$1" "$2") 2>/dev/null
}
certificate web1 "$WEB1"
certificate web2 "$WEB2"
release=$(cd "$APP" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-40)

work=$(mktemp -d)
trap 'for host in lb1 web1 web2; do ssh -o "ControlPath=$work/$host" -O exit x 2>/dev/null || true; done; rm -rf "$work"' EXIT
remote() { # NAME ADDRESS COMMAND: one connection a host, kept for the run
  ssh -F none -i "$IDENTITY" -o "UserKnownHostsFile=$KNOWN_HOSTS" -o BatchMode=yes -o LogLevel=ERROR \
    -o ControlMaster=auto -o "ControlPath=$work/$1" -o ControlPersist=60 "$LOGIN@$2" "$3"
}
unpack='sudo -n sh -c '\''umask 077; d=$(mktemp -d) && trap "rm -rf $d" EXIT && tar xz -C "$d" && cd "$d" && sh ./main.sh'\'

host() { # NAME ADDRESS SCRIPT
  local box=$work/box.$1
  mkdir "$box"
  cp -r "$here/common.sh" "$here/files" "$box/"
  cp "$here/$3" "$box/main.sh"
  cat >"$box/site.env" <<ENV
NAME=$1 ADDRESS=$2 LB=$LB WEB1=$WEB1 WEB2=$WEB2 RELEASE=$release ACME_DIRECTORY=$ACME_DIRECTORY
ENV
  if [ "$3" = web.sh ]; then
    cp "$STATE/ca.pem" "$STATE/app.password" "$STATE/replication.password" "$box/"
    cp "$STATE/$1.pem" "$box/server.pem"
    cp "$STATE/$1.key" "$box/server.key"
    remote "$1" "$2" "test -d /srv/app/releases/$release" </dev/null || tar c -C "$APP" --mode=u=rwX,go=rX . >"$box/app.tar"
  else
    cp "$ACME_CA" "$box/acme-ca.pem"
  fi
  tar cz -C "$box" . | remote "$1" "$2" "$unpack" 2>&1 | sed "s/^/$1: /"
}
running=()
host lb1 "$LB" lb.sh & running+=($!)
host web1 "$WEB1" web.sh & running+=($!)
host web2 "$WEB2" web.sh & running+=($!)
status=0
for one in "${running[@]}"; do wait "$one" || status=1; done
exit "$status"
