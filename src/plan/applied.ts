// Where plans were applied: a small file for each plan, since a plan is for one time.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Hosts with the time at which the plan was done on them. */
export type AppliedHosts = Readonly<Record<string, string>>

/** Files that stay. */
const most = 100

/** Where a plan was applied; nowhere if nobody noted it. */
export function readApplied(folder: string, plan: string): AppliedHosts {
  try {
    return JSON.parse(readFileSync(join(folder, `${plan}.json`), 'utf8')) as AppliedHosts // written by us, whole or not at all
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {} // an error of the file system has a code
    throw error
  }
}

/** Notes these hosts beside those that are noted. `write` writes a file whole or not at all. */
export function noteApplied(
  folder: string,
  plan: string,
  hosts: readonly string[],
  time: string,
  write: (path: string, text: string) => void,
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const all = { ...readApplied(folder, plan), ...Object.fromEntries(hosts.map((host) => [host, time])) }
  write(join(folder, `${plan}.json`), `${JSON.stringify(all, undefined, 1)}\n`)
  const files = readdirSync(folder).flatMap((name) => {
    const status = statSync(join(folder, name), { throwIfNoEntry: false })
    return status ? [{ name, time: status.mtimeMs }] : []
  })
  const old = files.sort((left, right) => right.time - left.time).slice(most)
  for (const { name } of old) rmSync(join(folder, name), { force: true })
}
