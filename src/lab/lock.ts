import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { searchPath, throwIfInterrupted } from './command.ts'

/** How to wait for a lock. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined
  /** Called once if somebody else holds the lock. */
  readonly onWait?: () => void
}

// Locks the file, and does so again if its last holder removed it meanwhile; then holds it until our end of the pipe closes.
const hold = `
while :; do
  exec 9>"$1"
  flock 9
  [ "$1" -ef /proc/self/fd/9 ] && break
done
echo locked
exec cat >/dev/null
`

/**
 * Runs `work` while holding an exclusive lock on a file, among all processes of the machine.
 * The lock is held by a child that reads from a pipe of ours: however this process ends, the pipe closes,
 * the child ends and the lock is free again.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const release = await takeLock(file, options)
  try {
    return await work()
  } finally {
    await release()
  }
}

async function takeLock(file: string, options: LockOptions): Promise<() => Promise<void>> {
  throwIfInterrupted(options.signal)
  await mkdir(dirname(file), { recursive: true })
  const child = spawn('sh', ['-c', hold, 'sh', file], {
    env: { PATH: searchPath },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true, // Ctrl-C must not free the lock while we are still tidying up
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const waiting = setTimeout(() => options.onWait?.(), 500)
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(interruptedLock(file))
      options.signal?.addEventListener('abort', abort, { once: true })
      child.once('error', (cause) => reject(lockFailed(file, cause)))
      child.once('close', () => reject(lockFailed(file)))
      child.stdout.once('data', () => {
        options.signal?.removeEventListener('abort', abort)
        resolve()
      })
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(waiting)
  }
  return async () => {
    child.stdin.end()
    await ended
  }
}

function lockFailed(file: string, cause?: unknown): ProvisionError {
  return new ProvisionError({ code: 'lab', message: `The lock file ${file} could not be locked with flock.`, cause })
}

function interruptedLock(file: string): ProvisionError {
  return new ProvisionError({ code: 'interrupted', message: `Interrupted while waiting for the lock ${file}.` })
}
