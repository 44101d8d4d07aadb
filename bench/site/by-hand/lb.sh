# The load balancer: HAProxy with a certificate of the ACME authority.
. ./common.sh
packages ca-certificates curl sudo ufw haproxy socat openssl certbot
base
firewall '22/tcp' '80/tcp' '443/tcp'

certs=/etc/haproxy/certs live=/etc/letsencrypt/live/www.foobar.com
[ -d $certs ] || install -d -m 700 $certs
if ! ls $certs/*.pem >/dev/null 2>&1; then # HAProxy does not listen on 443 without any
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=placeholder.invalid \
    -keyout key -out cert 2>/dev/null
  cat cert key >$certs/00-placeholder.pem
fi
fill haproxy.cfg | put /etc/haproxy/haproxy.cfg 644 root:root haproxy
if [ -e "$pending/haproxy" ]; then haproxy -c -q -f /etc/haproxy/haproxy.cfg; fi
running haproxy
refresh reload haproxy

put /etc/letsencrypt/renewal-hooks/deploy/haproxy 755 root:root <files/certbot-hook.sh
put /etc/letsencrypt/acme-ca.pem 644 root:root <acme-ca.pem
put /etc/systemd/system/certbot.service.d/ca.conf 644 root:root certbot.service <<UNIT
[Service]
Environment=REQUESTS_CA_BUNDLE=/etc/letsencrypt/acme-ca.pem
UNIT
if [ -e "$pending/certbot.service" ]; then systemctl daemon-reload && rm "$pending/certbot.service"; fi
if ! { openssl x509 -in $live/cert.pem -noout -checkend 864000 &&
  openssl x509 -in $live/cert.pem -noout -checkhost foobar.com | grep -q 'does match'; } >/dev/null 2>&1; then
  say 'ask for a certificate'
  REQUESTS_CA_BUNDLE=/etc/letsencrypt/acme-ca.pem certbot certonly -q --non-interactive --agree-tos --no-eff-email \
    --register-unsafely-without-email --server "$ACME_DIRECTORY" --standalone --http-01-address 127.0.0.1 --http-01-port 8888 \
    --cert-name www.foobar.com --key-type ecdsa --keep-until-expiring -d www.foobar.com -d foobar.com
fi
if ! cat $live/fullchain.pem $live/privkey.pem | cmp -s - $certs/www.foobar.com.pem; then
  say 'install the certificate'
  RENEWED_LINEAGE=$live /etc/letsencrypt/renewal-hooks/deploy/haproxy
fi
running certbot.timer

# The site is up when both web servers are.
both_up() { [ "$(echo 'show stat' | socat - /run/haproxy/admin.sock | awk -F, '$1 == "web" && $2 != "BACKEND" && $18 ~ /^UP/' | wc -l)" = 2 ]; }
try_for 120 both_up
