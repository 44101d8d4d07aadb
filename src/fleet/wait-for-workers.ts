// Before a run begins: somebody must be there to do it, and whoever cannot take part is named with the reason.
import { ProvisionError } from '../core/error.ts'
import type { Emit } from '../core/events.ts'
import { pause } from './pause.ts'
import { differencesTo } from './presence.ts'
import type { Project } from './project.ts'
import type { RunQueue } from './run-queue.ts'

export interface WaitRequest {
  readonly queue: RunQueue
  readonly project: Project
  /** How the queue is called in messages. */
  readonly title: string
  readonly emit: Emit
  readonly seconds: number
  readonly stop: AbortSignal
}

/**
 * Resolves once a worker with this very project is there.
 * @throws ProvisionError (`input`) if all workers have another project (which files differ is said), or if there is none in time
 */
export async function waitForWorkers({ queue, project, title, emit, seconds, stop }: WaitRequest): Promise<void> {
  const warn = (message: string): void => emit({ type: 'warning', host: undefined, message })
  const deadline = performance.now() + seconds * 1000
  for (let told = false; !stop.aborted; told = true) {
    const workers = await queue.workers()
    const others: string[] = []
    for (const { name, digest } of workers) {
      if (digest === project.digest) continue
      const differences = await differencesTo(queue.redis, digest, project)
      others.push(`${name} has another project (${summarize(differences)})`)
    }
    if (others.length < workers.length) {
      for (const other of others) warn(`the worker ${other} and takes no part`)
      return
    }
    if (others.length > 0)
      throw new ProvisionError({
        code: 'input',
        message: `no worker on ${title} has this project`,
        detail: others.join('\n'),
        hint: 'Bring the checkouts to the same state and start the workers again.',
      })
    if (performance.now() >= deadline)
      throw new ProvisionError({
        code: 'input',
        message: `no worker is there on ${title}, after ${seconds} seconds`,
        hint: 'Start one in a checkout of this project: provision worker --queue …',
      })
    if (!told) warn(`no worker is there on ${title} yet: waiting ${seconds} seconds for one`)
    await pause(500, stop)
  }
}

function summarize(differences: readonly string[]): string {
  const shown = differences.slice(0, 5).join(', ')
  return differences.length > 5 ? `${shown}, and ${differences.length - 5} more` : shown || 'its files are not known'
}
