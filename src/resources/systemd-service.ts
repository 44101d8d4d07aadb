// Units that run, start at boot, or must not start at all. Reads systemctl(1) `show`; states in systemd(1), org.freedesktop.systemd1(5).

import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep, Case, Change, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { unitAreas } from './areas.ts'
import { atRestFunction } from './at-rest.ts'

const schema = {
  /** The unit; `nginx` means `nginx.service`. */
  unit: v.pipe(
    v.string(),
    v.regex(
      /^[A-Za-z0-9_@:.\\][A-Za-z0-9_@:.\\-]*$/,
      "expected the name of one unit, for example 'nginx' or 'backup.timer'",
    ),
  ),
  /**
   * `restarted` and `reloaded` always act, so they belong into handlers; both start a unit that is not running (it then reads its
   * configuration anyway). `reloaded-or-restarted` restarts units that cannot reload.
   * @default running or not is left alone
   */
  state: v.optional(v.picklist(['started', 'stopped', 'restarted', 'reloaded', 'reloaded-or-restarted'])),
  /** Start at boot. @default left alone */
  enabled: v.optional(v.boolean()),
  /** Make starting impossible, or lift that. @default left alone */
  masked: v.optional(v.boolean()),
}

export type SystemdServiceArgs = ArgumentsOf<typeof schema>

/** The properties of `systemctl show` that count here. */
export type UnitState = Readonly<Record<(typeof properties)[number], string>>

const properties = [
  'LoadState',
  'LoadError',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'NeedDaemonReload',
  'Type',
  'RemainAfterExit',
  'CanReload',
  'FragmentPath',
] as const

/**
 * Wishes a unit running, stopped, enabled or masked, or makes it restart or reload. A unit file that changed on disk is read
 * again first. A failed start shows the unit's status and the end of its journal. A service that does not tell when it is ready
 * (type simple, exec or idle) counts as started once it has come to rest: what fails later is for `wait.port` or `wait.http` to find.
 * @example systemd.service({ unit: 'nginx', state: 'started', enabled: true })
 * @example handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))
 */
export const systemdService = defineResource<SystemdServiceArgs, SystemdServiceArgs, UnitState>({
  name: 'systemd.service',
  schema,
  check: (args) => {
    if (args.state === undefined && args.enabled === undefined && args.masked === undefined)
      return "expected at least one of 'state', 'enabled' and 'masked'"
    if (args.masked && (args.enabled || (args.state && args.state !== 'stopped')))
      return 'a masked unit can be neither enabled nor started'
    return undefined
  },
  describe: (args) => args.unit,
  probe: (wishes) => {
    const units = [...new Set(wishes.map((wish) => unitName(wish.unit)))]
    return sh`export LC_ALL=C
for unit in ${units}; do printf 'unit=%s\\n' "$unit"; done
printf '\\n'
answer=$(systemctl show --property=${properties.join(',')} -- ${units})
printf '%s\\n' "$answer"
case $answer in
  *UnitFileState=generated*) for unit in ${units}; do printf '\\nunit=%s\\nenabled=%s\\n' "$unit" "$(systemctl is-enabled -- "$unit" 2>/dev/null)"; done ;;
esac`
  },
  parse,
  plan,
  converges: (wish) => (acts(wish) ? 'none' : 'state'),
  // what a service does when it starts is its own business
  footprint: () => ({ reads: unitAreas }),
  merge: mergeServices,
  covers: ({ plan: done, wish }, handler) =>
    acts(handler) &&
    handler.enabled === undefined &&
    handler.masked === undefined &&
    unitName(wish.unit) === unitName(handler.unit) &&
    'changes' in done &&
    done.changes.some(({ summary }) => summary.endsWith(startedNow) || summary === restartedNow),
})

/** Units that only are to be enabled, or started, or both, each by one call for all. */
function mergeServices(cases: readonly Case<UnitState, SystemdServiceArgs>[]): readonly ApplyStep[] | undefined {
  const enabled: string[] = []
  const started: string[] = []
  for (const { state, wish } of cases) {
    const unit = unitName(wish.unit)
    if (state.LoadState !== 'loaded' || state.NeedDaemonReload === 'yes' || wish.masked !== undefined) return undefined
    if (wish.enabled === false || (wish.state !== undefined && wish.state !== 'started')) return undefined
    if (planBoot(unit, state, wish, false)) enabled.push(unit)
    if (planRunning(unit, state, wish, false)) started.push(unit)
  }
  return [
    ...(enabled.length > 0 ? [{ script: sh`systemctl enable -- ${enabled}` }] : []),
    ...(started.length > 0 ? [{ script: startAll(started) }] : []),
  ]
}

/** Fails if one does not stay up; which and why is told when it is started alone. */
function startAll(units: readonly string[]): string {
  return sh`export LC_ALL=C
systemctl reset-failed -- ${units} 2>/dev/null || true
systemctl start -- ${units}
${raw(atRestFunction)}
at_rest ${units}
! systemctl is-active -- ${units} | grep -qvx active`
}

function parse(stdout: string, wishes: readonly SystemdServiceArgs[]): readonly UnitState[] {
  const [header = '', ...rest] = stdout.trimEnd().split(/\n\n+/)
  const units = header.split('\n').map((line) => line.replace(/^unit=/, ''))
  const blocks = rest.slice(0, units.length).map(parseBlock)
  if (blocks.length !== units.length)
    throw new ProvisionError({
      code: 'probe',
      message: `systemctl show answered for ${blocks.length} of ${units.length} units`,
      detail: stdout.slice(0, 2000),
    })
  const byUnit = new Map(units.map((unit, index) => [unit, blocks[index]]))
  for (const block of rest.slice(units.length)) {
    const { unit = '', enabled = '' } = Object.fromEntries(block.split('\n').map(cut))
    const state = byUnit.get(unit)
    if (state?.UnitFileState === 'generated') byUnit.set(unit, { ...state, UnitFileState: `generated, ${enabled}` })
  }
  return wishes.map((wish) => {
    const state = byUnit.get(unitName(wish.unit))
    if (!state)
      throw new ProvisionError({ code: 'probe', message: `systemctl show did not answer for ${unitName(wish.unit)}` })
    return state
  })
}

function parseBlock(block: string): UnitState {
  const found = Object.fromEntries(block.split('\n').map(cut))
  if (!found.LoadState || !found.ActiveState)
    throw new ProvisionError({
      code: 'probe',
      message: `systemctl show: expected LoadState and ActiveState, found '${block.split('\n')[0]?.slice(0, 80)}'`,
    })
  // Properties that a kind of unit does not have (Type of a timer) are not printed.
  return Object.fromEntries(properties.map((name) => [name, found[name] ?? ''])) as UnitState // built from the list of its keys
}

function cut(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

function plan(state: UnitState, wish: SystemdServiceArgs): Plan {
  const unit = unitName(wish.unit)
  if (state.LoadState === 'not-found') {
    if (wish.state === 'stopped' && !wish.enabled && wish.masked !== true) return { unchanged: 'there is no such unit' }
    if (wish.masked !== true) return { unknown: `there is no unit ${unit} on this host` }
  }
  const masked = state.LoadState === 'masked'
  if (masked && wish.masked === undefined && (wish.enabled || (wish.state && wish.state !== 'stopped')))
    return { refused: `${unit} is masked, expected one that can start`, hint: 'Lift it with masked: false.' }
  if (['error', 'bad-setting'].includes(state.LoadState) && wish.state !== 'stopped')
    return { refused: `${unit} cannot be loaded (${state.LoadState})`, detail: state.LoadError }
  if (wish.state === 'reloaded' && isActive(state) && state.CanReload === 'no' && state.NeedDaemonReload !== 'yes')
    return { refused: `${unit} cannot reload`, hint: "Use state: 'reloaded-or-restarted'." }
  if (wish.masked && !masked && state.FragmentPath.startsWith('/etc/systemd/system/'))
    return {
      refused: `${unit} cannot be masked: its own file is where the mask would be, ${state.FragmentPath}`,
      hint: "Remove the file: systemd.unit({ …, state: 'absent' }).",
    }
  const lifted = masked && wish.masked === false
  const changes: Change[] = []
  const add = (summary: string, script: string) =>
    changes.push({ summary, steps: [{ script: `export LC_ALL=C\n${script}` }] })
  if (state.NeedDaemonReload === 'yes') add('unit file changed on disk: read again', 'systemctl daemon-reload')
  if (lifted)
    add(
      'masked → not masked',
      sh`systemctl unmask ${state.UnitFileState === 'masked-runtime' ? ['--runtime'] : []} -- ${unit}`,
    )
  const boot = planBoot(unit, state, wish, lifted)
  if (boot && 'refused' in boot) return boot
  if (boot) add(boot.summary, boot.script)
  const running = planRunning(unit, state, wish, lifted)
  if (running && 'refused' in running) return running
  if (running) add(running.summary, running.script)
  if (wish.masked && !masked) add('not masked → masked', sh`systemctl mask -- ${unit}`)
  const [first, ...others] = changes
  return first ? { changes: [first, ...others] } : { unchanged: reasonOf(state, wish) }
}

/** What the summaries of a start and a restart say. */
const startedNow = ' → started'
const restartedNow = 'restart'

type Part = { readonly summary: string; readonly script: string } | Extract<Plan, { refused: string }> | undefined

/** What `UnitFileState` means for `enabled`; the other answers have cases of their own. */
const startsAtBoot = ['enabled', 'alias', 'indirect', 'generated, enabled']

function planBoot(unit: string, state: UnitState, wish: SystemdServiceArgs, lifted: boolean): Part {
  if (wish.enabled === undefined) return undefined
  const now = state.UnitFileState || 'disabled'
  const verb = wish.enabled ? 'enable' : 'disable'
  if (lifted) return { summary: `→ ${verb}d`, script: sh`systemctl ${verb} -- ${unit}` }
  if (wish.enabled) {
    if (startsAtBoot.includes(now)) return undefined
    if (now === 'static' || now === 'transient' || now === 'generated')
      return {
        refused: `${unit} is ${now}: it has no [Install] section and cannot be enabled`,
        hint: 'Leave enabled out; other units start it.',
      }
    return { summary: `${now} → enabled`, script: sh`systemctl enable -- ${unit}` }
  }
  if (now === 'enabled-runtime' || now === 'linked-runtime')
    return { summary: `${now} → disabled`, script: sh`systemctl disable --runtime -- ${unit}` }
  if (now === 'enabled' || now === 'alias' || now === 'generated, enabled')
    return { summary: 'enabled → disabled', script: sh`systemctl disable -- ${unit}` }
  return undefined // disabled, static, indirect, masked, linked: nothing starts it at boot by itself
}

function planRunning(unit: string, state: UnitState, wish: SystemdServiceArgs, lifted: boolean): Part {
  const now = `${state.ActiveState} (${state.SubState})`
  switch (wish.state) {
    case undefined:
      return undefined
    case 'stopped':
      if (state.ActiveState === 'inactive' || state.ActiveState === 'failed') return undefined
      return { summary: `${now} → stopped`, script: sh`systemctl stop -- ${unit}` }
    case 'started':
      if (isActive(state) && !lifted) return undefined
      if (state.Type === 'oneshot' && state.RemainAfterExit === 'no') {
        if (state.ActiveState === 'activating') return undefined
        return {
          refused: `${unit} runs once and ends (Type=oneshot), so it cannot stay started`,
          hint: "Run it with state: 'restarted', or start its timer.",
        }
      }
      return { summary: `${now}${startedNow}`, script: bring('start', unit) }
    case 'restarted':
      return { summary: isActive(state) ? restartedNow : `${now}${startedNow}`, script: bring('restart', unit) }
    case 'reloaded':
      return isActive(state)
        ? { summary: 'reload', script: bring('reload', unit) }
        : { summary: `${now}${startedNow}`, script: bring('start', unit) }
    case 'reloaded-or-restarted':
      return isActive(state)
        ? { summary: 'reload or restart', script: bring('reload-or-restart', unit) }
        : { summary: `${now}${startedNow}`, script: bring('start', unit) }
    default:
      return wish.state satisfies never
  }
}

/** Runs the verb, then looks whether the unit really runs; shows why if not. The start limit does not count what we are asked for. */
function bring(verb: string, unit: string): string {
  return sh`unit=${unit}
explain() {
  printf 'error: %s\\n' "$1" >&2
  systemctl status --no-pager --full --lines=0 -- "$unit" >&2 || true
  journalctl --no-pager --output=cat --lines=30 --unit="$unit" >&2 2>/dev/null || true
  exit 1
}
${raw(verb === 'reload' ? '' : 'systemctl reset-failed -- "$unit" 2>/dev/null || true\n')}systemctl ${verb} -- "$unit" || explain "$unit: systemctl "${verb}" failed"
${raw(atRestFunction)}
at_rest "$unit"
ConditionTimestampMonotonic=0
eval "$(systemctl show --property=ActiveState,SubState,Type,ConditionResult,ConditionTimestampMonotonic -- "$unit" | sed "s/=\\(.*\\)/='\\1'/")"
case $ActiveState in
  active | reloading) ;;
  inactive)
    # Without a timestamp the unit ended and is unloaded, and its ConditionResult means nothing.
    [ "$ConditionResult" = yes ] || [ "$ConditionTimestampMonotonic" = 0 ] || explain "$unit was not started: a condition of its unit file is not met"
    [ "\${Type:-}" = oneshot ] || explain "$unit did not stay up: inactive ($SubState)"
    ;;
  *) explain "$unit did not stay up: $ActiveState ($SubState)" ;;
esac`
}

function isActive(state: UnitState): boolean {
  return ['active', 'reloading', 'refreshing'].includes(state.ActiveState)
}

function acts(wish: SystemdServiceArgs): boolean {
  return wish.state === 'restarted' || wish.state === 'reloaded' || wish.state === 'reloaded-or-restarted'
}

function reasonOf(state: UnitState, wish: SystemdServiceArgs): string {
  const parts = [
    wish.state && `${state.ActiveState} (${state.SubState})`,
    wish.enabled !== undefined && (state.UnitFileState || 'not enabled'),
    wish.masked !== undefined && (wish.masked ? 'masked' : 'not masked'),
  ]
  return parts.filter(Boolean).join(', ')
}

/** The unit's full name: without a known suffix it is a service. */
export function unitName(name: string): string {
  return /\.(service|socket|timer|target|path|mount|automount|swap|slice|scope|device)$/.test(name)
    ? name
    : `${name}.service`
}
