// One JSON object a line; the last is the recap, or the error that kept the run from one.
import { asProvisionError, type ProvisionError } from '../core/error.ts'
import type { RunEvent } from '../core/events.ts'
import { renderLocation } from './error.ts'
import type { Output, Report } from './report.ts'

export interface JsonOptions {
  readonly stream: Output
  /** Paths are written relative to it. */
  readonly cwd: string
  /** Write the texts of changed files too. @default false */
  readonly diff?: boolean | undefined
}

/** The JSON report. */
export function createJsonReport(options: JsonOptions): Report {
  const write = (value: object): void => void options.stream.write(`${JSON.stringify(value)}\n`)
  let recap: RunEvent | undefined
  return {
    emit: (event) => {
      if (event.type === 'recap') recap = event
      else write(plainEvent(event, options))
    },
    fail: (thrown) => write({ type: 'error', error: plainError(asProvisionError(thrown), options.cwd) }),
    end: () => {
      if (recap) write(recap)
      recap = undefined
    },
  }
}

/** Events as they are, but places as `file:line:column` and errors as data. */
export function plainEvent(event: RunEvent, { cwd, diff = false }: Pick<JsonOptions, 'cwd' | 'diff'>): object {
  return {
    ...event,
    ...('task' in event && {
      task: { ...event.task, where: event.task.where && renderLocation(event.task.where, cwd) },
    }),
    ...('changes' in event && !diff && { changes: event.changes.map(({ summary }) => ({ summary })) }),
    ...('error' in event && event.error && { error: plainError(event.error, cwd) }),
  }
}

/** An error as data. */
export function plainError(error: ProvisionError, cwd: string): object {
  return {
    code: error.code,
    message: error.message,
    where: error.where && renderLocation(error.where, cwd),
    detail: error.detail,
    hint: error.hint,
  }
}
