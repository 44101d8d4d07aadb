// Step by step (`--step`): an operator is asked before each task, once for all hosts that come to it, one question at a
// time. Nothing is changed ahead of its task's turn then; looking ahead goes on, because it changes nothing.
import type { Location } from '../core/error.ts'
import type { Secrets } from '../core/secret.ts'
import type { HostState } from './host-state.ts'
import { itemTitle, type TaskItem } from './items.ts'

/** `no` skips the task, `continue` asks no more, `quit` ends the run as a stop does. */
export type StepAnswer = 'yes' | 'no' | 'continue' | 'quit'

/** A task that is about to run. */
export interface StepQuestion {
  readonly play: string
  readonly title: string
  readonly handler: boolean
  /** The first host that came to it. */
  readonly host: string
  /** The other host that it runs on. */
  readonly on: string | undefined
  readonly where: Location | undefined
}

/** Asks an operator; one question at a time. */
export type AskStep = (question: StepQuestion) => Promise<StepAnswer>

export class Steps {
  private readonly ask: AskStep
  private readonly answers = new Map<string, Promise<StepAnswer>>()
  /** How often each host came to a task of that name and place. */
  private readonly times = new Map<string, number>()
  private readonly declined = new WeakSet<TaskItem>()
  private last: Promise<unknown> = Promise.resolve()
  private isAsking = true

  constructor(ask: AskStep, { redact }: Pick<Secrets, 'redact'>) {
    this.ask = (question) => ask({ ...question, title: redact(question.title) })
  }

  /** What the operator says of this task; hosts that come to it later get the same answer. */
  async answerFor(item: TaskItem, { home, play }: HostState): Promise<StepAnswer> {
    const title = itemTitle(item)
    const where = item.task.where.get()
    const handler = item.handler !== undefined
    const name = JSON.stringify([play.name, title, handler, where])
    const time = (this.times.get(`${home.name}\0${name}`) ?? 0) + 1
    this.times.set(`${home.name}\0${name}`, time)
    const key = `${time}\0${name}`
    const given =
      this.answers.get(key) ??
      this.inTurn({ play: play.name, title, handler, host: home.name, on: item.task.options.on, where })
    this.answers.set(key, given)
    const answer = await given
    if (answer === 'no') this.declined.add(item)
    return answer
  }

  /** Whether the operator skipped it. */
  hasDeclined(item: TaskItem): boolean {
    return this.declined.has(item)
  }

  private inTurn(question: StepQuestion): Promise<StepAnswer> {
    const own = this.last.then(async (): Promise<StepAnswer> => {
      if (!this.isAsking) return 'continue'
      const answer = await this.ask(question)
      if (answer === 'continue' || answer === 'quit') this.isAsking = false
      return answer
    })
    this.last = own.catch(() => undefined)
    return own
  }
}
