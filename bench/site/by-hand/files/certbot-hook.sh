#!/bin/sh
# Written by deploy.sh
# the key and the chain become one file for HAProxy, written beside, checked, renamed; then HAProxy reloads.
set -eu
umask 077
lineage=${RENEWED_LINEAGE:-/etc/letsencrypt/live/www.foobar.com}
[ "${lineage##*/}" = 'www.foobar.com' ] || exit 0
out='/etc/haproxy/certs/www.foobar.com.pem'
new=$(mktemp '/etc/haproxy/certs/.new.XXXXXX')
trap 'rm -f "$new"' EXIT
cat "$lineage/fullchain.pem" "$lineage/privkey.pem" >"$new"
[ "$(openssl pkey -in "$new" -pubout)" = "$(openssl x509 -in "$new" -pubkey -noout)" ]
chmod 0600 "$new"
mv -f "$new" "$out"
rm -f '/etc/haproxy/certs/00-placeholder.pem'
if systemctl is-active --quiet haproxy; then
  haproxy -c -q -f /etc/haproxy/haproxy.cfg
  systemctl reload haproxy
fi
