// Jobs of cron(8), a file each in /etc/cron.d, crontab(5).
import * as v from 'valibot'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, accountName } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { fileFootprint } from './areas.ts'
import {
  contentOf,
  fileDifferences,
  fileOf,
  parseTextFiles,
  type TextFile,
  textFilesProbe,
  writeTextFile,
} from './text-file.ts'

const specials = ['@reboot', '@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']
const part = '(\\*|[0-9a-zA-Z]+(-[0-9a-zA-Z]+)?)(/[0-9]+)?'
const schedulePattern = new RegExp(`^${part}(,${part})*( ${part}(,${part})*){4}$`)

const schema = {
  /** Names the file: letters, digits, `-` and `_` only, because cron ignores files with a dot in their name. */
  name: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, - and _ (cron ignores file names with a dot)'),
  ),
  /** Five fields (minute, hour, day of month, month, day of week), or `'@daily'` and the like. */
  schedule: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => specials.includes(text) || schedulePattern.test(text),
        "expected five fields such as '*/5 * * * *', or one of @reboot, @hourly, @daily, @weekly, @monthly, @yearly",
      ),
    ),
  ),
  /** The command, one line; `%` needs no escaping here. */
  job: v.optional(v.pipe(v.string(), v.regex(/^[^\n]*\S[^\n]*$/, 'expected a command in one line'))),
  /** Whose job it is. @default 'root' */
  user: v.optional(accountName),
  /** Environment of the job, `MAILTO` for example. Not for secrets: the file is readable by all. */
  env: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/)),
      v.pipe(v.string(), v.regex(/^[^\n"]*$/, 'expected one line without "')),
    ),
  ),
  /** Whether there is such a job. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

export type CronArgs = ArgumentsOf<typeof schema>

interface CronState {
  readonly file: TextFile
  readonly folder: boolean
  readonly user: boolean
}

/**
 * A cron job in a file of its own, `/etc/cron.d/NAME`.
 * @example cron({ name: 'backup', schedule: '15 3 * * *', job: '/usr/local/bin/backup', user: 'backup' })
 */
export const cron = defineResource<CronArgs, CronArgs, CronState>({
  name: 'cron',
  schema,
  check: (args) => {
    if (args.state === 'absent') return undefined
    if (args.schedule === undefined) return "option 'schedule' is missing"
    return args.job === undefined ? "option 'job' is missing" : undefined
  },
  describe: (args) => args.name,
  probe: (wishes) => `${textFilesProbe(wishes.map(pathOf))}
if [ -d /etc/cron.d ]; then echo folder; fi
${sh`for name in ${[...new Set(wishes.map(userOf))]}; do
  if getent passwd -- "$name" >/dev/null; then printf 'user\\t%s\\n' "$name"; fi
done`}`,
  parse: (stdout, wishes) => {
    const files = parseTextFiles(stdout)
    const lines = stdout.split('\n')
    return wishes.map((wish) => ({
      file: fileOf(files, pathOf(wish)),
      folder: lines.includes('folder'),
      user: lines.includes(`user\t${userOf(wish)}`),
    }))
  },
  plan,
  footprint: ({ name, user = 'root' }) => fileFootprint(`/etc/cron.d/${name}`, { owner: user }),
})

function plan(state: CronState, wish: CronArgs): Plan {
  const path = pathOf(wish)
  const before = contentOf(state.file)
  if (wish.state === 'absent') {
    if (state.file.kind === 'absent') return { unchanged: 'absent' }
    const diff = { label: path, before, after: '' }
    return { changes: [{ summary: 'present → absent', diff, steps: [{ script: sh`rm -f -- ${path}` }] }] }
  }
  if (!state.folder) return { unknown: 'there is no /etc/cron.d: the package cron is not installed' }
  if (!state.user) return { unknown: `there is no user ${userOf(wish)}, and cron would ignore the job` }
  if (state.file.kind === 'other') return { refused: `${path} is ${state.file.what}, expected a file` }
  const content = render(wish)
  const differences = fileDifferences(state.file, { content, mode: '0644' })
  if (differences.length === 0) return { unchanged: 'as wished' }
  return {
    changes: [
      {
        summary: differences.join(', '),
        ...(before !== content && { diff: { label: path, before, after: content } }),
        steps: [writeTextFile({ path, content, mode: '0644' })],
      },
    ],
  }
}

// A bare % ends the command and starts its stdin, see crontab(5).
function render(wish: CronArgs): string {
  const environment = Object.entries(wish.env ?? {}).map(([name, value]) => `${name}="${value}"\n`)
  const job = (wish.job ?? '').replaceAll('%', '\\%')
  return `# Made by provision; changes are lost.\n${environment.join('')}${wish.schedule} ${userOf(wish)} ${job}\n`
}

function pathOf(wish: CronArgs): string {
  return `/etc/cron.d/${wish.name}`
}

function userOf(wish: CronArgs): string {
  return wish.user ?? 'root'
}
