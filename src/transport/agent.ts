// Our side of the agent: starts it on a channel, sends requests one after another, cuts the answers apart.
// It knows nothing of ssh, sudo or local processes: those make the channel and say what a failure means.
import { randomBytes } from 'node:crypto'
import { agentScript, hello } from './agent-script.ts'
import { type Channel, type ChannelEnd, write } from './channel.ts'
import type { RunOptions, Step, StepResult } from './connection.ts'
import { FrameReader, type Piece } from './frames.ts'
import { inputChunks, renderRequest } from './request.ts'
import { RequestRun } from './request-run.ts'
import { shareSteps } from './shared-steps.ts'

/** Why an agent did not start. */
export interface StartFailure {
  readonly kind: 'ended' | 'slow' | 'password' | 'locked' | 'refused' | 'interrupted'
  /** What the login shell, sudo or su printed before. */
  readonly output: string
  readonly end?: ChannelEnd | undefined
  /** Who holds the lock, or what the agent says. */
  readonly text?: string | undefined
}

export interface AgentOptions {
  /** A random word that no output contains. */
  readonly delimiter?: string
  /** The lock to take: the usual one, another file, or none. */
  readonly lock: boolean | string
  /** Seconds to wait for the lock. */
  readonly lockWait: number
  /** The agent's user: a step of the same needs no change. */
  readonly user?: string | undefined
  /** Who we are, for others who find the host locked. */
  readonly holder: string
  /** Seconds for the command to say hello and for the agent to be ready. */
  readonly startTimeout: number
  /** How sudo or su ask for a password; absent if they cannot ask. */
  readonly prompt?:
    | { readonly isPrompt: (stderr: string) => boolean; readonly password: string | undefined }
    | undefined
  readonly onLockWait?: ((holder: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly explainStart: (failure: StartFailure) => Error
  readonly explainLoss: (end: ChannelEnd) => Error
  /** Kills a step's processes from outside; `user` is who runs it. */
  readonly kill: (pid: number, user: string | undefined) => Promise<void>
}

/** An agent. A request that comes before it is ready goes out with its start, and waits on the host for the lock. */
export interface Agent {
  /** Settles when the agent has started and holds its lock; rejects with why not. */
  readonly ready: Promise<void>
  readonly run: (steps: readonly Step[], options?: RunOptions) => Promise<readonly StepResult[]>
  readonly requests: () => number
  /** Lets go of the lock; the agent stays. */
  readonly rest: () => Promise<void>
  /** Takes the lock again; rejects if another holds it, or if there is no answer, and the agent is of no more use then. */
  readonly resume: (options: ResumeOptions) => Promise<void>
  /** Ends the agent without waiting. */
  readonly leave: () => void
  /** Ends the agent and waits until the host has let go of the lock. */
  readonly close: () => Promise<void>
}

export interface ResumeOptions extends Pick<AgentOptions, 'lockWait' | 'holder' | 'onLockWait' | 'signal'> {
  /** Seconds for the agent to answer. */
  readonly timeout: number
}

/** What the wait for the agent's readiness needs: at its start, and when it takes its lock again. */
interface Waiting {
  readonly settled: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly lockWait: number
  readonly onLockWait: ((holder: string) => void) | undefined
  timer?: NodeJS.Timeout
  over: boolean
}

function waitFor({ lockWait, onLockWait }: Pick<AgentOptions, 'lockWait' | 'onLockWait'>): Waiting {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const settled = new Promise<void>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { settled, resolve, reject, lockWait, onLockWait, over: false }
}

/** How long to wait for the lock, and who waits. */
function patience({ lockWait, holder }: Pick<AgentOptions, 'lockWait' | 'holder'>): string {
  return `${Math.ceil(lockWait)} ${holder.replace(/[\s\\]+/g, ' ')}`
}

const prefaceLimit = 64 * 1024

/** Starts the agent on a channel that runs `agentCommand()`, without waiting for it. */
export function openAgent(channel: Channel, options: AgentOptions): Agent {
  return new AgentSession(channel, options).open()
}

/** Starts the agent and waits until it is ready. */
export async function startAgent(channel: Channel, options: AgentOptions): Promise<Agent> {
  const agent = openAgent(channel, options)
  await agent.ready
  return agent
}

class AgentSession {
  private readonly channel: Channel
  private readonly options: AgentOptions
  private readonly readers: Record<'stdout' | 'stderr', FrameReader>
  private readonly delimiter: string
  private stage: 'preface' | 'frames' = 'preface'
  private preface = ''
  private complaints = ''
  private asked = 0
  private numberOfSteps = 0
  private numberOfRequests = 0
  private current: RequestRun | undefined
  private aborted = false
  private lost: Error | undefined
  private running: { readonly pid: number; readonly user: string | undefined } | undefined
  private queue: Promise<unknown>
  private waiting: Waiting
  private agentSent: () => void = () => undefined

  constructor(channel: Channel, options: AgentOptions) {
    this.channel = channel
    this.options = options
    this.delimiter = options.delimiter ?? `hw-${randomBytes(16).toString('hex')}`
    this.readers = { stdout: new FrameReader(this.delimiter), stderr: new FrameReader(this.delimiter) }
    this.waiting = waitFor(options)
    this.queue = new Promise<void>((resolve) => {
      this.agentSent = resolve
    })
  }

  open(): Agent {
    const { channel, options } = this
    channel.stdin.on('error', () => undefined) // the end of the channel tells it better
    channel.stdout.on('data', (chunk: Buffer) => this.takeOutput(chunk))
    channel.stderr.on('data', (chunk: Buffer) => this.takeErrors(chunk))
    void channel.ended.then((end) => this.takeEnd(end))
    const ready = this.untilReady(options.startTimeout, options.signal)
    ready.catch(() => undefined) // a request that waits tells it as well
    // What may ask for a password gets nothing before hello: it could take our text for the answer.
    if (!options.prompt) this.sendAgent()
    return {
      ready,
      run: (steps, runOptions = {}) => this.enqueue(() => this.shared(steps, runOptions)),
      requests: () => this.numberOfRequests,
      rest: () => this.enqueue(() => this.rest()),
      resume: (resumeOptions) => this.enqueue(() => this.resume(resumeOptions)),
      leave: () => this.channel.stdin.end(),
      close: () => this.close(),
    }
  }

  /** Until the agent says that it is ready; what it says instead, silence and a signal end it. */
  private async untilReady(seconds: number, signal: AbortSignal | undefined): Promise<void> {
    const giveUp = () => this.failStart({ kind: 'interrupted' })
    signal?.addEventListener('abort', giveUp, { once: true })
    this.allow(seconds)
    if (signal?.aborted) giveUp()
    try {
      await this.waiting.settled
    } catch (error) {
      this.channel.destroy()
      throw error
    } finally {
      clearTimeout(this.waiting.timer)
      this.waiting.over = true
      signal?.removeEventListener('abort', giveUp)
    }
  }

  private allow(seconds: number): void {
    clearTimeout(this.waiting.timer)
    this.waiting.timer = setTimeout(() => this.failStart({ kind: 'slow' }), seconds * 1000)
  }

  private sendAgent(): void {
    const { lock } = this.options
    const line = [this.delimiter, lock === true ? '+' : lock === false ? '-' : lock, patience(this.options)].join(' ')
    void write(this.channel, `${agentScript}${line}\n`)
    this.agentSent()
  }

  private failStart(failure: Omit<StartFailure, 'output'>): void {
    const output = [this.complaints, this.preface].map((text) => text.trim()).filter(Boolean)
    const error = this.options.explainStart({ ...failure, output: output.join('\n') })
    this.lost ??= error
    this.waiting.reject(error)
    this.current?.fail(error)
    this.agentSent()
  }

  private takeOutput(chunk: Buffer): void {
    if (this.stage === 'frames') {
      for (const piece of this.readers.stdout.read(chunk)) this.takePiece('stdout', piece)
      return
    }
    this.preface = (this.preface + chunk.toString('latin1')).slice(-prefaceLimit)
    const at = this.preface.indexOf(`${hello}\n`)
    if (at < 0) return
    const rest = this.preface.slice(at + hello.length + 1)
    this.preface = this.preface.slice(0, at)
    this.stage = 'frames'
    if (this.options.prompt) this.sendAgent()
    this.takeOutput(Buffer.from(rest, 'latin1'))
  }

  private takeErrors(chunk: Buffer): void {
    for (const piece of this.readers.stderr.read(chunk)) this.takePiece('stderr', piece)
  }

  private takePiece(stream: 'stdout' | 'stderr', piece: Piece): void {
    if ('frame' in piece) this.takeFrame(stream, piece.frame)
    else if (this.current) this.current.data(stream, piece.data)
    else if (stream === 'stderr' && this.stage === 'preface') this.takeComplaint(piece.data.toString('utf8'))
  }

  /** What sudo or su say before the agent runs: a prompt, or why not. */
  private takeComplaint(text: string): void {
    this.complaints = (this.complaints + text).slice(-prefaceLimit)
    const { prompt } = this.options
    if (!prompt?.isPrompt(this.complaints)) return
    this.complaints = ''
    this.asked += 1
    if (this.asked > 1 || prompt.password === undefined) this.failStart({ kind: 'password' })
    else void write(this.channel, `${prompt.password}\n`)
  }

  private takeFrame(stream: 'stdout' | 'stderr', [kind, ...words]: readonly string[]): void {
    const number = Number(words[0])
    switch (kind) {
      case 'R':
        if (stream === 'stdout') this.waiting.resolve()
        return
      case 'L':
        this.allow(this.waiting.lockWait * 2 + this.options.startTimeout)
        this.waiting.onLockWait?.(words.join(' '))
        return
      case 'X':
        this.failStart({ kind: 'locked', text: words.join(' ') })
        return
      case 'F':
        this.failStart({ kind: 'refused', text: words.join(' ') })
        return
      case 'B':
        this.current?.begin(stream, number)
        if (stream === 'stdout') this.stepBegan(number, Number(words[1]))
        return
      case 'E':
        if (stream === 'stderr') this.current?.end(stream, number)
        else if (words.length === 3) {
          this.running = undefined
          this.current?.end(stream, number, { code: Number(words[1]), timedOut: words[2] === '1' })
        }
        return
      default: // the rest of a frame that was cut in two; the agent repeats it
    }
  }

  private stepBegan(number: number, pid: number): void {
    this.running = { pid, user: this.current?.step(number)?.user }
    if (this.aborted) this.killRunning()
  }

  private killRunning(): void {
    if (!this.running) return
    this.options.kill(this.running.pid, this.running.user).catch(() => this.channel.destroy())
  }

  private takeEnd(end: ChannelEnd): void {
    if (!this.waiting.over) this.failStart({ kind: 'ended', end })
    this.lost ??= this.options.explainLoss(end)
    this.current?.fail(this.lost)
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work)
    this.queue = result.catch(() => undefined)
    return result
  }

  private async shared(steps: readonly Step[], options: RunOptions): Promise<readonly StepResult[]> {
    const shared = shareSteps(steps, options.onOutput)
    return shared.resultsOf(await this.request(shared.steps, { ...options, onOutput: shared.onOutput }))
  }

  private async request(given: readonly Step[], options: RunOptions): Promise<readonly StepResult[]> {
    if (options.signal?.aborted || given.length === 0) return given.map(() => skippedResult)
    const { user } = this.options
    const steps = given.map((step) => (step.user === user ? { ...step, user: undefined } : step))
    const head = renderRequest(steps)
    if (this.lost) throw this.lost
    const run = new RequestRun(steps, this.numberOfSteps + 1, options)
    this.numberOfRequests += 1
    this.numberOfSteps += steps.length
    this.current = run
    this.aborted = false
    this.running = undefined
    const abort = () => {
      this.aborted = true
      this.killRunning()
    }
    options.signal?.addEventListener('abort', abort, { once: true })
    try {
      const [results] = await Promise.all([run.results, this.send(head, steps)])
      return results
    } catch (error) {
      // What comes now belongs to no request that we know: the agent is of no more use.
      this.lost ??= error instanceof Error ? error : new Error(String(error))
      this.channel.destroy()
      throw error
    } finally {
      options.signal?.removeEventListener('abort', abort)
      this.current = undefined
    }
  }

  private async send(head: Buffer, steps: readonly Step[]): Promise<void> {
    if (!(await write(this.channel, head))) return
    for (const step of steps) {
      for await (const chunk of inputChunks(step.input)) {
        if (!(await write(this.channel, chunk))) return
      }
    }
  }

  private async rest(): Promise<void> {
    if (this.lost) throw this.lost
    await write(this.channel, 'U\n')
  }

  private async resume(options: ResumeOptions): Promise<void> {
    if (this.lost) throw this.lost
    this.waiting = waitFor(options)
    const ready = this.untilReady(options.timeout, options.signal)
    void write(this.channel, `L ${patience(options)}\n`)
    await ready
  }

  private async close(): Promise<void> {
    this.channel.stdin.end()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 2000)
    })
    await Promise.race([this.channel.ended, late])
    clearTimeout(timer)
    this.channel.destroy()
  }
}

const skippedResult: StepResult = { code: -1, stdout: '', stderr: '', skipped: true, timedOut: false }
