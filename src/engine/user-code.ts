// Calls into the user's code: what it throws becomes an error that points at the user's line.
import { isProvisionError, type Location, ProvisionError } from '../core/error.ts'
import type { LazyLocation } from '../core/location.ts'

/** Thrown where a role reads a fact before the host is connected. */
export class FactsNeeded extends Error {
  /** The host whose fact it is, if it is another one. */
  readonly of: string | undefined
  /** Where it is read, if it is another one's. */
  readonly where: LazyLocation | undefined

  constructor(message: string, other?: { readonly of: string; readonly where: LazyLocation }) {
    super(message)
    this.of = other?.of
    this.where = other?.where
  }
}

/** Thrown where a condition reads a result that check mode cannot know. */
export class Unknowable extends Error {}

/** Runs the user's code; what it throws becomes an error that points at the user's line. */
export function guarded<T>(what: string, where: LazyLocation, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof FactsNeeded || error instanceof Unknowable || isProvisionError(error)) throw error
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    throw new ProvisionError({
      code: 'playbook',
      message: `${what} threw ${message}`,
      where: thrownAt(error) ?? where.get(),
      cause: error,
    })
  }
}

/** The innermost place of the user's own code in an error's stack. */
function thrownAt(error: unknown): Location | undefined {
  if (!(error instanceof Error) || !error.stack) return undefined
  for (const line of error.stack.split('\n')) {
    const found = /(?:\(|at )((?:file:\/\/)?\/[^():]+):(\d+):(\d+)\)?$/.exec(line)
    if (!found?.[1] || found[1].includes('/node_modules/')) continue
    // the stack's text is mapped to the user's source already
    return { file: found[1].replace(/^file:\/\//, ''), line: Number(found[2]), column: Number(found[3]) }
  }
  return undefined
}
