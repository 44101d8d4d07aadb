// The shell around every apt-get that changes something, apt-get(8), dpkg(1): it waits for other package managers and names them,
// repairs what an interrupted dpkg left, keeps changed configuration files and never asks.
import { raw, sh } from '../shell/quote.ts'

/** Our own stamp of the last refresh that left nothing out; minimal Debian has no other. */
export const refreshStamp = '/var/lib/apt/periodic/provision-refresh-stamp'

/** Defines `patient`, `repair` and `refresh`. */
function prelude(lockTimeout: number): string {
  return sh`export LC_ALL=C DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 NEEDRESTART_MODE=l
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
options='-y -q -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Acquire::Retries=3'
deadline=$(($(date +%s) + ${lockTimeout}))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' HUP INT TERM
${raw(functions)}`
}

// apt waits for dpkg's lock if told to, but never for the lists' and the archives' (so one loop for all); it says who holds the
// first only, so the holder is looked for among the open files.
const functions = `holder() {
  find /proc/[0-9]*/fd -maxdepth 1 \\( -lname /var/lib/dpkg/lock-frontend -o -lname /var/lib/dpkg/lock \\
    -o -lname /var/lib/apt/lists/lock -o -lname /var/cache/apt/archives/lock \\) -printf '%h %l\\n' 2>/dev/null |
    while read -r folder lock; do
      process=\${folder#/proc/}
      process=\${process%/fd}
      printf '%s, held by process %s (%s)\\n' "$lock" "$process" "$(tr '\\0' ' ' <"/proc/$process/cmdline" 2>/dev/null | sed 's/ *$//')"
    done | head -n 1
}
patient() {
  while :; do
    status=0
    "$@" 2>"$scratch/errors" || status=$?
    if [ "$status" = 0 ] || ! grep -Eiq 'could not get lock|unable to (acquire|lock)|locked by another process' "$scratch/errors"; then
      cat "$scratch/errors" >&2
      return "$status"
    fi
    who=$(holder)
    if [ "$(date +%s)" -ge "$deadline" ]; then
      cat "$scratch/errors" >&2
      printf 'error: gave up waiting for the lock of another package manager%s\\n' "\${who:+: $who}" >&2
      return "$status"
    fi
    printf 'waiting for %s\\n' "\${who:-the lock of another package manager}"
    sleep 2
  done
}
repair() {
  if [ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] && [ -z "$(dpkg --audit 2>/dev/null)" ]; then return 0; fi
  echo 'dpkg was interrupted: configuring what it left'
  patient dpkg --force-confdef --force-confold --configure -a && return 0
  patient apt-get $options --no-remove --fix-broken install && return 0
  echo 'error: dpkg was interrupted before and what it left cannot be configured' >&2
  return 100
}
refresh() {
  mkdir -p ${refreshStamp.slice(0, refreshStamp.lastIndexOf('/'))}
  : >${refreshStamp}.new
  if ! patient apt-get $options update; then
    echo 'error: the package lists could not be refreshed' >&2
    return 100
  fi
  if grep -Eq '^(W|E): .*(Failed to fetch|index files failed)' "$scratch/errors"; then
    rm -f ${refreshStamp}.new
  else
    mv -f ${refreshStamp}.new ${refreshStamp}
  fi
}
`

/** What an installation needs to know. */
export interface Installation {
  /** Seconds. */
  readonly lockTimeout: number
  readonly startServices: boolean
  readonly refresh: boolean
  /** Packages that may go. */
  readonly allowRemove: readonly string[]
  readonly flags: readonly string[]
  readonly targets: readonly string[]
}

/** Installs; prints `nothingNewer` if that changed nothing. */
export function installScript(wish: Installation): string {
  return [
    prelude(wish.lockTimeout),
    ...(wish.startServices ? [] : [holdServices]),
    'repair',
    ...(wish.refresh ? ['refresh'] : []),
    installFunction,
    sh`install ${wish.allowRemove.join(' ')} ${wish.flags.join(' ')} ${wish.targets}`,
  ].join('\n')
}

/** What a removal needs to know. */
export interface Removal {
  /** Seconds. */
  readonly lockTimeout: number
  readonly verb: 'remove' | 'purge'
  /** Packages that may go. */
  readonly allowed: readonly string[]
  readonly targets: readonly string[]
}

/** Removes, if that takes no other package than those allowed. */
export function removeScript(wish: Removal): string {
  return [
    prelude(wish.lockTimeout),
    'repair',
    removeFunction,
    sh`remove ${wish.verb} ${wish.allowed.join(' ')} ${wish.targets}`,
  ].join('\n')
}

/** Printed by an installation that found everything there. */
export const nothingNewer = 'nothing newer: no package changed'

// policy-rc.d(8) keeps dpkg from starting services. The policy ends with this process: if that is killed, the file that it leaves
// allows everything again.
const holdServices = `policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] || grep -q 'made by provision' "$policy"; then
  self=$(exec sh -c 'echo "$PPID"')
  born=$(cut -d ' ' -f 22 <"/proc/$self/stat")
  printf '#!/bin/sh\\n# made by provision for one apt-get run\\n[ "$(cut -d " " -f 22 </proc/%s/stat 2>/dev/null)" = %s ] && exit 101\\nexit 0\\n' "$self" "$born" >"$scratch/policy"
  chmod 0755 "$scratch/policy"
  cp -p "$scratch/policy" "$policy"
  trap 'rm -rf "$scratch" "$policy"' EXIT
fi`

// Removing is forbidden to apt, unless some packages may go: then a simulation shows first that it would take no other.
const installFunction = `versions() { dpkg-query -W -f '\${Package}:\${Architecture} \${Version} \${db:Status-Abbrev}\\n' | sort; }
install() {
  allowed=$1 flags=$2 others= status=0
  shift 2
  versions >"$scratch/before"
  if [ -n "$allowed" ]; then
    apt-get -s -q $options $flags install "$@" >"$scratch/simulation"
    for name in $(sed -n 's/^Remv \\([^ ]*\\).*/\\1/p' "$scratch/simulation"); do
      case " $allowed " in *" $name "* | *" \${name%%:*} "*) ;; *) others="$others $name" ;; esac
    done
  else
    flags="$flags --no-remove"
  fi
  if [ -z "$others" ]; then
    patient apt-get $options $flags install "$@" || status=$?
    if [ "$status" != 0 ] && grep -q 'remove is disabled' "$scratch/errors"; then
      others=$(apt-get -s -q $options \${flags%--no-remove} install "$@" 2>/dev/null | sed -n 's/^Remv \\([^ ]*\\).*/ \\1/p' | tr -d '\\n')
    fi
  fi
  if [ -n "$others" ]; then
    printf 'error: installing %s would remove%s\\n' "$*" "$others" >&2
    echo 'Let them go with allowRemove.' >&2
    return 100
  fi
  [ "$status" = 0 ] || return "$status"
  versions >"$scratch/after"
  if cmp -s "$scratch/before" "$scratch/after"; then echo '${nothingNewer}'; fi
}`

// Simulated again right before, because the probe may be older than another task's change.
const removeFunction = `remove() {
  verb=$1 allowed=" $2 " others=
  shift 2
  apt-get -s -q $options "$verb" "$@" >"$scratch/simulation"
  for name in $(sed -n 's/^\\(Remv\\|Purg\\) \\([^ ]*\\).*/\\2/p' "$scratch/simulation"); do
    case $allowed in *" $name "* | *" \${name%%:*} "*) ;; *) others="$others $name" ;; esac
  done
  if [ -n "$others" ]; then
    printf 'error: removing %s would remove%s too\\n' "$*" "$others" >&2
    return 100
  fi
  patient apt-get $options "$verb" "$@"
}`
