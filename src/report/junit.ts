// JUnit XML: a suite for each host, a case for each task.
import type { RunEvent } from '../core/events.ts'
import type { Output, Report } from './report.ts'

interface Case {
  readonly name: string
  readonly className: string
  readonly seconds: number
  readonly failure?: { readonly message: string; readonly text: string } | undefined
  readonly skipped?: string | undefined
}

/** The JUnit report; it writes when the run has ended. */
export function makeJunitReport(options: { readonly output: Output }): Report {
  const suites = new Map<string, Case[]>()
  const add = (host: string, entry: Case): void => {
    suites.set(host, [...(suites.get(host) ?? []), entry])
  }
  return {
    emit: (event) => collect(event, add),
    end: () => {
      options.output.write(render(suites))
      return Promise.resolve()
    },
  }
}

function collect(event: RunEvent, add: (host: string, entry: Case) => void): void {
  if (event.type === 'host:unreachable') {
    add(event.host, {
      name: 'connect',
      className: 'connection',
      seconds: 0,
      failure: { message: event.error.message, text: event.error.detail ?? '' },
    })
  }
  if (event.type !== 'task:end') return
  add(event.host, {
    name: event.task.title,
    className: event.play,
    seconds: event.elapsedMs / 1000,
    failure:
      event.status === 'failed'
        ? { message: event.error?.message ?? 'failed', text: event.error?.detail ?? '' }
        : undefined,
    skipped: event.status === 'skipped' || event.status === 'unknown' ? (event.reason ?? event.status) : undefined,
  })
}

function render(suites: ReadonlyMap<string, readonly Case[]>): string {
  const bodies = [...suites].map(([host, cases]) => {
    const failures = cases.filter((entry) => entry.failure).length
    const skipped = cases.filter((entry) => entry.skipped).length
    const time = cases.reduce((sum, entry) => sum + entry.seconds, 0)
    return `  <testsuite name="${escapeXml(host)}" tests="${cases.length}" failures="${failures}" skipped="${skipped}" time="${time.toFixed(3)}">\n${cases.map(renderCase).join('')}  </testsuite>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${bodies.join('')}</testsuites>\n`
}

function renderCase({ name, className, seconds, failure, skipped }: Case): string {
  const head = `    <testcase name="${escapeXml(name)}" classname="${escapeXml(className)}" time="${seconds.toFixed(3)}"`
  if (failure)
    return `${head}>\n      <failure message="${escapeXml(failure.message)}">${escapeXml(failure.text)}</failure>\n    </testcase>\n`
  if (skipped) return `${head}>\n      <skipped message="${escapeXml(skipped)}"/>\n    </testcase>\n`
  return `${head}/>\n`
}

/** XML 1.0 knows no control characters but tab and line breaks. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\n', '&#10;')
  )
}
