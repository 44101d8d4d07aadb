// Every text of every event and error passes here, so that no consumer can leak a secret.
import { ProvisionError } from '../core/error.ts'
import type { ChangeReport, Emit, RunEvent, TaskRef } from '../core/events.ts'
import type { Secrets } from '../core/secret.ts'

type Redact = Secrets['redact']

/** The same error with secrets hidden in every text. Its cause stays behind: nobody knows what that holds. */
export function redactError(error: ProvisionError, redact: Redact): ProvisionError {
  const hidden = new ProvisionError({
    code: error.code,
    message: redact(error.message),
    where: error.where,
    detail: error.detail === undefined ? undefined : redact(error.detail),
    hint: error.hint === undefined ? undefined : redact(error.hint),
  })
  if (error.stack) hidden.stack = redact(error.stack)
  return hidden
}

/** A consumer that gets to see no secret. Names of hosts, plays and roles are no texts and stay. */
export function hideSecrets(emit: Emit, { redact }: Pick<Secrets, 'redact'>): Emit {
  return (event) => emit(hideInEvent(event, redact))
}

function hideInEvent(event: RunEvent, redact: Redact): RunEvent {
  switch (event.type) {
    case 'host:connecting':
      return { ...event, detail: redact(event.detail) }
    case 'task:start':
      return { ...event, task: hideInTask(event.task, redact) }
    case 'task:output':
      return { ...event, task: hideInTask(event.task, redact), text: redact(event.text) }
    case 'task:retry':
      return { ...event, task: hideInTask(event.task, redact), reason: redact(event.reason) }
    case 'task:end':
      return {
        ...event,
        task: hideInTask(event.task, redact),
        reason: event.reason === undefined ? undefined : redact(event.reason),
        changes: event.changes.map((change) => hideInChange(change, redact)),
        error: event.error && redactError(event.error, redact),
      }
    case 'warning':
      return {
        ...event,
        message: redact(event.message),
        hint: event.hint === undefined ? undefined : redact(event.hint),
      }
    case 'host:unreachable':
      return { ...event, error: redactError(event.error, redact) }
    case 'run:start':
    case 'play:start':
    case 'host:connected':
    case 'host:play':
    case 'host:play:end':
    case 'play:end':
    case 'interrupted':
    case 'recap':
      return event
    default:
      return event satisfies never
  }
}

function hideInTask(task: TaskRef, redact: Redact): TaskRef {
  return { ...task, title: redact(task.title) }
}

function hideInChange({ summary, diff }: ChangeReport, redact: Redact): ChangeReport {
  return {
    summary: redact(summary),
    ...(diff && { diff: { label: redact(diff.label), before: redact(diff.before), after: redact(diff.after) } }),
  }
}
