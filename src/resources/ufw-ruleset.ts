// The whole firewall of a host at once, see ufw(8). Reads the tuples in /etc/ufw/user.rules and user6.rules and what the kernel
// runs; writes both files and loads them with iptables-restore(8), one transaction for each family, as ufw's own start does. So
// there is no moment without rules, no `ufw reset`, and the order is exactly the declared one.
import * as v from 'valibot'
import type { ApplyStep, Change, Plan, PlanContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { armRevert, confirmation, guardedStep, type Revert } from './revert.ts'
import { compareRules } from './ufw-difference.ts'
import { letsUsIn } from './ufw-guard.ts'
import { normalRule, ruleLines, rulesText } from './ufw-lines.ts'
import { describeTuple, type Family, identityOf, ruleProblem, ruleSchema, type Tuple, tuplesOf } from './ufw-rule.ts'
import {
  type Direction,
  directions,
  kernelDifference,
  type Policy,
  parseUfwState,
  sameByChain,
  type UfwState,
  ufwProbe,
} from './ufw-state.ts'

const policy = v.optional(v.picklist(['allow', 'deny', 'reject']))

const schema = {
  /** All rules of the host, in the order in which they apply: the first that matches decides. Rules of other hands are removed. */
  rules: v.array(v.strictObject(ruleSchema)),
  /** What happens to packets for this host that no rule names. @default 'deny' */
  defaultIncoming: policy,
  /** The same for packets that this host sends. @default 'allow' */
  defaultOutgoing: policy,
  /** The same for packets that pass through. @default 'deny' */
  defaultRouted: policy,
  /** How much of it is logged. @default 'low' (what is refused, at most 3 a minute) */
  logging: v.optional(v.picklist(['off', 'low', 'medium', 'high', 'full'])),
  /** Rules for IPv6 too; `false` refuses all of IPv6 but the loopback. @default left as it is (Debian: true) */
  ipv6: v.optional(v.boolean()),
  /** Filter, now and after a reboot. @default true */
  enabled: v.optional(v.boolean()),
  /** Seconds after which the host itself undoes a change that no new connection confirmed. @default 60 */
  revertAfter: v.optional(v.pipe(v.number(), v.integer(), v.minValue(15), v.maxValue(3600))),
}

export type UfwRulesetArgs = ArgumentsOf<typeof schema>

const files: Readonly<Record<Family, string>> = { 4: '/etc/ufw/user.rules', 6: '/etc/ufw/user6.rules' }

/**
 * The firewall's rules, all of them: what is not declared here is removed. A change stands only if a new ssh connection
 * succeeds after it; otherwise the host itself puts the previous state back, even if the controller died.
 * @example
 * ufw.ruleset({ rules: [
 *   { action: 'allow', port: 22, from: '192.0.2.0/24', comment: 'ssh' },
 *   { action: 'allow', port: '80,443' },
 * ] })
 */
export const ufwRuleset = defineResource<UfwRulesetArgs, UfwRulesetArgs, UfwState>({
  name: 'ufw.ruleset',
  schema,
  check,
  describe: (args) => `${args.rules.length} ${args.rules.length === 1 ? 'rule' : 'rules'}`,
  probe: () => ufwProbe,
  parse: (stdout, wishes) => {
    const state = parseUfwState(stdout)
    return wishes.map(() => state)
  },
  plan,
})

function check(args: UfwRulesetArgs): string | undefined {
  const seen = new Map<string, { tuple: Tuple; number: number }>()
  for (const [index, rule] of args.rules.entries()) {
    const number = index + 1
    const problem = ruleProblem(rule)
    if (problem) return `rule ${number}: ${problem}`
    for (const tuple of [...tuplesOf(rule, 4), ...tuplesOf(rule, 6)]) {
      const other = seen.get(identityOf(tuple))
      if (other && other.tuple.action !== tuple.action)
        return `rules ${other.number} and ${number} say '${other.tuple.action}' and '${tuple.action}' of the same packets: ${describeTuple(tuple)}`
      if (!other) seen.set(identityOf(tuple), { tuple, number })
    }
  }
  return undefined
}

interface Wish {
  readonly tuples: Readonly<Record<Family, readonly Tuple[]>>
  readonly policies: Readonly<Record<Direction, Policy>>
  readonly logging: string
  readonly ipv6: boolean
  readonly enabled: boolean
}

function wishOf(args: UfwRulesetArgs, state: UfwState): Wish {
  const ipv6 = args.ipv6 ?? state.ipv6
  const family = (number: Family) => withoutDoubles(args.rules.flatMap((rule) => tuplesOf(rule, number)))
  return {
    // Without IPv6 ufw neither reads nor loads the second file.
    tuples: { 4: family(4), 6: ipv6 && state.ipv6Kernel ? family(6) : [] },
    policies: {
      incoming: args.defaultIncoming ?? 'deny',
      outgoing: args.defaultOutgoing ?? 'allow',
      routed: args.defaultRouted ?? 'deny',
    },
    logging: args.logging ?? 'low',
    ipv6,
    enabled: args.enabled ?? true,
  }
}

function plan(state: UfwState, args: UfwRulesetArgs, { facts }: PlanContext): Plan {
  if (!state.installed) return { unknown: 'ufw is not installed' }
  const wish = wishOf(args, state)
  if (wish.enabled && !letsUsIn(wish.tuples, facts, wish.policies.incoming === 'allow'))
    return {
      refused: `these rules do not let us in again: no rule allows port ${facts.sshPort}/tcp from ${facts.controllerAddress}`,
      hint: `Add { action: 'allow', port: ${facts.sshPort}, from: '${facts.controllerAddress}', comment: 'ssh' } before any rule that denies it.`,
    }
  const families: readonly Family[] = wish.ipv6 && state.ipv6Kernel ? [4, 6] : [4]
  const rules = compareRules(
    families.map((family) => ({ family, present: state.families[family].tuples, wished: wish.tuples[family] })),
  )
  const sentences: string[] = [...rules.sentences]
  const drifted = families.filter(
    (family) =>
      rules.sentences.length === 0 &&
      !sameByChain(state.families[family].fileRules, wish.tuples[family].flatMap(ruleLines).map(normalRule)),
  )
  for (const family of drifted) sentences.push(`rules in ${files[family]} differ from their own tuples: written anew`)
  const kernel = state.enabled && wish.enabled && sentences.length === 0 ? kernelProblems(state, wish, families) : []
  const frame = state.enabled && wish.enabled && kernelProblems(state, wish, families).some((problem) => problem.frame)
  const settings = settingsOf(state, wish)
  sentences.push(...settings.sentences, ...(settings.restarts ? [] : kernel.map((problem) => problem.sentence)))
  const revert = revertOf(args)
  if (sentences.length === 0) {
    if (!state.pending) return { unchanged: unchangedText(wish) }
    return {
      changes: [{ summary: 'the last change was not confirmed → confirmed', steps: [] }],
      confirm: confirmation(revert),
    }
  }
  const rewrite = rules.sentences.length > 0 || drifted.length > 0
  const harmless =
    (rules.commentsOnly && sentences.length === rules.sentences.length) || (!state.enabled && !wish.enabled)
  const writes = rewrite ? families.map((family) => writeStep(family, wish.tuples[family])) : []
  const loads = loadSteps({ state, wish, settings, families, frame, rewrite: rewrite && !rules.commentsOnly, kernel })
  const steps =
    harmless && !state.pending
      ? [...writes, ...loads]
      : [armRevert(revert), ...[...writes, ...loads].map((step) => guardedStep(revert, step))]
  const changes = sentences.map((summary, index): Change => ({ summary, steps: index === 0 ? steps : [] }))
  const [first, ...rest] = changes as [Change, ...Change[]] // there is at least one sentence
  return { changes: [first, ...rest], ...(!(harmless && !state.pending) && { confirm: confirmation(revert) }) }
}

interface Settings {
  readonly sentences: readonly string[]
  /** ufw stops and starts for it, so all of it is loaded anew. */
  readonly restarts: boolean
  readonly policies: readonly Direction[]
  readonly logging: boolean
  readonly ipv6: boolean
  readonly enabled: boolean
}

function settingsOf(state: UfwState, wish: Wish): Settings {
  const policies = directions.filter((direction) => state.policies[direction] !== wish.policies[direction])
  const logging = state.logging !== wish.logging
  const ipv6 = state.ipv6 !== wish.ipv6
  const enabled = state.enabled !== wish.enabled
  const word = (value: boolean, yes: string, no: string) => (value ? yes : no)
  return {
    sentences: [
      ...policies.map((direction) => `default ${direction} ${state.policies[direction]} → ${wish.policies[direction]}`),
      ...(logging ? [`logging ${state.logging} → ${wish.logging}`] : []),
      ...(ipv6 ? [`IPv6 ${word(state.ipv6, 'on', 'off')} → ${word(wish.ipv6, 'on', 'off')}`] : []),
      ...(enabled
        ? [`${word(state.enabled, 'enabled', 'disabled')} → ${word(wish.enabled, 'enabled', 'disabled')}`]
        : []),
    ],
    restarts: policies.length > 0 || ipv6 || enabled,
    policies,
    logging,
    ipv6,
    enabled,
  }
}

function kernelProblems(
  state: UfwState,
  wish: Wish,
  families: readonly Family[],
): readonly { readonly sentence: string; readonly frame: boolean }[] {
  const problems = families.flatMap((family) => {
    // Policies that ufw itself is about to change are no drift of the kernel's.
    const found = kernelDifference(family, state.families[family].kernel, wish.tuples[family], state.policies)
    return found ? [{ sentence: `IPv${family}: ${found.sentence}`, frame: found.frame }] : []
  })
  const open = !state.ipv6 && state.ipv6Kernel && !state.families[6].kernel.includes('-P INPUT DROP')
  return open ? [...problems, { sentence: 'IPv6: the kernel lets it in although it is off', frame: true }] : problems
}

function loadSteps(from: {
  readonly state: UfwState
  readonly wish: Wish
  readonly settings: Settings
  readonly families: readonly Family[]
  readonly frame: boolean
  readonly rewrite: boolean
  readonly kernel: readonly unknown[]
}): readonly ApplyStep[] {
  const { state, wish, settings, families, frame, rewrite, kernel } = from
  const lines = ['export LC_ALL=C']
  if (settings.ipv6)
    lines.push(sh`new=$(mktemp /etc/default/.ufw.XXXXXX)
sed ${`s/^IPV6=.*/IPV6=${wish.ipv6 ? 'yes' : 'no'}/`} /etc/default/ufw >"$new"
chmod 0644 "$new"
sync -- "$new"
mv -f -- "$new" /etc/default/ufw`)
  if (settings.enabled && !wish.enabled) lines.push('ufw --force disable')
  // Broken chains come first: ufw's other commands expect them.
  const reload = wish.enabled && state.enabled && (frame || (settings.ipv6 && settings.policies.length === 0))
  if (frame) lines.push(clearChains)
  if (reload) lines.push('ufw reload')
  for (const direction of settings.policies) lines.push(sh`ufw default ${wish.policies[direction]} ${direction}`)
  // While ufw is off this writes both files in full, with the chains that a package's first file lacks.
  if (settings.logging || (settings.enabled && wish.enabled)) lines.push(sh`ufw logging ${wish.logging}`)
  if (settings.enabled && wish.enabled)
    lines.push(`if iptables -w 10 -n -L ufw-user-input >/dev/null 2>&1; then /lib/ufw/ufw-init force-stop; fi
ufw --force enable`)
  // After ufw's own start too: it writes the files anew at its end, with chains for `limit` that they may have lacked.
  if (wish.enabled && (rewrite || reload || settings.restarts || kernel.length > 0))
    for (const family of families)
      lines.push(sh`${family === 4 ? 'iptables-restore' : 'ip6tables-restore'} -w 10 -n <${files[family]}`)
  return lines.length === 1 ? [] : [{ script: lines.join('\n') }]
}

/**
 * ufw's start leaves the builtin chains alone if its own chains exist, so a jump that went missing does not come back by a reload.
 * Opens the policies first, then takes all of ufw's chains away; the reload builds them anew.
 */
const clearChains = `/lib/ufw/ufw-init force-stop
clear_chains() {
  "$1" -w 10 -S | sed -n "s/^-A \\(\\(INPUT\\|OUTPUT\\|FORWARD\\) -j $2-.*\\)/-D \\1/p" | while read -r rule; do "$1" -w 10 $rule; done
  for flag in -F -X; do
    "$1" -w 10 -S | sed -n "s/^-N \\($2-.*\\)/\\1/p" | while read -r chain; do "$1" -w 10 "$flag" "$chain"; done
  done
}
clear_chains iptables ufw
if [ -d /proc/sys/net/ipv6 ]; then clear_chains ip6tables ufw6; fi`

/** Puts the rules between the file's marks, beside its place, and renames it. */
function writeStep(family: Family, tuples: readonly Tuple[]): ApplyStep {
  const path = files[family]
  const script = sh`file=${path}
new=$(mktemp ${`${path}.XXXXXX`})
trap 'rm -f -- "$new"' EXIT
chown --reference="$file" -- "$new"
chmod --reference="$file" -- "$new"
{
  sed '/^### RULES ###$/q' "$file"
  cat
  if grep -q '^### END RULES ###$' "$file"; then
    printf '\\n'
    sed -n '/^### END RULES ###$/,$p' "$file"
  else
    printf '\\n### END RULES ###\\n'
    sed '1,/^### RULES ###$/d' "$file"
  fi
} >"$new"
sync -- "$new"
mv -f -- "$new" "$file"`
  return { script, input: rulesText(tuples) }
}

function revertOf(args: UfwRulesetArgs): Revert {
  return {
    name: 'ufw',
    what: 'the new firewall rules',
    files: [
      ...Object.values(files),
      '/etc/ufw/ufw.conf',
      '/etc/ufw/after.rules',
      '/etc/ufw/after6.rules',
      '/etc/default/ufw',
    ],
    reload: `if grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw reload || /lib/ufw/ufw-init force-reload; else ufw --force disable; fi`,
    seconds: args.revertAfter ?? 60,
  }
}

function withoutDoubles(tuples: readonly Tuple[]): readonly Tuple[] {
  const seen = new Set<string>()
  return tuples.filter((tuple) => {
    const identity = identityOf(tuple)
    if (seen.has(identity)) return false
    seen.add(identity)
    return true
  })
}

function unchangedText(wish: Wish): string {
  const count = wish.tuples[4].length + wish.tuples[6].length
  if (!wish.enabled) return `disabled, ${count} rules on disk`
  const rules = wish.tuples[4].flatMap(ruleLines).length + wish.tuples[6].flatMap(ruleLines).length
  return `enabled, ${rules} rules in the kernel as declared`
}
