// Debian packages. Reads dpkg-query(1), apt-cache(8) `policy` and, before it removes, the simulation of apt-get(8).
import * as v from 'valibot'
import type { ApplyStep, Case, Plan, PlanContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { installScript, nothingNewer, removeScript } from './apt-script.ts'
import { type AptState, type Instance, type Known, packageProbe, parsePackages } from './apt-state.ts'
import { type PackageWord, parseWord, wordPattern } from './apt-word.ts'
import { treeArea } from './areas.ts'
import { compareVersions, matchesVersion } from './debian-version.ts'

const packageWord = v.pipe(
  v.string(),
  v.regex(wordPattern, "expected a package as 'nginx', 'nginx=1.22*' or 'libc6:i386'"),
)
const packageName = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9+.-]*$/, 'expected a package name'))

const schema = {
  /** One package or several: `'nginx'`, `'nginx=1.22*'` (any version that matches), `'libc6:i386'`. Several cost one call of apt. */
  pkg: v.union([packageWord, v.pipe(v.array(packageWord), v.minLength(1, 'expected at least one package'))]),
  /**
   * `latest` also upgrades; `absent` keeps configuration files, `purged` removes them too. Only the packages named
   * here are ever removed, see `allowRemove`.
   * @default 'present'
   */
  state: v.optional(v.picklist(['present', 'latest', 'absent', 'purged'])),
  /** Seconds for which the package lists count as fresh; older ones are refreshed before something is installed. @default 3600 */
  cacheValidTime: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** `true`: refresh before installing, however fresh; `false`: never refresh. @default by age, and when a source is newer than the lists */
  updateCache: v.optional(v.boolean()),
  /** Install recommended packages too. @default false */
  recommends: v.optional(v.boolean()),
  /** Release to take the packages from, `'bookworm-backports'` for example. @default apt's choice */
  defaultRelease: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9./_-]*$/, 'expected a release'))),
  /** Other packages that may be removed on the way. @default none: the task refuses and names them */
  allowRemove: v.optional(v.array(packageName)),
  /** Go back to an older version if `pkg` asks for one. @default false */
  allowDowngrade: v.optional(v.boolean()),
  /** `false`: do not start the services of what is installed now, to configure them first. @default true */
  startServices: v.optional(v.boolean()),
  /** Seconds to wait for another package manager to finish. @default 600 */
  lockTimeout: v.optional(v.pipe(v.number(), v.minValue(0))),
}

export type AptPackageArgs = ArgumentsOf<typeof schema>

/**
 * Makes packages present, newest, absent or purged. Never removes a package that was not asked to go; waits for other package
 * managers and says for whom; finishes what an interrupted dpkg left; keeps changed configuration files.
 * @example apt.package({ pkg: ['nginx', 'curl'] })
 * @example apt.package({ pkg: 'haproxy=2.6*', recommends: true })
 */
export const aptPackage = defineResource<AptPackageArgs, AptPackageArgs, AptState>({
  name: 'apt.package',
  schema,
  check: (args) => {
    const words = wordsOf(args)
    const versioned = words.find((word) => word.version)
    if (versioned && args.state && args.state !== 'present')
      return `option 'pkg': '${versioned.text}' names a version, which only goes with state: 'present'`
    const twice = words.find((word, index) => words.findIndex((other) => other.base === word.base) !== index)
    return twice && `option 'pkg': '${twice.base}' is there twice`
  },
  describe: (args) => namesOf(wordsOf(args)),
  probe: (wishes) =>
    packageProbe(
      wishes.map((wish) => ({
        words: wordsOf(wish),
        release: wish.defaultRelease ?? '',
        newest: wish.state === 'latest',
        removal: wish.state === 'absent' ? 'remove' : wish.state === 'purged' ? 'purge' : undefined,
      })),
    ),
  parse: (stdout, wishes) =>
    parsePackages(
      stdout,
      wishes.map((wish) => wish.defaultRelease ?? ''),
    ),
  plan: (state, wish, context) =>
    wish.state === 'absent' || wish.state === 'purged'
      ? planRemoval(state, wish)
      : planInstallation(state, wish, context),
  // Lists may be old again by the time of the second look; apt itself says that what it took is the newest.
  converges: (wish) => (wish.state === 'latest' ? 'none' : 'state'),
  didChange: (outputs) => !outputs.some((output) => output.stdout.split('\n').includes(nothingNewer)),
  footprint: () => ({ reads: [treeArea('/var/lib/dpkg'), treeArea('/var/lib/apt'), treeArea('/etc/apt')] }),
  merge: mergePackages,
  isPackage: (wish) => (wish.state ?? 'present') === 'present',
})

/** Installations with the same options are one call of apt. */
function mergePackages(
  cases: readonly Case<AptState, AptPackageArgs>[],
  context: PlanContext,
): readonly ApplyStep[] | undefined {
  const [first] = cases
  if (!first || cases.some(({ wish }) => optionsOf(wish) !== optionsOf(first.wish))) return undefined
  if ((first.wish.state ?? 'present') !== 'present') return undefined
  const pkg = [...new Set(cases.flatMap(({ wish }) => wordsOf(wish).map((word) => word.text)))]
  if (new Set(pkg.map((word) => parseWord(word).base)).size < pkg.length) return undefined // two versions of one package
  // all were read by one probe, or after each other with nothing in between
  const known = new Map(cases.flatMap(({ state }) => [...state.known]))
  const instances = new Map(cases.flatMap(({ state }) => [...state.instances]))
  const providers = new Map(cases.flatMap(({ state }) => [...state.providers]))
  const lists = cases.find(({ state }) => state.lists)?.state.lists
  const state = { ...first.state, known, instances, providers, lists }
  const plan = planInstallation(state, { ...first.wish, pkg }, context)
  return 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : undefined
}

function optionsOf({ pkg: _, ...options }: AptPackageArgs): string {
  return JSON.stringify(Object.entries(options).sort(([one], [other]) => (one < other ? -1 : 1)))
}

function planRemoval(state: AptState, wish: AptPackageArgs): Plan {
  const purge = wish.state === 'purged'
  const words = wordsOf(wish).filter((word) =>
    instancesOf(state, word).some((instance) => isThere(instance) || (purge && instance.status[1] === 'c')),
  )
  const names = namesOf(words)
  if (words.length === 0) return { unchanged: `${namesOf(wordsOf(wish))} ${wish.state}` }
  const held = words.find((word) => instancesOf(state, word).some((instance) => instance.status[0] === 'h'))
  if (held) return { refused: `${held.base} is on hold and cannot be removed`, hint: `apt-mark unhold ${held.base}` }
  const allowed = [
    ...new Set([...wordsOf(wish).flatMap((word) => [word.name, word.base]), ...(wish.allowRemove ?? [])]),
  ]
  const others = state.removals.filter((name) => !allowed.includes(name) && !allowed.includes(name.replace(/:.*/, '')))
  if (others.length > 0) {
    return {
      refused: `removing ${names} would remove ${others.join(', ')} too`,
      hint: `Let them go with allowRemove: [${others.map((name) => `'${name}'`).join(', ')}].`,
    }
  }
  return oneCall(
    words.map((word) => {
      const version = instancesOf(state, word).find(isThere)?.version
      return `${word.base} ${version ?? 'configuration files'} → ${purge ? 'purged' : 'absent'}`
    }),
    removeScript({
      lockTimeout: wish.lockTimeout ?? 600,
      verb: purge ? 'purge' : 'remove',
      allowed,
      targets: words.map((word) => word.base),
    }),
  )
}

function planInstallation(state: AptState, wish: AptPackageArgs, context: PlanContext): Plan {
  const stale = staleness(state, wish)
  const needs: Need[] = []
  const reasons: string[] = []
  for (const word of wordsOf(wish)) {
    const decided = decide(state, wish, word, stale !== undefined, context)
    if ('fine' in decided) reasons.push(decided.fine)
    else if ('target' in decided) needs.push(decided)
    else return decided
  }
  // What is newest is known to fresh lists only, and a probe may not refresh them.
  const waiting = wish.state === 'latest' && stale !== undefined
  if (needs.length === 0 && !waiting) return { unchanged: reasons.join(', ') }
  if (needs.length === 0 && context.check) return { unknown: `${reasons.join(', ')}, but ${stale}` }
  const targets = waiting ? wordsOf(wish).map((word) => word.base) : needs.map((need) => need.target)
  const summaries = needs.map((need) => need.summary)
  return oneCall(
    summaries.length > 0 ? summaries : [`${stale}: refreshed, then the newest of ${targets.join(', ')}`],
    installScript({
      lockTimeout: wish.lockTimeout ?? 600,
      startServices: wish.startServices ?? true,
      refresh: stale !== undefined,
      allowRemove: wish.allowRemove ?? [],
      flags: [
        wish.recommends ? '--install-recommends' : '--no-install-recommends',
        ...(wish.allowDowngrade ? ['--allow-downgrades'] : []),
        ...(wish.defaultRelease ? [`--target-release=${wish.defaultRelease}`] : []),
      ],
      targets,
    }),
  )
}

interface Need {
  readonly summary: string
  /** What apt-get is asked for. */
  readonly target: string
}
type Decision = { readonly fine: string } | Need | Extract<Plan, { unknown: string } | { refused: string }>

function decide(
  state: AptState,
  wish: AptPackageArgs,
  word: PackageWord,
  stale: boolean,
  context: PlanContext,
): Decision {
  const known = state.known.get(word.base)
  const instance = chosen(state, word, context)
  if (!instance) return decideAbsent(state, word, known, stale, context)
  if (instance.status[1] !== 'i' || instance.status[2] === 'R')
    return { summary: `${word.base} ${statusWord(instance.status)} → installed`, target: word.text }
  if (word.version !== undefined && !matchesVersion(instance.version, word.version))
    return decideVersion(instance, wish, word, word.version, known, stale, context)
  const candidate = wish.state === 'latest' ? known?.candidate : undefined
  if (candidate && compareVersions(candidate, instance.version) > 0) {
    if (instance.status[0] === 'h') return { fine: `${word.base} is on hold at ${instance.version}` }
    return { summary: `${word.base} ${instance.version} → ${candidate}`, target: word.base }
  }
  return { fine: `${word.base} is ${instance.version}` }
}

function decideAbsent(
  state: AptState,
  word: PackageWord,
  known: Known | undefined,
  stale: boolean,
  context: PlanContext,
): Decision {
  const provider = word.version === undefined ? state.providers.get(word.base) : undefined
  if (provider) return { fine: `${word.base} is provided by ${provider}` }
  const version = word.version === undefined ? known?.candidate : newest(known, word.version)
  if (version) {
    const target = word.version === undefined ? word.base : `${word.base}=${version}`
    return { summary: `${word.base} absent → ${version}`, target: stale ? word.text : target }
  }
  if (stale) return notYetKnown(word, 'absent', context)
  if (!known) return { refused: `there is no package ${word.base} in the package lists of this host` }
  if (word.version !== undefined) return noSuchVersion(word, word.version, known)
  return { summary: `${word.base} absent → provided`, target: word.base } // virtual: apt takes the only provider or names them
}

function decideVersion(
  instance: Instance,
  wish: AptPackageArgs,
  word: PackageWord,
  version: string,
  known: Known | undefined,
  stale: boolean,
  context: PlanContext,
): Decision {
  if (instance.status[0] === 'h') {
    return {
      refused: `${word.base} is on hold at ${instance.version}, expected ${version}`,
      hint: `apt-mark unhold ${word.base}`,
    }
  }
  const target = newest(known, version)
  if (!target) return stale ? notYetKnown(word, instance.version, context) : noSuchVersion(word, version, known)
  if (compareVersions(target, instance.version) < 0 && !wish.allowDowngrade) {
    return {
      refused: `${word.base} is ${instance.version}, newer than the wished ${target}`,
      hint: 'Go back with allowDowngrade: true.',
    }
  }
  return { summary: `${word.base} ${instance.version} → ${target}`, target: `${word.base}=${target}` }
}

function notYetKnown(word: PackageWord, present: string, context: PlanContext): Decision {
  if (context.check) return { unknown: `${word.text} is not in the package lists, which would be refreshed first` }
  return { summary: `${word.base} ${present} → ${word.version ?? 'present'}`, target: word.text }
}

function noSuchVersion(word: PackageWord, version: string, known: Known | undefined): Decision {
  const there = known?.versions.length ? `only ${known.versions.join(', ')}` : 'none at all'
  return { refused: `there is no version ${version} of ${word.base} in the package lists of this host, ${there}` }
}

/** Why the lists must be refreshed first, or undefined. */
function staleness({ lists }: AptState, wish: AptPackageArgs): string | undefined {
  if (!lists || wish.updateCache === false) return undefined
  if (lists.refreshed === 0) return 'there are no package lists yet'
  if (lists.sources > lists.refreshed) return 'a package source is newer than the package lists'
  const age = lists.now - lists.refreshed
  if (wish.updateCache || age > (wish.cacheValidTime ?? 3600)) return `the package lists are ${ageText(age)} old`
  return undefined
}

function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} seconds`
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} hours`
  return `${Math.round(seconds / 86_400)} days`
}

/** One change a package; the first carries the one call of apt for all. */
function oneCall(summaries: readonly string[], script: string): Plan {
  const [first = '', ...rest] = summaries
  return { changes: [{ summary: first, steps: [{ script }] }, ...rest.map((summary) => ({ summary, steps: [] }))] }
}

function newest(known: Known | undefined, wished: string): string | undefined {
  return known?.versions.filter((version) => matchesVersion(version, wished)).sort((a, b) => compareVersions(b, a))[0]
}

/** The instance that the word means: of its architecture, else the host's own. */
function chosen(state: AptState, word: PackageWord, context: PlanContext): Instance | undefined {
  return instancesOf(state, word)
    .filter(isThere)
    .find((one) => word.architecture || ['all', context.facts.debArchitecture].includes(one.architecture))
}

function instancesOf(state: AptState, word: PackageWord): readonly Instance[] {
  const all = state.instances.get(word.name) ?? []
  return word.architecture ? all.filter((one) => one.architecture === word.architecture) : all
}

/** Whether files of the package are on the host: neither `n`ot installed nor only its `c`onfiguration files. */
function isThere(instance: Instance): boolean {
  return !['n', 'c'].includes(instance.status[1] ?? 'n')
}

const statusWords: Readonly<Record<string, string>> = {
  H: 'half installed',
  U: 'unpacked',
  F: 'half configured',
  W: 'waiting for triggers',
  t: 'with pending triggers',
}

function statusWord(status: string): string {
  return status[2] === 'R' ? 'broken' : (statusWords[status[1] ?? ''] ?? `in status '${status}'`)
}

function wordsOf(args: AptPackageArgs): readonly PackageWord[] {
  return (typeof args.pkg === 'string' ? [args.pkg] : args.pkg).map(parseWord)
}

function namesOf(words: readonly PackageWord[]): string {
  return words.map((word) => word.text).join(', ')
}
