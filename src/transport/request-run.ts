import { StringDecoder } from 'node:string_decoder'
import type { RunOptions, Step, StepResult } from './connection.ts'

type StreamName = 'stdout' | 'stderr'

/** More than this from one step is a mistake (a `cat` of a disk), not a result. */
export const outputLimit = 256 * 1024 * 1024

interface StreamState {
  readonly chunks: Buffer[]
  readonly decoder: StringDecoder
  ended: boolean
}

interface StepState {
  readonly stdout: StreamState
  readonly stderr: StreamState
  bytes: number
  code: number
  timedOut: boolean
}

/** A request under way: gathers what the agent sends about its steps until all have ended. */
export class RequestRun {
  /** Settles with the results. */
  readonly results: Promise<readonly StepResult[]>
  private readonly steps: readonly Step[]
  private readonly first: number
  private readonly options: RunOptions
  private readonly states: readonly StepState[]
  private readonly active: Record<StreamName, number | undefined> = { stdout: undefined, stderr: undefined }
  private open: number
  private settle: { resolve: (results: readonly StepResult[]) => void; reject: (error: unknown) => void }

  /** @param first the agent's number of the first step */
  constructor(steps: readonly Step[], first: number, options: RunOptions) {
    this.steps = steps
    this.first = first
    this.options = options
    this.states = steps.map(() => ({
      stdout: { chunks: [], decoder: new StringDecoder('utf8'), ended: false },
      stderr: { chunks: [], decoder: new StringDecoder('utf8'), ended: false },
      bytes: 0,
      code: -1,
      timedOut: false,
    }))
    this.open = steps.length * 2
    this.settle = { resolve: () => undefined, reject: () => undefined }
    this.results = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
  }

  /** The step that an agent's number means. */
  step(number: number): Step | undefined {
    return this.steps[number - this.first]
  }

  begin(stream: StreamName, number: number): void {
    this.active[stream] = number - this.first
  }

  /** Bytes between two frames: of the active step, or of a daemon that an earlier one left behind. */
  data(stream: StreamName, bytes: Buffer): void {
    const index = this.active[stream]
    const state = index === undefined ? undefined : this.states[index]
    if (index === undefined || !state) return
    state.bytes += bytes.length
    if (state.bytes > outputLimit) {
      this.settle.reject(new Error(`a step printed more than ${outputLimit / 1024 / 1024} MiB`))
      return
    }
    state[stream].chunks.push(bytes)
    if (this.options.onOutput) {
      const text = state[stream].decoder.write(bytes)
      if (text !== '') this.options.onOutput(index, stream, text)
    }
  }

  /** The end of a step on one of the streams; a second report of the same end is nothing new. */
  end(stream: StreamName, number: number, result?: { code: number; timedOut: boolean }): void {
    const index = number - this.first
    const state = this.states[index]
    if (!state || state[stream].ended) return
    this.active[stream] = undefined
    state[stream].ended = true
    if (result) {
      state.code = result.code
      state.timedOut = result.timedOut
    }
    if (this.options.onOutput) {
      const text = state[stream].decoder.end()
      if (text !== '') this.options.onOutput(index, stream, text)
    }
    this.open -= 1
    if (this.open === 0) this.settle.resolve(this.states.map(toResult))
  }

  fail(error: unknown): void {
    this.settle.reject(error)
  }
}

function toResult(state: StepState): StepResult {
  return {
    code: state.code,
    stdout: Buffer.concat(state.stdout.chunks).toString('utf8'),
    stderr: Buffer.concat(state.stderr.chunks).toString('utf8'),
    skipped: state.code === -1,
    timedOut: state.timedOut,
  }
}
