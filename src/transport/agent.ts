// Our side of the agent: starts it on a channel, sends requests one after another, cuts the answers apart.
// It knows nothing of ssh, sudo or local processes: those make the channel and say what a failure means.
import { randomBytes } from 'node:crypto'
import { agentScript, hello } from './agent-script.ts'
import { type Channel, type ChannelEnd, write } from './channel.ts'
import type { RunOptions, Step, StepResult } from './connection.ts'
import { FrameReader, type Piece } from './frames.ts'
import { inputChunks, renderRequest } from './request.ts'
import { RequestRun } from './request-run.ts'

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

/** An agent that is ready. */
export interface Agent {
  readonly run: (steps: readonly Step[], options?: RunOptions) => Promise<readonly StepResult[]>
  readonly requests: () => number
  /** Ends the agent and waits until the host has let go of the lock. */
  readonly close: () => Promise<void>
}

const prefaceLimit = 64 * 1024

/** Starts the agent on a channel that runs `bootstrap()`. */
export function startAgent(channel: Channel, options: AgentOptions): Promise<Agent> {
  const session = new AgentSession(channel, options)
  return session.start()
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
  private queue: Promise<unknown> = Promise.resolve()
  private readonly starting: { resolve: () => void; reject: (error: Error) => void; timer?: NodeJS.Timeout }
  private readonly started: Promise<void>

  constructor(channel: Channel, options: AgentOptions) {
    this.channel = channel
    this.options = options
    this.delimiter = options.delimiter ?? `hw-${randomBytes(16).toString('hex')}`
    this.readers = { stdout: new FrameReader(this.delimiter), stderr: new FrameReader(this.delimiter) }
    this.starting = { resolve: () => undefined, reject: () => undefined }
    this.started = new Promise((resolve, reject) => {
      Object.assign(this.starting, { resolve, reject })
    })
  }

  async start(): Promise<Agent> {
    const { channel, options } = this
    const giveUp = () => this.failStart({ kind: 'interrupted' })
    options.signal?.addEventListener('abort', giveUp, { once: true })
    channel.stdin.on('error', () => undefined) // the end of the channel tells it better
    channel.stdout.on('data', (chunk: Buffer) => this.takeOutput(chunk))
    channel.stderr.on('data', (chunk: Buffer) => this.takeErrors(chunk))
    void channel.ended.then((end) => this.takeEnd(end))
    this.allow(options.startTimeout)
    // What may ask for a password gets nothing before hello: it could take our text for the answer.
    if (!options.prompt) this.sendAgent()
    if (options.signal?.aborted) giveUp()
    try {
      await this.started
    } catch (error) {
      channel.destroy()
      throw error
    } finally {
      clearTimeout(this.starting.timer)
      delete this.starting.timer
      options.signal?.removeEventListener('abort', giveUp)
    }
    return {
      run: (steps, runOptions = {}) => this.enqueue(steps, runOptions),
      requests: () => this.numberOfRequests,
      close: () => this.close(),
    }
  }

  private allow(seconds: number): void {
    clearTimeout(this.starting.timer)
    this.starting.timer = setTimeout(() => this.failStart({ kind: 'slow' }), seconds * 1000)
  }

  private sendAgent(): void {
    const { lock, lockWait, holder } = this.options
    const line = [
      this.delimiter,
      lock === true ? '+' : lock === false ? '-' : lock,
      Math.ceil(lockWait),
      holder.replace(/[\s\\]+/g, ' '),
    ].join(' ')
    void write(this.channel, `${agentScript}${line}\n`)
  }

  private failStart(failure: Omit<StartFailure, 'output'>): void {
    const output = [this.complaints, this.preface].map((text) => text.trim()).filter(Boolean)
    this.starting.reject(this.options.explainStart({ ...failure, output: output.join('\n') }))
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
        if (stream === 'stdout') this.starting.resolve()
        return
      case 'L':
        this.allow(this.options.lockWait * 2 + this.options.startTimeout)
        this.options.onLockWait?.(words.join(' '))
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
    this.lost = this.options.explainLoss(end)
    if (this.starting.timer) this.failStart({ kind: 'ended', end })
    this.current?.fail(this.lost)
  }

  private enqueue(steps: readonly Step[], options: RunOptions): Promise<readonly StepResult[]> {
    const result = this.queue.then(() => this.request(steps, options))
    this.queue = result.catch(() => undefined)
    return result
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
