// Commit-confirm: a change that could cut us off is undone by the host itself unless somebody confirms it in time.
// Arming keeps a copy of the files and starts a timer, a transient systemd unit (systemd-run(1)) or a detached sleep where no
// systemd runs. Whoever renames the folder `armed` first wins, so a revert and a confirmation can never both happen.
import type { ApplyStep, Confirmation } from '../core/resource.ts'
import { raw, sh } from '../shell/quote.ts'

/** What is undone, and how. */
export interface Revert {
  /** A word for file and unit names: `ufw`, `sshd`. */
  readonly name: string
  /** For messages: "the new firewall rules". */
  readonly what: string
  /** Files to copy before the change; those absent now are removed by the revert. */
  readonly files: readonly string[]
  /** Shell text that makes the running system use the files that were put back. */
  readonly reload: string
  /** Seconds until the host undoes the change by itself. */
  readonly seconds: number
}

const folder = '/run/hostwright/revert'

/** Shell text that prints `pending`, or the given line, if a change of this name waits to be confirmed. */
export function pendingProbe(name: string, line = 'pending'): string {
  return sh`if [ -d ${`${folder}/${name}/armed`} ]; then printf '%s\\n' ${line}; fi`
}

/** Copies the files and starts the timer. If an earlier change was never confirmed, its copy stays: that state is the good one. */
export function armRevert(revert: Revert): ApplyStep {
  const script = sh`umask 077
folder=${`${folder}/${revert.name}`}
tries=0
while [ -d "$folder/taken" ] && [ "$tries" -lt 30 ]; do sleep 1; tries=$((tries + 1)); done
if [ ! -d "$folder/armed" ]; then
  rm -rf "$folder"
  mkdir -p "$folder/new/files"
  number=0
  for file in ${revert.files}; do
    number=$((number + 1))
    if [ -e "$file" ]; then cp -p -- "$file" "$folder/new/files/$number"; fi
  done
  mv "$folder/new" "$folder/armed"
fi
cat >"$folder/armed/revert" <<'END_OF_REVERT'
${raw(revertScript(revert))}END_OF_REVERT
token=$(cat /proc/sys/kernel/random/uuid)
if [ -d /run/systemd/system ]; then
  if [ -f "$folder/armed/token" ]; then systemctl stop ${unitOf(revert.name)}"-$(cat "$folder/armed/token").timer" 2>/dev/null || :; fi
  printf '%s\\n' "$token" >"$folder/armed/token"
  systemd-run --quiet --collect --unit=${unitOf(revert.name)}"-$token" --on-active=${revert.seconds} --timer-property=AccuracySec=1s /bin/sh "$folder/armed/revert" </dev/null
else
  printf '%s\\n' "$token" >"$folder/armed/token"
  setsid sh -c 'sleep "$1"; [ "$(cat "$2/armed/token")" = "$3" ] && exec sh "$2/armed/revert"' revert ${revert.seconds} "$folder" "$token" </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
fi`
  return { script }
}

/** A step between arming and confirming: if it fails, the files are put back at once. */
export function guardedStep(revert: Revert, step: ApplyStep): ApplyStep {
  const place = `${folder}/${revert.name}`
  const trap = sh`trap 'code=$?; [ "$code" = 0 ] || { sh ${`${place}/armed/revert`} >&2 && rm -rf ${place} && echo "The previous state is back." >&2; }' EXIT`
  return { ...step, script: `${trap}\n(\n${step.script}\n)` }
}

/** What the engine does after the steps: a new connection, then one of these two. */
export function confirmation(revert: Revert): Confirmation {
  return { what: revert.what, disarm: { script: disarmScript(revert) }, revert: { script: undoScript(revert) } }
}

function unitOf(name: string): string {
  return `provision-revert-${name}`
}

function revertScript(revert: Revert): string {
  return sh`set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
cd /
folder=${`${folder}/${revert.name}`}
mv "$folder/armed" "$folder/taken" 2>/dev/null || exit 0
number=0
for file in ${revert.files}; do
  number=$((number + 1))
  if [ -e "$folder/taken/files/$number" ]; then
    new=$(mktemp -- "$file.XXXXXX") && cp -p -- "$folder/taken/files/$number" "$new" && mv -fT -- "$new" "$file"
  else
    rm -f -- "$file"
  fi
done
code=0
(
${raw(revert.reload)}
) || code=$?
unit=${unitOf(revert.name)}"-$(cat "$folder/taken/token").timer"
mv "$folder/taken" "$folder/reverted"
if [ -d /run/systemd/system ]; then systemctl stop "$unit" 2>/dev/null || :; fi
exit "$code"
`
}

function disarmScript(revert: Revert): string {
  return sh`folder=${`${folder}/${revert.name}`}
if ! mv "$folder/armed" "$folder/confirmed" 2>/dev/null; then
  echo 'error: it took too long to confirm them: the host has put the previous state back' >&2
  exit 1
fi
if [ -d /run/systemd/system ]; then systemctl stop ${unitOf(revert.name)}"-$(cat "$folder/confirmed/token").timer" 2>/dev/null || :; fi
rm -rf "$folder"`
}

/** Over the old connection: undoes now, or waits for the timer that was faster. */
function undoScript(revert: Revert): string {
  return sh`folder=${`${folder}/${revert.name}`}
if [ -d "$folder/armed" ]; then sh "$folder/armed/revert"; fi
tries=0
while [ -d "$folder/taken" ] && [ "$tries" -lt 30 ]; do sleep 1; tries=$((tries + 1)); done
[ -d "$folder/reverted" ]
rm -rf "$folder"`
}
