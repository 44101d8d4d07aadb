// The agent: the POSIX sh that one channel runs on a host while we are connected. dash, busybox ash and bash run it.
//
// What it must never do: put a script, an input or an environment into a process argument; read past what a request
// announces; die or let a step die because nobody listens any more; hang because a daemon kept a step's output open.
//
// Where the design comes from:
// - dash(1) reads a script on stdin in blocks, so the text comes in by an exact read and is evaluated from memory. Exact
//   reads use `dd iflag=fullblock`: busybox `head -c` reads ahead and eats what follows on the pipe.
// - Each step is a session of its own (setsid(1)): one signal reaches all of it, and none of the agent.
// - The agent and its steps write to pipes, never to the channel: a relay (cat) copies, and when the channel is gone it
//   goes on reading, so that dpkg is not killed by SIGPIPE half-way. A relay's pipe can also be reopened by
//   `>/dev/stdout`, which sshd's sockets cannot.
// - A fork costs 0.2 ms and an exec twice that, so a plain step has one of its own: its script comes by a here-document,
//   which dash and busybox put into a pipe without a process (bash before 5.1 writes a file: hence TMPDIR in memory), and
//   a short input is a word of the request.
// - Signals are sent by the shell's own kill: procps' /bin/kill takes `-TERM -1234` for process -1, which is everything.
// - fd 5/6 are the two ends of one pipe inside the agent (a pipe reopened through /proc, pipe(7)): process numbers of
//   the relays and of the running step.
// - fd 7 is the lock (flock(1)); no step inherits it. fd 8/9 are the channel.

/** Printed first, so that what login shells and banners print is told from the agent. */
export const hello = 'hostwright-agent'

/** Ends an input: shows the agent that nothing was cut off. */
export const endOfInput = '.\n'

/**
 * The agent's text. It reads one line `DELIMITER LOCK WAIT HOLDER` (LOCK: `-` none, `+` the usual file, or a path), then requests: a line `Q BYTES` and that many bytes
 * of sh that set the positional parameters, seven for each step (script, its bytes, bytes of input to come, seconds of
 * timeout, always, user, short input), then the inputs to come, each followed by `endOfInput`. A line `U` lets go of the lock, `L WAIT HOLDER` takes it again
 * (answered like the first time: `R`, or `L` and `X`).
 *
 * It answers with frames, `DELIMITER WORDS…` to the end of the line: `R` ready, `L HOLDER` waiting for the lock,
 * `X HOLDER` locked, `F TEXT` cannot start, `B STEP PID` a step begins, `E STEP CODE TIMEDOUT` it ended.
 */
export const agentScript = `
umask 022
cd /
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C.UTF-8
TERM=dumb
export PATH LC_ALL TERM
[ -z "$1" ] || export SSH_CONNECTION="$1"
[ -z "$BASH_VERSION" ] || TMPDIR=/dev/shm
me=$(id -u)
n=0 failed=0 ready= relays= directory=
read -r D lock patience holder || exit 1

copy() {
  [ $(($1 / 65536)) = 0 ] || dd bs=65536 count=$(($1 / 65536)) iflag=fullblock status=none
  [ $(($1 % 65536)) = 0 ] || dd bs=$(($1 % 65536)) count=1 iflag=fullblock status=none
}

relay() {
  trap '' PIPE
  read -r self rest </proc/self/stat
  exec 5<&- 7>&-
  { cat <&3 3<&- 6>&- & } 3<&0
  echo "$self $!" >&6
  exec 6>&-
  wait $!
  exec cat >/dev/null
}

relayed() {
  { { { loop "$@" 4>&-; } 2>&1 >&4 4>&- | relay >&9 2>/dev/null 4>&- 8>&- 9>&-; } 4>&1 | relay >&8 2>/dev/null 8>&- 9>&-; }
}

signal() {
  kill -"$1" -"$2" 2>/dev/null || { [ -n "$3" ] && [ "$me" != 0 ] && sudo -n -u "$3" sh -c "kill -$1 -$2" 2>/dev/null; }
}

waited() {
  [ "$1" -ge 0 ] || { sleep 0.1 2>/dev/null || sleep 1; return 0; }
  [ "$1" != 0 ] || echo "$D L $found"
  [ "$1" -lt "$patience" ] || { echo "$D X $found"; return 1; }
  sleep 1
}

take() {
  file=$lock i=-5
  if [ "$lock" = + ]; then
    file=/run/hostwright.lock
    [ "$me" = 0 ] || file=/tmp/hostwright-$me.lock
  fi
  ( : >>"$file" ) 2>/dev/null || { echo "$D F the lock file $file cannot be written"; return 1; }
  if command -v flock >/dev/null; then
    exec 7>>"$file"
    until flock -n 7; do
      read -r found <"$file"
      waited $i || return
      i=$((i + 1))
    done
  else
    read -r self rest </proc/self/stat
    until mkdir "$file.d" 2>/dev/null; do
      read -r other <"$file.d/pid" && [ -n "$other" ] && [ ! -e "/proc/$other" ] && { rm -rf "$file.d"; continue; }
      read -r found <"$file"
      waited $i || return
      i=$((i + 1))
    done 2>/dev/null
    directory=$file.d
    echo "$self" >"$directory/pid"
  fi
  echo "$holder" >"$file"
}

leave() {
  [ -z "$directory" ] || rm -rf "$directory"
  directory=
  [ -e /proc/self/fd/7 ] || return 0
  flock -u 7
  exec 7>&-
}

feed() {
  copy "$1"
  read -r end && [ "$end" = . ] && return
  read -r p <&5
  signal KILL "$p" "$2"
  echo "$p" >&6
}

leader() {
  read -r self rest </proc/self/stat
  echo "$D B $n $self"
  echo "$D B $n" >&2
  exec 5<&- 6>&- 7>&- 8>&- 9>&-
  exec 4<&-
  [ -n "$6" ] || exec setsid sh -c '. /proc/self/fd/3'
  set -- "$2" "$6" 's=$(dd bs=$1 count=1 iflag=fullblock status=none); case $s in *"#.") ;; *) exit 125 ;; esac; shift; eval "$s"'
  if [ "$me" != 0 ]; then exec setsid sudo -n -H -u "$2" -- sh -c "$3" sh "$1"; fi
  g=$(id -g "$2") || exit
  eval "HOME=~$2"
  export HOME USER="$2" LOGNAME="$2"
  if command -v setpriv >/dev/null; then exec setsid setpriv --reuid="$2" --regid="$g" --init-groups sh -c "$3" sh "$1"; fi
  if command -v runuser >/dev/null; then exec setsid runuser -u "$2" -- sh -c "$3" sh "$1"; fi
  exec setsid su -s /bin/sh "$2" -c "set -- $1; $3"
}

watch() {
  trap 'kill -KILL $!; exit 1' TERM
  sleep "$1" &
  wait $!
  trap '' TERM
  signal TERM "$p" "$2"
  i=0
  while [ $i -lt 50 ] && signal 0 "$p" "$2"; do
    sleep 0.1 || sleep 1
    i=$((i + 1))
  done
  signal KILL "$p" "$2"
  exit 0
}

perform() {
  if [ -n "$6" ]; then
    { { printf %s "$1$7"; [ "$3" = 0 ] || cat <&4; } 2>/dev/null 5<&- 6>&- 7>&- 8>&- 9>&- | leader "$@" & } 4<&0
  elif [ -n "$7" ]; then
    printf %s "$7" 2>/dev/null 5<&- 6>&- 7>&- 8>&- 9>&- | leader "$@" 3<<script &
$1
script
  else
    { leader "$@" <&4 3<<script & } 4<&0
$1
script
  fi
  p=$!
  [ "$3" = 0 ] || echo "$p" >&6
  dog=
  [ "$4" = 0 ] || { watch "$4" "$6" </dev/null >/dev/null 2>&1 5<&- 6>&- 7>&- 8>&- 9>&- & dog=$!; }
  { wait $p; } 2>/dev/null
  c=$? z=0
  [ -z "$dog" ] || { kill $dog; wait $dog && z=1; } 2>/dev/null
  [ $z$c != 10 ] || c=124
  [ "$3" = 0 ] || cat >/dev/null
  echo "$D E $n $c $z"
  echo "$D E $n" >&2
  [ $c = 0 ]
  r=$?
  if signal 0 "$p" "$6" && sleep 0.05 && signal 0 "$p" "$6"; then
    echo "$c $z" >&6
    r=$((r + 2))
  fi
  return $r
}

step() {
  n=$((n + 1))
  if [ $failed = 1 ] && [ "$5" = 0 ]; then
    [ "$3" = 0 ] || { copy "$3" >/dev/null; read -r end; }
    echo "$D E $n -1 0"
    echo "$D E $n" >&2
    return 0
  fi
  if [ "$3" = 0 ]; then
    perform "$@" </dev/null
    r=$?
  else
    feed "$3" "$6" | perform "$@"
    r=$?
    read -r p <&5
  fi
  [ $r = 0 ] || [ $r = 2 ] || failed=1
  [ $r -lt 2 ] && return
  read -r c z <&5
  sleep 0.3
  kill $cats
  return 1
}

loop() {
  read -r r1 c1 <&5
  read -r r2 c2 <&5
  cats="$c1 $c2"
  relays="$relays $r1 $r2 $cats"
  if [ -n "$ready" ]; then
    echo "$D E $n $c $z"
    echo "$D E $n" >&2
  else
    ready=1
    [ "$lock" = - ] || take || return
    echo "$D R"
    echo "$D R" >&2
  fi
  while :; do
    while [ $# -gt 0 ]; do
      if step "$@"; then shift 7; else
        shift 7
        relayed "$@"
        return
      fi
    done
    read -r op bytes rest || break
    case $op in
      Q)
        whole=
        eval "$(dd bs="$bytes" count=1 iflag=fullblock status=none)"
        [ -n "$whole" ] || break
        failed=0
        ;;
      U) leave ;;
      L)
        patience=$bytes holder=$rest
        [ "$lock" = - ] || take || return
        echo "$D R"
        ;;
      *) break ;;
    esac
  done
  leave
  kill $relays 2>/dev/null
}

{ : | { exec 5<&0 <&3 3<&- 6>/proc/self/fd/5; relayed; } } 3<&0 8>&1 9>&2
`.trimStart()

/**
 * The command that a login shell runs: free of quoting that shells (fish, csh) disagree on, it says hello and reads the
 * agent's text by its length.
 * @param shell what starts `sh`: `sh`, `sudo … sh`, `su …`
 * @param user for su: who to become, which stands between the command and its arguments
 */
export function agentCommand(shell: string, user = ''): string {
  const start = `'echo ${hello};eval "$(dd bs=${agentScript.length} count=1 iflag=fullblock status=none)"'`
  return `${shell} -c ${start} ${user === '' ? '' : `${user} `}sh "$SSH_CONNECTION"`
}
