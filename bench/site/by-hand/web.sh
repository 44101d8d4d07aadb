# A web server with nginx, the app, and MySQL: web1 has the primary, web2 the replica.
. ./common.sh
packages ca-certificates curl sudo ufw mysql-server nodejs nginx
base
if [ "$NAME" = web1 ]; then peer=$WEB2; else peer=$WEB1; fi
firewall '22/tcp' "from $peer to any port 3306 proto tcp" "from $LB to any port 8080 proto tcp"

# MySQL: read-only on both until the primary is opened
app_password=$(cat app.password) replication_password=$(cat replication.password)
put /etc/mysql/tls/ca.pem 644 root:mysql mysql <ca.pem
put /etc/mysql/tls/server.pem 644 root:mysql mysql <server.pem
put /etc/mysql/tls/server.key 640 root:mysql mysql <server.key
id=$(echo "$ADDRESS" | { IFS=. read -r a b c d; echo $(((a << 24) + (b << 16) + (c << 8) + d)); })
fill mysql.cnf | sed "s/@SERVER_ID@/$id/" | put /etc/mysql/mysql.conf.d/zz-site.cnf 644 root:root mysql
put /etc/mysql/replication-client.cnf 600 root:root <<CNF
[client]
user="replicator"
password="$replication_password"
ssl-ca=/etc/mysql/tls/ca.pem
ssl-mode=VERIFY_IDENTITY
CNF
running mysql
refresh restart mysql
own() { mysql --protocol=SOCKET --batch --skip-column-names "$@"; }

primary() {
  sed "s/@PEERS@/$WEB2/" files/mysql-open-primary.sh | put /usr/local/sbin/mysql-open-primary 755 root:root
  put /etc/systemd/system/mysql-primary.service 644 root:root mysql-primary <files/mysql-primary.service
  if [ -e "$pending/mysql-primary" ]; then systemctl daemon-reload && systemctl enable -q mysql-primary && rm "$pending/mysql-primary"; fi
  found=$(own 2>/dev/null <<SQL || true
SELECT @@GLOBAL.read_only; SHOW DATABASES LIKE 'app'; SHOW GRANTS FOR app@'%'; SHOW GRANTS FOR replicator@'%';
SELECT user, ssl_type FROM mysql.user WHERE user IN ('app', 'replicator') ORDER BY user;
SQL
  )
  wanted="0
app
GRANT USAGE ON *.* TO \`app\`@\`%\`
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER ON \`app\`.* TO \`app\`@\`%\`
GRANT REPLICATION SLAVE ON *.* TO \`replicator\`@\`%\`
GRANT BACKUP_ADMIN ON *.* TO \`replicator\`@\`%\`
app	ANY
replicator	ANY"
  if [ "$found" = "$wanted" ] && can_log_in app "$app_password" && can_log_in replicator "$replication_password"; then return 0; fi
  say 'open the primary, databases and users'
  /usr/local/sbin/mysql-open-primary check
  own <<SQL
SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF;
CREATE DATABASE IF NOT EXISTS app CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS app@'%', replicator@'%';
ALTER USER app@'%' IDENTIFIED BY '$app_password' REQUIRE SSL;
ALTER USER replicator@'%' IDENTIFIED BY '$replication_password' REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON app.* TO app@'%';
GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replicator@'%';
SQL
}
can_log_in() {
  printf '[client]\nuser=%s\npassword=%s\n' "$1" "$2" |
    mysql --defaults-extra-file=/dev/stdin --protocol=TCP -h 127.0.0.1 --ssl-mode=REQUIRED -e 'SELECT 1' >/dev/null 2>&1
}

replica_status() { mysql --protocol=SOCKET --vertical -e "SHOW REPLICA STATUS"; }
replica() {
  status=$(replica_status)
  case $status in
  *"Source_Host: $WEB1"*"Replica_IO_Running: Yes"*"Replica_SQL_Running: Yes"*) return 0 ;;
  *"Source_Host: $WEB1"*)
    say 'start replication'
    own -e 'STOP REPLICA; START REPLICA'
    return 0
    ;;
  esac
  primary_open() {
    [ "$(mysql --defaults-extra-file=/etc/mysql/replication-client.cnf -h "$WEB1" --batch --skip-column-names -e 'SELECT @@GLOBAL.read_only')" = 0 ]
  }
  try_for 300 primary_open
  say 'clone the primary'
  # the server restarts itself at the end, so the client's error says nothing; the status does
  own >clone.log 2>&1 <<SQL || true
SET GLOBAL super_read_only = OFF; SET GLOBAL clone_ssl_ca = '/etc/mysql/tls/ca.pem'; SET GLOBAL clone_valid_donor_list = '$WEB1:3306';
CLONE INSTANCE FROM replicator@'$WEB1':3306 IDENTIFIED BY '$replication_password' REQUIRE SSL;
SQL
  cloned() { [ "$(own -e 'SELECT STATE FROM performance_schema.clone_status')" = Completed ]; }
  try_for 120 cloned
  own <<SQL
CHANGE REPLICATION SOURCE TO SOURCE_HOST = '$WEB1', SOURCE_USER = 'replicator', SOURCE_PASSWORD = '$replication_password',
  SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_SSL_CA = '/etc/mysql/tls/ca.pem', SOURCE_SSL_VERIFY_SERVER_CERT = 1,
  SOURCE_CONNECT_RETRY = 10, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 5;
START REPLICA;
SQL
  following() { replica_status | grep -c 'Running: Yes' | grep -qx 2; }
  try_for 60 following
}
if [ "$NAME" = web1 ]; then primary; fi

# The app
getent group app >/dev/null || groupadd --system app
getent passwd app >/dev/null || useradd --system --gid app --home-dir /srv/app --no-create-home --shell /usr/sbin/nologin app
put /etc/app/tls/ca.pem 644 root:app app <ca.pem
put /etc/app/app.env 600 root:root app <<ENV
PORT="3000"
LISTEN="127.0.0.1"
SERVER_NAME="$NAME"
DB_WRITE_HOST="web1"
DB_READ_HOSTS="web2"
DB_NAME="app"
DB_USER="app"
DB_PASSWORD="$app_password"
DB_CA="/etc/app/tls/ca.pem"
ENV
release=/srv/app/releases/$RELEASE
if [ ! -d "$release" ]; then
  say "unpack release $RELEASE"
  (umask 022 && mkdir -p "$release.new")
  tar x --no-same-owner -C "$release.new" -f app.tar
  chmod 755 "$release.new"
  mv "$release.new" "$release"
fi
if [ "$(readlink /srv/app/current)" != "releases/$RELEASE" ]; then
  : >"$pending/app"
  ln -sfn "releases/$RELEASE" /srv/app/current.new
  mv -T /srv/app/current.new /srv/app/current
fi
put /etc/systemd/system/app.service 644 root:root app <files/app.service
if systemctl show -p NeedDaemonReload app | grep -q yes; then systemctl daemon-reload; fi
running app
refresh restart app

# nginx
rm -f /etc/nginx/sites-enabled/default
fill site.conf | put /etc/nginx/conf.d/site.conf 644 root:root nginx
if [ -e "$pending/nginx" ]; then nginx -t -q; fi
running nginx
refresh reload nginx

# Last, so that waiting for the primary holds nothing else up
if [ "$NAME" = web2 ]; then replica; fi
try_for 30 curl -fs http://127.0.0.1:8080/healthz
