import { StringDecoder } from 'node:string_decoder'
import type { Connect, Connection, Step, StepResult } from './connection.ts'

/** What a fake host answers to a step; absent fields are empty output and success. */
export type FakeAnswer = Partial<Omit<StepResult, 'skipped'>> | undefined

export interface FakeConnection extends Connection {
  /** The requests so far, each with its steps. */
  readonly log: readonly (readonly Step[])[]
  readonly closed: boolean
}

export interface FakeOptions {
  /** What `probeFresh` does. @default succeeds */
  readonly probeFresh?: () => Promise<void>
}

/** A connection to nowhere: a function answers each step; failed steps skip the rest as on a real host. */
export function fakeConnection(
  answer: (step: Step, index: number) => FakeAnswer | Promise<FakeAnswer>,
  options: FakeOptions = {},
): FakeConnection {
  const log: (readonly Step[])[] = []
  let closed = false
  return {
    log,
    get closed() {
      return closed
    },
    get requests() {
      return log.length
    },
    run: async (steps, runOptions = {}) => {
      if (closed) throw new Error('the fake connection is closed')
      log.push(steps)
      const results: StepResult[] = []
      for (const [index, step] of steps.entries()) {
        const failed = results.some((result) => !result.skipped && result.code !== 0)
        const skipped = (failed && !step.always) || runOptions.signal?.aborted === true
        const given = skipped ? { code: -1 } : await answer(step, index)
        const result = { code: 0, stdout: '', stderr: '', timedOut: false, ...given, skipped }
        if (result.stdout !== '') runOptions.onOutput?.(index, 'stdout', result.stdout)
        if (result.stderr !== '') runOptions.onOutput?.(index, 'stderr', result.stderr)
        results.push(result)
      }
      return results
    },
    probeFresh: options.probeFresh ?? (async () => undefined),
    close: async () => {
      closed = true
    },
  }
}

/** A `Connect` that gives every host a fake connection. */
export function fakeConnect(connections: (hostName: string) => FakeConnection): Connect {
  return async (host) => connections(host.name)
}

/** A step's input as text, for assertions; a file's is not read. */
export function inputText(step: Step): string {
  const { input } = step
  if (input === undefined) return ''
  if (typeof input === 'string') return input
  return 'path' in input ? `‹file ${input.path}›` : new StringDecoder('utf8').end(Buffer.from(input))
}
