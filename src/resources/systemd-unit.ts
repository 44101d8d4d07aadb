// Unit files and drop-ins in /etc/systemd/system, systemd.unit(5); checked with systemd-analyze(1) `verify` where it is there.
import { posix } from 'node:path'
import * as v from 'valibot'
import type { Change, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { quote, raw, sh } from '../shell/quote.ts'
import { fileArea } from './areas.ts'
import {
  contentOf,
  fileDifferences,
  fileOf,
  parseTextFiles,
  type TextFile,
  textFilesProbe,
  writeTextFile,
} from './text-file.ts'

const unitPattern = '[A-Za-z0-9_@:.\\\\-]+\\.(service|socket|timer|target|path|mount|automount|swap|slice)'

const schema = {
  /** A unit file, `'app.service'`, or a drop-in, `'app.service.d/10-limits.conf'`. */
  name: v.pipe(
    v.string(),
    v.regex(
      new RegExp(`^${unitPattern}(\\.d/[A-Za-z0-9_.-]+\\.conf)?$`),
      "expected a unit file ('app.service') or a drop-in ('app.service.d/10-limits.conf')",
    ),
  ),
  /** The whole file. A missing line break at the end is added. */
  content: v.optional(v.string()),
  /** `absent` also stops and disables the unit (not for drop-ins). @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
  /** Refuse a file that systemd would not take or of which it would ignore lines. @default true */
  verify: v.optional(v.boolean()),
}

export type SystemdUnitArgs = ArgumentsOf<typeof schema>

interface UnitFileState {
  readonly file: TextFile
  /** systemd has read an older version of the file. */
  readonly outdated: boolean
}

/**
 * Writes a unit file or a drop-in and makes systemd read it. It restarts nothing: notify a handler for that.
 * @example systemd.unit({ name: 'app.service', content: unitText, notify: restart })
 */
export const systemdUnit = defineResource<SystemdUnitArgs, SystemdUnitArgs, UnitFileState>({
  name: 'systemd.unit',
  schema,
  check: (args) => {
    if (args.state === 'absent') return args.content === undefined ? undefined : "state: 'absent' takes no content"
    return args.content === undefined ? "option 'content' is missing" : undefined
  },
  describe: (args) => args.name,
  probe: (wishes) => {
    const units = [...new Set(wishes.map((wish) => unitOf(wish.name)))].filter((unit) => !isTemplate(unit))
    const outdated =
      units.length === 0
        ? ''
        : sh`\nexport LC_ALL=C
systemctl show --property=NeedDaemonReload --value -- ${units} | tr -s '\\n' | paste -s -d ' ' - | sed 's/^/outdated\\t/'`
    return `${textFilesProbe(wishes.map((wish) => pathOf(wish.name)))}${outdated}`
  },
  parse: (stdout, wishes) => {
    const files = parseTextFiles(stdout)
    const units = [...new Set(wishes.map((wish) => unitOf(wish.name)))].filter((unit) => !isTemplate(unit))
    const answers = /^outdated\t(.*)$/m.exec(stdout)?.[1]?.split(' ') ?? []
    if (answers.length !== units.length)
      throw new TypeError(`systemctl show answered for ${answers.length} of ${units.length} units`)
    return wishes.map((wish) => ({
      file: fileOf(files, pathOf(wish.name)),
      outdated: answers[units.indexOf(unitOf(wish.name))] === 'yes',
    }))
  },
  plan,
  footprint: ({ name, state }) => ({
    reads: [fileArea(pathOf(name))],
    // a unit that goes is stopped
    alters: state === 'absent' ? undefined : ['units', fileArea(pathOf(name)), fileArea(posix.dirname(pathOf(name)))],
  }),
})

function plan({ file, outdated }: UnitFileState, wish: SystemdUnitArgs): Plan {
  const path = pathOf(wish.name)
  if (wish.state === 'absent') return planRemoval(file, outdated, wish, path)
  if (file.kind === 'other') {
    const masked = file.what === 'a link to /dev/null'
    return {
      refused: `${path} is ${masked ? 'masked' : file.what}, expected a file`,
      ...(masked && { hint: `systemd.service({ unit: '${unitOf(wish.name)}', masked: false })` }),
    }
  }
  const content = contentWanted(wish)
  const differences = fileDifferences(file, { content, mode: '0644' })
  const changes: Change[] = []
  if (differences.length > 0) {
    const before = contentOf(file)
    changes.push({
      summary: differences.join(', '),
      ...(before !== content && { diff: { label: path, before, after: content } }),
      steps: [
        ...(wish.verify === false ? [] : [{ script: verification(wish.name), input: content }]),
        writeTextFile({ path, content, mode: '0644' }),
        { script: 'systemctl daemon-reload', shared: true },
      ],
    })
  } else if (outdated) changes.push(rereading)
  const [first] = changes
  return first ? { changes: [first] } : { unchanged: 'as wished' }
}

const rereading: Change = {
  summary: 'changed on disk: read again by systemd',
  steps: [{ script: 'systemctl daemon-reload', shared: true }],
}

function planRemoval(file: TextFile, outdated: boolean, wish: SystemdUnitArgs, path: string): Plan {
  if (file.kind === 'absent') return outdated ? { changes: [rereading] } : { unchanged: 'absent' }
  const unit = unitOf(wish.name)
  const script = isDropIn(wish.name)
    ? sh`rm -f -- ${path}
rmdir -- ${posix.dirname(path)} 2>/dev/null || true
systemctl daemon-reload`
    : sh`systemctl disable ${isTemplate(unit) ? [] : ['--now']} -- ${unit} || true
rm -f -- ${path}
systemctl daemon-reload
systemctl reset-failed -- ${unit} 2>/dev/null || true`
  return {
    changes: [
      {
        summary: 'present → absent',
        diff: { label: path, before: contentOf(file), after: '' },
        steps: [{ script }],
      },
    ],
  }
}

// What systemd says of lines of our file, and that it refuses the unit, counts; a program or a unit that comes later does not.
function verification(name: string): string {
  const instance = unitOf(name).replace('@.', '@check.')
  const file = isDropIn(name) ? name : instance
  return sh`command -v systemd-analyze >/dev/null 2>&1 || exit 0
check=$(mktemp -d)
trap 'rm -rf -- "$check"' EXIT
mkdir -p -- "$check/"${posix.dirname(file)}
cat >"$check/"${file}
LC_ALL=C SYSTEMD_UNIT_PATH="$check:" systemd-analyze --man=no verify ${raw(isDropIn(name) ? quote(instance) : `"$check/"${quote(instance)}`)} >"$check/said" 2>&1 || true
sed -n -e "s|^$check/||p" -e '/Refusing\\.$/p' -e '/bad unit file setting/p' "$check/said" >"$check/faults"
if [ -s "$check/faults" ]; then
  printf 'error: systemd does not take this %s, and the present one was not touched\\n' ${isDropIn(name) ? 'drop-in' : 'unit file'} >&2
  cat "$check/faults" >&2
  exit 1
fi`
}

function contentWanted(wish: SystemdUnitArgs): string {
  const content = wish.content ?? ''
  return content.endsWith('\n') ? content : `${content}\n`
}

function pathOf(name: string): string {
  return `/etc/systemd/system/${name}`
}

function unitOf(name: string): string {
  return name.replace(/\.d\/.*$/, '')
}

function isDropIn(name: string): boolean {
  return name.includes('/')
}

function isTemplate(unit: string): boolean {
  return unit.includes('@.')
}
