// When two handlers are the same one, within a run and from run to run.
import { createHash } from 'node:crypto'
import { isSecret } from '../core/secret.ts'
import type { Handler, Task } from '../core/task.ts'
import { kindOf } from '../core/task.ts'

/** Sixteen digits for role and name, eight for what the handler does. */
const nameDigits = 16

/** The key of a handler's mark: stable from run to run as long as role, name and arguments stay. */
export function markKey(role: string | undefined, handler: Handler): string {
  return digest(`${role ?? ''}\0${handler.name}`, nameDigits) + digest(textOf(handler), 24 - nameDigits)
}

/** The part of a mark's key that only role and name decide. */
export function namePart(key: string): string {
  return key.slice(0, nameDigits)
}

/** Equal for handlers that do exactly the same, so that two roles which reload one service reload it once. */
export function handlerIdentity(handler: Handler): unknown {
  // conditions ask about tasks of their own, so such a handler is like no other
  return handler.tasks.some((task) => kindOf(task.options.when)) ? handler : textOf(handler)
}

function textOf(handler: Handler): string {
  return stable([handler.name, ...handler.tasks.map(describeTask)])
}

function describeTask(task: Task): unknown {
  const { when, notify, ...options } = task.options
  return [task.resource.name, task.args, options, notify ? [notify].flat().map(textOf) : []]
}

/** A value as text, the same in each run: keys sorted, functions by their source, secrets by their name. */
function stable(value: unknown): string {
  if (typeof value === 'function' || value instanceof RegExp || typeof value === 'bigint') return String(value)
  if (isSecret(value)) return `secret${stable(value.parts)}`
  if (value instanceof Uint8Array) return digest(Buffer.from(value).toString('base64'), 64)
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${stable(entry)}`).join(',')}}`
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
