import { randomUUID } from 'node:crypto'
import { closeSync, linkSync, openSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'

/** Milliseconds after which a lock was left by a killed process: what it guards takes a few. */
const staleAfter = 10_000

/**
 * Runs `body` while no other process holds the lock of this file (`FILE.lock` beside it). Synchronous and short: it blocks
 * this process too.
 */
export function withFileLock<T>(file: string, body: () => T): T {
  const lock = `${file}.lock`
  acquire(lock, Date.now() + 3 * staleAfter)
  try {
    return body()
  } finally {
    rmSync(lock, { force: true })
  }
}

function acquire(lock: string, deadline: number): void {
  while (!tryCreate(lock)) {
    removeStale(lock)
    if (Date.now() > deadline)
      throw new ProvisionError({
        code: 'secret',
        message: `${lock} is held by other runs for too long`,
        hint: `If no other run is active: rm ${lock}`,
      })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  }
}

function tryCreate(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function removeStale(lock: string): void {
  const seen = statSync(lock, { throwIfNoEntry: false })
  if (!seen || Date.now() - seen.mtimeMs < staleAfter) return
  const aside = `${lock}.${randomUUID()}`
  try {
    renameSync(lock, aside)
    // Between the look and the rename another process may have replaced the stale lock by its own: that one goes back.
    if (statSync(aside).ino !== seen.ino) linkSync(aside, lock)
    unlinkSync(aside)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EEXIST')) return
    throw error
  }
}
