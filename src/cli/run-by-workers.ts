// `provision --queue`: the run is checked here and done by workers.
import { ProvisionError } from '../core/error.ts'
import type { RunResult } from '../engine/run.ts'
import { parseAddress } from '../fleet/address.ts'
import { type FleetRequest, runFleet } from '../fleet/coordinator.ts'
import type { Project } from '../fleet/project.ts'
import { RunQueue } from '../fleet/run-queue.ts'
import { waitForWorkers } from '../fleet/wait-for-workers.ts'
import type { Io } from './io.ts'

export interface QueueOptions {
  readonly queue: string
  readonly workerWait: number
  readonly askPass?: boolean | undefined
  readonly askBecomePass?: boolean | undefined
  readonly startAtTask?: string | undefined
}

/** Refuses what has no meaning with a queue, before anything is asked or loaded. */
export function checkQueueOptions(io: Io, options: QueueOptions): void {
  if (options.askPass || options.askBecomePass)
    throw new ProvisionError({
      code: 'input',
      message: `${options.askPass ? '--ask-pass' : '--ask-become-pass'} with --queue: no password passes through the queue`,
      hint: 'Give the option to the workers: each asks for itself when it starts.',
    })
  if (options.startAtTask !== undefined)
    throw new ProvisionError({
      code: 'input',
      message: '--start-at-task with --queue: workers begin at the first task',
    })
  parseAddress(options.queue, io.env)
}

/** Runs a playbook by workers; resolves as `run` does. */
export async function runByWorkers(
  io: Io,
  options: QueueOptions,
  project: Project,
  request: FleetRequest & { readonly stop: AbortSignal },
): Promise<RunResult> {
  const address = parseAddress(options.queue, io.env)
  const { emit, stop } = request
  let queue: RunQueue | undefined
  try {
    return await runFleet(request, async () => {
      queue = await RunQueue.open(address, project, (message, error) =>
        emit({ type: 'warning', host: undefined, message: `${message}: ${error.message}`, hint: error.hint }),
      )
      await waitForWorkers({ queue, project, title: address.title, emit, seconds: options.workerWait, stop })
      return queue
    })
  } finally {
    await queue?.close()
  }
}
