// The queue's packages, loaded only when a queue is used: they are optional, and most people never need them.
import { ProvisionError } from '../core/error.ts'

export interface Packages {
  readonly bullmq: typeof import('bullmq')
  readonly Redis: typeof import('ioredis').Redis
}

/** Loads both packages; throws a ProvisionError (`input`) that says what to install. */
export async function loadPackages(): Promise<Packages> {
  try {
    const [{ Redis }, bullmq] = await Promise.all([import('ioredis'), import('bullmq')])
    return { bullmq, Redis }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new ProvisionError({
      code: 'input',
      message: 'a queue needs the packages bullmq and ioredis, and they are not both installed',
      hint: 'npm install bullmq ioredis',
      cause: error,
    })
  }
}
