// One JSON object a line; the last is the recap.
import { asProvisionError, formatLocation, type ProvisionError } from '../core/error.ts'
import type { RunEvent } from '../core/events.ts'
import type { Output, Report } from './report.ts'

/** The JSON report. */
export function makeJsonReport(options: { readonly output: Output }): Report {
  return {
    emit: (event) => void options.output.write(`${JSON.stringify(plain(event))}\n`),
    end: () => Promise.resolve(),
  }
}

function plain(event: RunEvent): object {
  if ('error' in event && event.error) return { ...event, error: plainError(event.error) }
  return event
}

/** An error as data. */
export function plainError(thrown: unknown): object {
  const error: ProvisionError = asProvisionError(thrown)
  return {
    code: error.code,
    message: error.message,
    where: error.where && formatLocation(error.where),
    detail: error.detail,
    hint: error.hint,
  }
}
