import { deadlineError } from './errors.ts'

/** Waits for a promise at most so many seconds, or until the signal; then rejects and calls `giveUp`. */
export async function within<T>(
  seconds: number,
  promise: Promise<T>,
  giveUp: () => void,
  signal?: AbortSignal | undefined,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let abort: (() => void) | undefined
  const stop = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(deadlineError(seconds)), seconds * 1000)
    abort = () => reject(Object.assign(new Error('interrupted'), { code: 'ABORTED' }))
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, stop])
  } catch (error) {
    giveUp()
    throw error
  } finally {
    clearTimeout(timer)
    if (abort) signal?.removeEventListener('abort', abort)
  }
}
