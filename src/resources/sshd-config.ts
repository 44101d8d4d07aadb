// The ssh daemon's settings in a drop-in of ours, see sshd_config(5). The first value that sshd reads wins, and Debian's main file
// includes the drop-ins before its own lines. What counts is what `sshd -T` says is in effect, and that the daemon has read it.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep, Change, Plan, PlanContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { sh } from '../shell/quote.ts'
import { armRevert, confirmation, guardedStep, pendingProbe, type Revert } from './revert.ts'
import { compareEffective, optionEntries, renderOptions, type SshdOptions } from './sshd-options.ts'
import { contentOf, fileDifferences, fileOf, parseTextFiles, type TextFile, textFilesProbe } from './text-file.ts'
import { contains, parseNetwork } from './ufw-address.ts'

const options = v.strictObject(optionEntries, (issue) =>
  issue.expected === 'never' ? 'expected keywords of sshd_config(5), written as there' : issue.message,
)

const schema = {
  /** Keywords of sshd_config(5) and their values; booleans for yes and no. */
  options,
  /** More of them, or other values, from a version of OpenSSH on; the last that fits wins. */
  newer: v.optional(
    v.array(
      v.strictObject({
        since: v.pipe(v.string(), v.regex(/^\d+\.\d+$/, "expected a version of OpenSSH such as '9.8'")),
        options,
      }),
    ),
  ),
  /** The drop-in's name; the lowest wins. @default '10-provision' */
  file: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'expected a file name without .conf'))),
  /** Seconds after which the host itself undoes a change that no new connection confirmed. @default 60 */
  revertAfter: v.optional(v.pipe(v.number(), v.integer(), v.minValue(15), v.maxValue(3600))),
}

export interface SshdConfigArgs {
  readonly options: SshdOptions
  readonly newer?: readonly { readonly since: string; readonly options: SshdOptions }[] | undefined
  readonly file?: string | undefined
  readonly revertAfter?: number | undefined
}

interface SshdState {
  readonly installed: boolean
  /** `9.2`; empty if sshd does not say. */
  readonly version: string
  /** The main file includes the drop-ins. */
  readonly includes: boolean
  readonly file: TextFile
  /** The answer of `sshd -T`; undefined if it refuses the configuration. */
  readonly effective: string | undefined
  readonly complaint: string
  /** The daemon read its configuration after the drop-in was written; true also where nobody can tell. */
  readonly loaded: boolean
  /** systemd listens and starts sshd by connection. */
  readonly socket: boolean
  readonly pending: boolean
}

/**
 * Settings of the ssh daemon. The file is checked with `sshd -t` together with all others and the old one put back if it is refused;
 * the daemon reloads; then a new connection must succeed, otherwise the host goes back to the old file by itself.
 * @example sshd.config({ options: { PasswordAuthentication: false, PermitRootLogin: 'prohibit-password', MaxAuthTries: 3 } })
 */
export const sshdConfig = defineResource<SshdConfigArgs, SshdConfigArgs, SshdState>({
  name: 'sshd.config',
  schema,
  check: (args) => {
    const all = [args.options, ...(args.newer ?? []).map((part) => part.options)]
    const exempt = all.flatMap((part) => part.PerSourcePenaltyExemptList ?? [])
    const bad = exempt.find((text) => !parseNetwork(text))
    return bad === undefined ? undefined : `PerSourcePenaltyExemptList: expected addresses or networks, found '${bad}'`
  },
  describe: (args) => pathOf(args),
  probe: (wishes) => {
    const paths = [...new Set(wishes.map(pathOf))]
    return `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
if ! command -v sshd >/dev/null 2>&1; then echo absent; exit 0; fi
echo present
${pendingProbe('sshd')}
printf 'version\\t%s\\n' "$( (sshd -V 2>&1 || :) | sed -n 's/^OpenSSH_\\([0-9.]*\\).*/\\1/p' | head -n 1)"
if grep -qiE '^[[:space:]]*Include[[:space:]].*/?sshd_config\\.d/\\*\\.conf' /etc/ssh/sshd_config; then echo includes; fi
if answer=$(sshd -T 2>&1); then kind=effective; else kind=complaint; fi
printf '%s\\n' "$answer" | sed "s/^/$kind	/"
read_at=0
if [ -d /run/systemd/system ]; then
  read_at=$(systemctl show --timestamp=unix --property=StateChangeTimestamp --value ssh.service 2>/dev/null | tr -dc 0-9)
  if systemctl is-active --quiet ssh.socket; then echo socket; fi
fi
${sh`for path in ${paths}; do
  if [ -f "$path" ] && [ "\${read_at:-0}" -gt 0 ] && [ "$(stat -c %Y -- "$path")" -gt "$read_at" ]; then printf 'unread\\t%s\\n' "$path"; fi
done`}
${textFilesProbe(paths)}`
  },
  parse,
  plan,
})

function parse(stdout: string, wishes: readonly SshdConfigArgs[]): readonly SshdState[] {
  const lines = stdout.split('\n')
  if (lines[0] !== 'present' && lines[0] !== 'absent')
    throw new ProvisionError({
      code: 'probe',
      message: `sshd: expected 'present' or 'absent' first, found '${lines[0]?.slice(0, 80)}'`,
    })
  const installed = lines[0] === 'present'
  const files = parseTextFiles(stdout)
  const all = (kind: string) =>
    lines.filter((line) => line.startsWith(`${kind}\t`)).map((line) => line.slice(kind.length + 1))
  const effective = all('effective')
  const complaint = all('complaint')
  if (installed && effective.length === 0 && complaint.length === 0)
    throw new ProvisionError({ code: 'probe', message: 'sshd -T said nothing' })
  return wishes.map((wish) => ({
    installed,
    version: all('version')[0] ?? '',
    includes: lines.includes('includes'),
    file: installed ? fileOf(files, pathOf(wish)) : { kind: 'absent' as const },
    effective: effective.length > 0 ? effective.join('\n') : undefined,
    complaint: complaint.join('\n'),
    loaded: !all('unread').includes(pathOf(wish)),
    socket: lines.includes('socket'),
    pending: lines.includes('pending'),
  }))
}

function plan(state: SshdState, args: SshdConfigArgs, { facts }: PlanContext): Plan {
  if (!state.installed) return { unknown: 'the ssh daemon is not installed' }
  const path = pathOf(args)
  if (state.file.kind === 'other') return { refused: `${path} is ${state.file.what}, expected a file` }
  if (!state.includes)
    return {
      refused: '/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d/*.conf, so a file there has no effect',
      hint: "Put 'Include /etc/ssh/sshd_config.d/*.conf' at its top.",
    }
  if (args.newer && state.version === '') return { refused: 'sshd does not say its version, expected OpenSSH' }
  const wished = optionsFor(args, state.version)
  const exempt = wished.PerSourcePenaltyExemptList?.map(parseNetwork)
  if (exempt && facts.controllerAddress && !exempt.some((net) => net && contains(net, facts.controllerAddress)))
    return {
      refused: `PerSourcePenaltyExemptList does not name ${facts.controllerAddress}, where this run comes from`,
      hint: `Add '${facts.controllerAddress}' or its network to the list.`,
    }
  const unheard = state.socket ? listeningDifference(state, wished) : undefined
  if (unheard)
    return {
      refused: `systemd listens for sshd here (ssh.socket), so ${unheard} in its configuration has no effect`,
      hint: 'Set ListenStream in a drop-in of ssh.socket instead.',
    }
  const content = `# Written by provision; changes here will be lost.\n${renderOptions(wished)}`
  const revert = revertOf(args)
  const differences = fileDifferences(state.file, { content, mode: '0644' })
  const effective = state.effective === undefined ? [] : compareEffective(wished, state.effective)
  if (differences.length === 0) {
    if (state.effective === undefined)
      return { refused: 'sshd refuses its configuration, and not because of our file', detail: state.complaint }
    const [first] = effective
    if (first)
      return {
        refused: `${first.keyword} is '${first.found}' in effect, expected '${first.wished}' as in ${path}: another file says otherwise before it`,
        hint: `Look for it: grep -rni ${first.keyword} /etc/ssh/sshd_config /etc/ssh/sshd_config.d`,
      }
    if (!state.loaded)
      return confirmed(revert, [
        { summary: 'written, but not read by the daemon → reload', steps: [{ script: reload }] },
      ])
    if (!state.pending) return { unchanged: `${Object.keys(wished).length} settings in effect` }
    return {
      changes: [{ summary: 'the last change was not confirmed → confirmed', steps: [] }],
      confirm: confirmation(revert),
    }
  }
  const before = contentOf(state.file)
  const sentences = [
    ...effective.map((item) => `${item.keyword} ${shown(item.found)} → ${shown(item.wished)}`),
    ...(effective.length === 0 || state.file.kind === 'absent' ? differences.map((text) => `${path}: ${text}`) : []),
  ]
  const [first = `${path} differs`, ...rest] = sentences
  const steps = [writeChecked(path, content), { script: reload }]
  return confirmed(revert, [
    { summary: first, diff: { label: path, before, after: content }, steps },
    ...rest.map((summary) => ({ summary, steps: [] })),
  ])
}

function confirmed(revert: Revert, changes: readonly [Change, ...Change[]]): Plan {
  const [first, ...rest] = changes
  const steps = [armRevert(revert), ...first.steps.map((step) => guardedStep(revert, step))]
  return { changes: [{ ...first, steps }, ...rest], confirm: confirmation(revert) }
}

/** Checks the new file alone, then in its place with all others; the old one comes back if sshd refuses them. */
function writeChecked(path: string, content: string): ApplyStep {
  const script = sh`export PATH="$PATH:/usr/sbin:/sbin"
path=${path}
mkdir -p /run/sshd /etc/ssh/sshd_config.d
new=$(mktemp /etc/ssh/sshd_config.d/.provision.XXXXXX)
old=$(mktemp /etc/ssh/sshd_config.d/.provision.XXXXXX)
trap 'rm -f -- "$new" "$old"' EXIT
cat >"$new"
chown 0:0 -- "$new"
chmod 0644 -- "$new"
sync -- "$new"
if ! sshd -t -f "$new"; then
  echo "error: sshd refuses the new $path" >&2
  exit 1
fi
had=no
if [ -e "$path" ]; then cp -p -- "$path" "$old"; had=yes; fi
mv -f -- "$new" "$path"
if ! sshd -t; then
  if [ "$had" = yes ]; then mv -f -- "$old" "$path"; else rm -f -- "$path"; fi
  echo "error: sshd refuses its configuration with the new $path, so the old one is back" >&2
  exit 1
fi`
  return { script, input: content }
}

/**
 * sshd answers a reload by starting itself anew under the same process id, a moment later: a connection made at once could still meet
 * the old settings, or nobody. The new one has sockets of its own, so wait (30 seconds at most) until those it listens on are others.
 */
const reread = `export PATH="$PATH:/usr/sbin:/sbin"
mkdir -p /run/sshd
sshd -t
main=$(systemctl show --property=MainPID --value ssh.service 2>/dev/null || cat /run/sshd.pid)
listening() {
  own=$(ls -l "/proc/$main/fd" 2>/dev/null | sed -n 's/.*socket:\\[\\([0-9]*\\)\\].*/\\1/p' | tr '\\n' ' ')
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v own=" $own" '$4 == "0A" && index(own, " " $10 " ") { printf "%s ", $10 }'
}
ended() {
  if [ ! -d /run/systemd/system ]; then ! kill -0 "$main" 2>/dev/null; return; fi
  case $(systemctl show --property=ActiveState --value ssh.service) in failed|activating|deactivating) ;; *) return 1 ;; esac
}
before=$(listening)
refused=
if [ -d /run/systemd/system ]; then
  if systemctl is-active --quiet ssh.service; then systemctl reload ssh.service || refused=yes; else before=; fi
else
  kill -HUP "$main"
fi
tries=0
while [ -n "$before" ] && [ -z "$refused" ] && [ "$tries" -lt 300 ]; do
  now=$(listening)
  if [ -n "$now" ] && [ "$now" != "$before" ] || ended; then break; fi
  sleep 0.1
  tries=$((tries + 1))
done`

const reload = `${reread}
if [ -n "$refused" ] || { [ -n "$before" ] && ended; }; then
  journalctl --sync 2>/dev/null || :
  journalctl --identifier=sshd --lines=5 --output=cat --no-pager 2>/dev/null | sed 's/^/sshd: /' >&2
  echo 'error: sshd ended when it read its new settings' >&2
  exit 1
fi
if [ "$tries" -ge 300 ]; then
  echo 'error: sshd did not read its new settings within 30 seconds' >&2
  exit 1
fi`

/** Settings that sshd takes and then cannot live with (an address that is not this host's) have ended it: it is started again. */
const restore = `${reread}
if ended; then
  if [ -d /run/systemd/system ]; then
    systemctl reset-failed ssh.service || :
    systemctl restart ssh.service
  else
    /usr/sbin/sshd
  fi
fi`

function revertOf(args: SshdConfigArgs): Revert {
  return {
    name: 'sshd',
    what: 'the new settings of sshd',
    files: [pathOf(args)],
    reload: restore,
    seconds: args.revertAfter ?? 60,
  }
}

/** The options that this version takes. */
function optionsFor(args: SshdConfigArgs, version: string): SshdOptions {
  const number = (text: string) => {
    const [major = 0, minor = 0] = text.split('.').map(Number)
    return major * 1000 + minor
  }
  const fitting = (args.newer ?? []).filter((part) => number(version) >= number(part.since))
  return Object.assign({}, args.options, ...fitting.map((part) => part.options))
}

/** The keyword that would make sshd listen elsewhere than it does. */
function listeningDifference(state: SshdState, { Port, ListenAddress }: SshdOptions): string | undefined {
  const only = { ...(Port !== undefined && { Port }), ...(ListenAddress && { ListenAddress }) }
  return compareEffective(only, state.effective ?? '')[0]?.keyword
}

/** Lists of algorithms are long. */
function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function pathOf(args: SshdConfigArgs): string {
  return `/etc/ssh/sshd_config.d/${args.file ?? '10-provision'}.conf`
}
