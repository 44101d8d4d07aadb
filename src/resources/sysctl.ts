// Kernel parameters: in a sysctl.d(5) file for the next boot and in /proc/sys for now.
import * as v from 'valibot'
import type { Change, Plan, PlanContext } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { fileArea, treeArea } from './areas.ts'
import { editSysctlFile, sysctlPath, sysctlValue, valueInFile } from './sysctl-file.ts'
import { contentOf, fileOf, parseTextFiles, type TextFile, textFilesProbe, writeTextFile } from './text-file.ts'

const keyPattern = /^[a-z0-9_]+([./][A-Za-z0-9_:@./-]+)+$/
const key = v.pipe(v.string(), v.regex(keyPattern, "expected a kernel parameter such as 'net.ipv4.ip_forward'"))
const value = v.union([v.number(), v.pipe(v.string(), v.regex(/^[^\n#;]*\S[^\n#;]*$/, 'expected a value in one line'))])

const schema = {
  /** One parameter, with `value`; or several in `settings`. */
  key: v.optional(key),
  /** Lists are separated by any white space: `'4096 87380 6291456'`. */
  value: v.optional(value),
  /** Several at once, instead of `key` and `value`. */
  settings: v.optional(v.record(key, value)),
  /** Only these keys' lines are touched in it. @default '/etc/sysctl.d/60-provision.conf' */
  file: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\/etc\/sysctl(\.d\/[A-Za-z0-9_.-]+)?\.conf$/, 'expected a file in /etc/sysctl.d, ending in .conf'),
    ),
  ),
  /** `absent` takes the lines out of the file; the running kernel keeps its values. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

export type SysctlArgs = ArgumentsOf<typeof schema>

interface Live {
  /** Undefined: there is no such key. */
  readonly value: string | undefined
  readonly writable: boolean
}

interface SysctlState {
  readonly file: TextFile
  readonly live: ReadonlyMap<string, Live>
}

/**
 * Sets kernel parameters now and for the next boot. What a container cannot set is written to the file and said, not failed.
 * @example sysctl({ settings: { 'net.ipv4.ip_nonlocal_bind': 1, 'net.core.somaxconn': 4096 } })
 */
export const sysctl = defineResource<SysctlArgs, SysctlArgs, SysctlState>({
  name: 'sysctl',
  schema,
  check: (args) => {
    if ((args.key === undefined) === (args.settings === undefined)) return "expected either 'key' or 'settings'"
    if (args.settings && args.value !== undefined) return "'value' goes with 'key', not with 'settings'"
    if (args.key !== undefined && args.value === undefined && args.state !== 'absent')
      return "option 'value' is missing"
    const paths = [...settingsOf(args).keys()].map(sysctlPath)
    const twice = paths.find((path, index) => paths.indexOf(path) !== index)
    return twice && `the parameter ${twice} is there twice`
  },
  describe: (args) => [...settingsOf(args).keys()].join(', '),
  probe: (wishes) => {
    const paths = [...new Set(wishes.flatMap((wish) => [...settingsOf(wish).keys()].map(sysctlPath)))]
    return `${textFilesProbe(wishes.map(fileOfWish))}
${sh`set --
for path in ${paths}; do
  if [ ! -e "/proc/sys/$path" ]; then
    printf 'missing\\t%s\\n' "$path"
  else
    writable=no
    if [ -w "/proc/sys/$path" ]; then writable=yes; fi
    printf 'live\\t%s\\t%s\\n' "$path" "$writable"
    set -- "$@" "/proc/sys/$path"
  fi
done
[ $# = 0 ] || grep -asH '' -- "$@" || :`}`
  },
  parse: (stdout, wishes) => {
    const files = parseTextFiles(stdout)
    const live = new Map<string, Live>()
    for (const line of stdout.split('\n')) {
      const [kind, path = '', writable] = line.split('\t')
      if (kind === 'missing') live.set(path, { value: undefined, writable: false })
      if (kind === 'live') live.set(path, { value: '', writable: writable === 'yes' })
      const [, key = '', text = ''] = /^\/proc\/sys\/([^:]+):(.*)$/.exec(line) ?? []
      const known = live.get(key)
      if (known) live.set(key, { ...known, value: sysctlValue(`${known.value} ${text}`) })
    }
    return wishes.map((wish) => {
      for (const name of settingsOf(wish).keys())
        if (!live.has(sysctlPath(name))) throw new TypeError(`the probe said nothing of ${name}`)
      return { file: fileOf(files, fileOfWish(wish)), live }
    })
  },
  plan,
  footprint: (wish) => {
    const file = fileOfWish(wish)
    const keys = [...settingsOf(wish).keys()].map((name) => fileArea(`/proc/sys/${sysctlPath(name)}`))
    // one parameter may set others, ip_forward for example
    return { reads: [fileArea(file), ...keys], alters: [fileArea(file), treeArea('/proc/sys')] }
  },
})

function plan(state: SysctlState, wish: SysctlArgs, context: PlanContext): Plan {
  const path = fileOfWish(wish)
  if (state.file.kind === 'other') return { refused: `${path} is ${state.file.what}, expected a file` }
  const before = contentOf(state.file)
  const changes: Change[] = []
  const cannot: string[] = []
  const edits = new Map<string, string | undefined>()
  const summaries: string[] = []
  for (const [name, wished] of settingsOf(wish)) {
    const present = valueInFile(before, name)
    const wanted = wish.state === 'absent' ? undefined : wished
    if (present !== wanted) {
      edits.set(name, wanted)
      summaries.push(`${name} ${present ?? 'absent'} → ${wanted ?? 'absent'} in ${path}`)
    }
    if (wanted === undefined) continue
    const live = state.live.get(sysctlPath(name))
    if (live?.value === wanted) continue
    if (live?.value === undefined && !context.facts.isContainer)
      return { unknown: `the kernel has no parameter ${name} (is its module loaded?)` }
    if (live?.value === undefined || !live.writable) {
      cannot.push(name)
      continue
    }
    changes.push({
      summary: `${name} ${live.value} → ${wanted} in the kernel`,
      steps: [{ script: sh`printf '%s\\n' ${wanted} >${`/proc/sys/${sysctlPath(name)}`}` }],
    })
  }
  const note = cannot.length === 0 ? '' : `; cannot apply here: ${cannot.join(', ')}`
  if (edits.size > 0) {
    const content = editSysctlFile(before, edits)
    const step = content === '' ? { script: sh`rm -f -- ${path}` } : writeTextFile({ path, content, mode: '0644' })
    const [first = '', ...rest] = summaries
    changes.unshift(
      { summary: `${first}${note}`, diff: { label: path, before, after: content }, steps: [step] },
      ...rest.map((summary) => ({ summary, steps: [] })),
    )
  }
  const [first, ...rest] = changes
  if (!first) return { unchanged: `${wish.state === 'absent' ? 'absent' : 'as wished'}${note}` }
  return { changes: [first, ...rest] }
}

function settingsOf(args: SysctlArgs): ReadonlyMap<string, string> {
  const entries = args.settings
    ? Object.entries(args.settings)
    : args.key === undefined
      ? []
      : [[args.key, args.value ?? ''] as const]
  return new Map(entries.map(([name, value]) => [name, sysctlValue(value)]))
}

function fileOfWish(wish: SysctlArgs): string {
  return wish.file ?? '/etc/sysctl.d/60-provision.conf'
}
