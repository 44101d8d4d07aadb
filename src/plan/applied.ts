// Which plans were applied on which hosts: a plan is for one time.
import { readFileSync } from 'node:fs'

/** The hosts of each plan with the time of the apply, the oldest plan first. */
export type Applied = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Plans that are remembered. */
const most = 100

/** Reads the list; none is an empty one. */
export function readApplied(file: string): Applied {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Applied // written by us, whole or not at all
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return {}
    throw error
  }
}

/** The list with the hosts of one more apply, as text. */
export function renderApplied(before: Applied, plan: string, hosts: readonly string[], time: string): string {
  const { [plan]: known = {}, ...others } = before
  const own = { ...known, ...Object.fromEntries(hosts.map((host) => [host, time])) }
  const all = [...Object.entries(others).slice(1 - most), [plan, own]]
  return `${JSON.stringify(Object.fromEntries(all), undefined, 1)}\n`
}
