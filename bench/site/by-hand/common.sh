# What the host scripts share. A change is said in one line; a run that changes nothing says nothing.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"
. ./site.env
pending=/run/by-hand
mkdir -p "$pending"

say() { printf '%s\n' "$*"; }

# put DEST MODE OWNER:GROUP [UNIT] <content: writes a file if it differs; UNIT then waits for `refresh`, even if this run dies
put() {
  cat >put.new
  if cmp -s put.new "$1" && [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ]; then return 0; fi
  [ -z "${4-}" ] || : >"$pending/$4"
  say "write $1"
  (umask 022 && mkdir -p "$(dirname "$1")")
  cp put.new "$1.new"
  chmod "$2" "$1.new"
  chown "$3" "$1.new"
  mv -f "$1.new" "$1"
}

# fill FILE: the file with the site's values
fill() { sed "s|@LB@|$LB|g; s|@WEB1@|$WEB1|g; s|@WEB2@|$WEB2|g; s|@NAME@|$NAME|g; s|@ADDRESS@|$ADDRESS|g" "files/$1"; }

# refresh VERB UNIT: if one of its files changed
refresh() {
  [ -e "$pending/$2" ] || return 0
  say "$1 $2"
  systemctl "$1" "$2"
  rm "$pending/$2"
}

# running UNIT...: started now and at boot
running() {
  for unit; do
    systemctl is-active -q "$unit" && systemctl is-enabled -q "$unit" && continue
    say "start $unit"
    systemctl enable -q --now "$unit"
    rm -f "$pending/$unit"
  done
}

# packages NAME...: one apt-get for all; services are started later, when their files are there
packages() {
  there=" $(dpkg-query -W -f '${Package}/${db:Status-Abbrev}' "$@" 2>/dev/null || true)"
  missing=
  for name; do case $there in *" $name/ii "*) ;; *) missing="$missing $name" ;; esac done
  [ -n "$missing" ] || return 0
  say "install$missing"
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  apt-get -qq update
  apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 --no-install-recommends install $missing >apt.log 2>&1 || {
    cat apt.log >&2
    exit 1
  }
  rm /usr/sbin/policy-rc.d
}

# base: name, peers, kernel parameters, ssh daemon
base() {
  [ "$(hostname)" = "$NAME" ] || hostnamectl set-hostname "$NAME"
  put /etc/hosts 644 root:root <<HOSTS
127.0.0.1	localhost
127.0.1.1	$NAME

::1	localhost ip6-localhost ip6-loopback
$LB	lb1
$WEB1	web1
$WEB2	web2
HOSTS
  put /etc/sysctl.d/60-site.conf 644 root:root <files/sysctl.conf
  sysctl -q -e -p /etc/sysctl.d/60-site.conf 2>/dev/null || true # some are the machine's in a container
  kex=
  if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' openssh-server)" ge 1:9.9; then kex=mlkem768x25519-sha256,sntrup761x25519-sha512,; fi
  sed "s/@KEX@/$kex/" files/sshd.conf | put /etc/ssh/sshd_config.d/10-site.conf 600 root:root ssh
  if [ -e "$pending/ssh" ]; then sshd -t; fi
  refresh reload ssh
}

# firewall "ARGUMENTS OF ufw allow"...: these ports and no others
firewall() {
  if ! grep -qx 'IPT_SYSCTL=' /etc/default/ufw; then sed -i 's/^IPT_SYSCTL=.*/IPT_SYSCTL=/' /etc/default/ufw; fi
  wanted=$(printf '%s\n' "$@" | sha256sum)
  # what ufw made of the wish is remembered: the files must be as they were then, and the kernel must have the rules
  now=$(cat /etc/ufw/user.rules /etc/ufw/user6.rules | sha256sum)
  if [ "$(cat /etc/ufw/by-hand 2>/dev/null)" = "$wanted $now" ] && grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf &&
    [ "$(iptables -S INPUT 2>/dev/null | head -n 1)" = '-P INPUT DROP' ] &&
    [ "$(iptables -S ufw-user-input | grep -c -- -j)" = $# ]; then return 0; fi
  say 'set up ufw'
  ufw --force reset >/dev/null
  for rule; do ufw allow $rule >/dev/null; done
  ufw --force enable >/dev/null
  systemctl enable -q ufw
  echo "$wanted $(cat /etc/ufw/user.rules /etc/ufw/user6.rules | sha256sum)" >/etc/ufw/by-hand
}

# try_for SECONDS COMMAND...: tries five times a second
try_for() {
  left=$(($1 * 5)) what=$2
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      say "$what: gave up" >&2
      exit 1
    fi
    sleep 0.2
  done
}
