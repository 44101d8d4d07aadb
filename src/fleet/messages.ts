// What passes through the queue. A job names a host and a play; an answer carries events in which secrets are hidden
// already. No value of an inventory, a role or a secret is ever part of either.
import { isAbsolute, join, relative } from 'node:path'
import { type Location, ProvisionError } from '../core/error.ts'
import type { HostRecap, RunEvent } from '../core/events.ts'

/** One play on one host: the unit that a worker takes, and that is retried when the worker is lost. */
export interface Part {
  /** The run that it is of. */
  readonly run: string
  /** Unique in the run. */
  readonly id: string
  readonly host: string
  /** Index of the play in the playbook. */
  readonly play: number
  /** No later play follows on this host. */
  readonly last: boolean
  readonly selection: Selection
}

/** What all parts of a run have in common. */
export interface Selection {
  readonly tags: readonly string[]
  readonly skipTags: readonly string[]
  readonly check: boolean
  readonly verify: boolean
}

/** How a part ended. */
export interface PartResult {
  readonly recap: HostRecap
  readonly outcome: 'ok' | 'failed' | 'unreachable' | 'interrupted'
}

/** An event of one host. */
export type HostEvent = Extract<RunEvent, { host: string | undefined }> & { readonly host: string }

/** What a worker tells the run. */
export type Message =
  | {
      readonly kind: 'events'
      readonly part: string
      readonly attempt: number
      readonly worker: string
      readonly events: readonly HostEvent[]
    }
  | {
      readonly kind: 'result'
      readonly part: string
      readonly attempt: number
      readonly worker: string
      readonly result: PartResult
    }
  /** The worker cannot work for this run and takes no more of its parts. */
  | { readonly kind: 'left'; readonly worker: string; readonly error: ProvisionError }

/** A message as text; places in the project become relative to it, because each machine has it elsewhere. */
export function renderMessage(message: Message, project: string): string {
  return JSON.stringify(message, (key, value: unknown) => {
    if (value instanceof ProvisionError) return plainError(value)
    return key === 'where' ? moved(value, (file) => (inside(file, project) ? relative(project, file) : file)) : value
  })
}

/** The reverse of `renderMessage`, for the project of this machine. */
export function parseMessage(text: string, project: string): Message {
  return JSON.parse(text, (key, value: unknown) => {
    if (key === 'where') return moved(value, (file) => (isAbsolute(file) ? file : join(project, file)))
    return key === 'error' && isPlainError(value) ? new ProvisionError(value) : value
  }) as Message // written by a worker of the same version: the digest is part of the queue's name
}

function plainError({ code, message, where, detail, hint }: ProvisionError): object {
  return { code, message, where, detail, hint }
}

function isPlainError(value: unknown): value is ConstructorParameters<typeof ProvisionError>[0] {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value
}

function moved(value: unknown, move: (file: string) => string): unknown {
  if (typeof value !== 'object' || value === null || !('file' in value)) return value
  const where = value as Location // the one thing of that name that has a file
  return { ...where, file: move(where.file) }
}

function inside(file: string, project: string): boolean {
  const path = relative(project, file)
  return isAbsolute(file) && path !== '' && !path.startsWith('..') && !isAbsolute(path)
}
