// What is said of a task that failed.
import type { ErrorCode } from '../core/error.ts'
import { ProvisionError } from '../core/error.ts'
import type { StepResult } from '../transport/connection.ts'
import type { TaskItem } from './items.ts'

/** Seconds that a step may take. */
export const defaultTimeout = 1800

/** A text that came from the host or the arguments, unless the task keeps it out of reports. */
export function shown(item: TaskItem, text: string): string {
  return item.task.options.noLog ? '(not shown: noLog)' : text
}

/** An error that points at the task; evidence of a `noLog` task stays out. */
export function tell(
  item: TaskItem,
  code: ErrorCode,
  message: string,
  more: { detail?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
): ProvisionError {
  const hidden = item.task.options.noLog === true
  return new ProvisionError({
    code,
    message,
    where: item.task.where.get(),
    detail: more.detail === undefined ? undefined : shown(item, more.detail),
    hint: hidden ? undefined : more.hint,
    cause: hidden ? undefined : more.cause,
  })
}

/** Host, user, command, exit code, stderr: always, in that order. */
export function commandDetail(host: string, user: string | undefined, command: string, result: StepResult): string {
  const errors = result.stderr.trim()
  const output = result.stdout.trim()
  const lines = [
    `host: ${host}`,
    `user: ${user ?? 'root'}`,
    `command: ${command}`,
    `exit code: ${result.code}${result.timedOut ? ' (timed out)' : ''}`,
    errors ? lastLines(errors) : 'nothing on stderr',
  ]
  if (!errors && output) lines.push(`stdout: ${lastLines(output)}`)
  return lines.join('\n')
}

function lastLines(text: string): string {
  const lines = text.split('\n')
  return lines.length <= 30 ? text : `… (${lines.length - 30} lines before)\n${lines.slice(-30).join('\n')}`
}
