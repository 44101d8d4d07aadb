#!/bin/sh
# Makes a signed package repository as Grafana's: sh repository.sh VERSION KEYNAME, with the stand-in's text on stdin.
# The package is laid out as the real one: user, folders, modes, what is written at the first installation and at each upgrade, and the unit's sandbox.
set -eu
version=$1
export GNUPGHOME="/root/keys-$2"
repository=/srv/repository
if [ ! -d "$GNUPGHOME" ]; then
  mkdir -m 0700 "$GNUPGHOME"
  gpg --batch --quiet --passphrase '' --quick-gen-key "$2@example.org" ed25519 sign 0 2>/dev/null
fi
pool=$repository/pool/main
index=$repository/dists/stable/main/binary-amd64
mkdir -p "$pool" "$index"
umask 022

tree=$(mktemp -d)
chmod 0755 "$tree"
install -D -m 0755 /dev/stdin "$tree/usr/share/grafana/bin/grafana"
put() { install -D -m "$2" /dev/stdin "$tree$1"; }
for kind in dashboards datasources plugins alerting access-control; do
  echo '{}' | put "/usr/share/grafana/conf/provisioning/$kind/sample.yaml" 0644
done
echo '; everything as it comes' | put /usr/share/grafana/conf/sample.ini 0644
put /etc/default/grafana-server 0644 <<'END'
GRAFANA_USER=grafana
GRAFANA_GROUP=grafana
LOG_DIR=/var/log/grafana
DATA_DIR=/var/lib/grafana
CONF_FILE=/etc/grafana/grafana.ini
RESTART_ON_UPGRADE=true
PLUGINS_DIR=/var/lib/grafana/plugins
PROVISIONING_CFG_DIR=/etc/grafana/provisioning
PID_FILE_DIR=/var/run/grafana
END
echo /etc/default/grafana-server | put /DEBIAN/conffiles 0644
put /usr/lib/systemd/system/grafana-server.service 0644 <<'END'
[Unit]
Description=Grafana instance (stand-in)
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=/etc/default/grafana-server
User=grafana
Group=grafana
Type=simple
Restart=on-failure
WorkingDirectory=/usr/share/grafana
RuntimeDirectory=grafana
RuntimeDirectoryMode=0750
ExecStart=/usr/share/grafana/bin/grafana server --config=${CONF_FILE} --pidfile=${PID_FILE_DIR}/grafana-server.pid --packaging=deb cfg:default.paths.logs=${LOG_DIR} cfg:default.paths.data=${DATA_DIR} cfg:default.paths.plugins=${PLUGINS_DIR} cfg:default.paths.provisioning=${PROVISIONING_CFG_DIR}
LimitNOFILE=10000
TimeoutStopSec=20
CapabilityBoundingSet=
DeviceAllow=
LockPersonality=true
MemoryDenyWriteExecute=false
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
PrivateUsers=true
ProtectClock=true
ProtectControlGroups=true
ProtectHome=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
ProtectSystem=full
RemoveIPC=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
UMask=0027

[Install]
Alias=grafana.service
WantedBy=multi-user.target
END
put /DEBIAN/postinst 0755 <<'END'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
getent group grafana >/dev/null || addgroup --system grafana --quiet
id grafana >/dev/null 2>&1 || adduser --system --quiet --home /usr/share/grafana --no-create-home --ingroup grafana --shell /bin/false grafana
mkdir -p /etc/grafana /var/log/grafana /var/lib/grafana
chown -R grafana:grafana /var/log/grafana /var/lib/grafana
chmod 755 /var/log/grafana /var/lib/grafana
[ -f /etc/grafana/grafana.ini ] || cp /usr/share/grafana/conf/sample.ini /etc/grafana/grafana.ini
[ -d /etc/grafana/provisioning ] || cp -R /usr/share/grafana/conf/provisioning /etc/grafana/provisioning
chown -Rh root:grafana /etc/grafana/*
chmod 755 /etc/grafana
find /etc/grafana -type f -exec chmod 640 {} ';'
find /etc/grafana -type d -exec chmod 755 {} ';'
if [ -n "$2" ]; then systemctl daemon-reload; systemctl restart grafana-server || true; fi
END
control() {
  rm -f "$tree/DEBIAN/control"
  printf '%s\n' "Package: $1" "Version: $2" 'Architecture: all' 'Maintainer: Nobody <nobody@example.org>' "Depends: $3" "Description: $4" | put /DEBIAN/control 0644
  dpkg-deb --root-owner-group -b "$tree" "$pool/$1_$2_all.deb" >/dev/null
}
control grafana "$version" 'adduser, python3' 'a stand-in for Grafana'
# what nobody asked this repository for
rm -r "$tree/usr" "$tree/etc" "$tree/DEBIAN"
control curl 99.0 'adduser' 'a newer curl than that of Debian'

cd "$repository"
apt-ftparchive packages pool >"$index/Packages"
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main \
  -o APT::FTPArchive::Release::Architectures=amd64 release dists/stable >Release.new
mv Release.new dists/stable/Release
gpg --batch --quiet --yes --clearsign -o dists/stable/InRelease dists/stable/Release
gpg --armor --export >key.asc
tar c . | base64
