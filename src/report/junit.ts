// JUnit XML: a suite for each host, a case for each task.
import { asProvisionError, type ProvisionError } from '../core/error.ts'
import type { RunEvent } from '../core/events.ts'
import { renderLocation } from './error.ts'
import type { Output, Report } from './report.ts'
import { clean } from './text.ts'

interface Case {
  readonly name: string
  readonly className: string
  readonly seconds: number
  /** A failure is a task's; an error kept tasks from running at all. */
  readonly problem?: { readonly kind: 'failure' | 'error'; readonly error: ProvisionError | undefined } | undefined
  readonly skipped?: string | undefined
  readonly output?: string | undefined
}

export interface JunitOptions {
  readonly stream: Output
  /** Paths are written relative to it. */
  readonly cwd: string
}

/** The JUnit report; it writes when the run has ended. */
export function createJunitReport(options: JunitOptions): Report {
  const suites = new Map<string, Case[]>()
  const add = (suite: string, entry: Case): void => {
    const cases = suites.get(suite) ?? []
    cases.push(entry)
    suites.set(suite, cases)
  }
  return {
    emit: (event) => collect(event, add),
    fail: (thrown) => {
      const problem = { kind: 'error' as const, error: asProvisionError(thrown) }
      add('provision', { name: 'run', className: 'provision', seconds: 0, problem })
    },
    end: () => void options.stream.write(render(suites, options.cwd)),
  }
}

function collect(event: RunEvent, add: (host: string, entry: Case) => void): void {
  if (event.type === 'host:unreachable') {
    const problem = { kind: 'error' as const, error: event.error }
    add(event.host, { name: 'connection', className: 'connection', seconds: 0, problem })
  }
  if (event.type !== 'task:end') return
  const { status, task } = event
  add(event.host, {
    name: `${task.handler ? 'handler: ' : ''}${task.title}${task.on === undefined ? '' : ` → ${task.on}`}`,
    className: event.play,
    seconds: event.elapsedMs / 1000,
    problem: status === 'failed' ? { kind: 'failure', error: event.error } : undefined,
    skipped: status === 'skipped' || status === 'unknown' ? (event.reason ?? status) : undefined,
    output:
      status === 'changed'
        ? event.changes.map((change) => change.summary).join('\n')
        : status === 'ignored'
          ? `ignored: ${event.error?.message ?? 'failed'}`
          : undefined,
  })
}

function render(suites: ReadonlyMap<string, readonly Case[]>, cwd: string): string {
  const all = [...suites.values()].flat()
  const bodies = [...suites].map(
    ([host, cases]) =>
      `  <testsuite ${attributes({ name: host, ...sums(cases) })}>\n${cases.map((entry) => renderCase(entry, cwd)).join('')}  </testsuite>\n`,
  )
  const head = attributes({ name: 'provision', ...sums(all) })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${head}>\n${bodies.join('')}</testsuites>\n`
}

function sums(cases: readonly Case[]): Record<string, string> {
  const having = (kind: string) => cases.filter((entry) => entry.problem?.kind === kind).length
  return {
    tests: String(cases.length),
    failures: String(having('failure')),
    errors: String(having('error')),
    skipped: String(cases.filter((entry) => entry.skipped !== undefined).length),
    time: cases.reduce((sum, entry) => sum + entry.seconds, 0).toFixed(3),
  }
}

function renderCase({ name, className, seconds, problem, skipped, output }: Case, cwd: string): string {
  const head = `    <testcase ${attributes({ name, classname: className, time: seconds.toFixed(3) })}`
  const inside = [
    problem && renderProblem(problem, cwd),
    skipped !== undefined && `<skipped ${attributes({ message: skipped })}/>`,
    output && `<system-out>${escapeXml(output)}</system-out>`,
  ].filter((element) => typeof element === 'string' && element !== '')
  if (inside.length === 0) return `${head}/>\n`
  return `${head}>\n${inside.map((element) => `      ${element}\n`).join('')}    </testcase>\n`
}

function renderProblem({ kind, error }: NonNullable<Case['problem']>, cwd: string): string {
  const message = error?.message ?? 'failed'
  const text = [message, error?.where && `at ${renderLocation(error.where, cwd)}`, error?.detail, error?.hint]
  return `<${kind} ${attributes({ message, type: error?.code ?? 'failed' })}>${escapeXml(text.filter(Boolean).join('\n'))}</${kind}>`
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeXml(value).replaceAll('"', '&quot;').replaceAll('\n', '&#10;')}"`)
    .join(' ')
}

/** XML 1.0 knows no control characters but tab and line breaks, and no half surrogates. */
function escapeXml(text: string): string {
  return clean(text)
    .replace(/\p{Surrogate}|[\ufffe\uffff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
