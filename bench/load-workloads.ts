import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isWorkload, type Workload } from './workload.ts'

const folder = new URL('workloads/', import.meta.url)

/** The order of the report; what is not named here comes after, by its name. */
const order = ['start', 'ssh', 'rerun', 'warm', 'drifted', 'first', 'delay', 'many', 'dead']

/** All workloads: the default exports of bench/workloads/*.ts. */
export async function loadWorkloads(): Promise<readonly Workload[]> {
  const names = (await readdir(fileURLToPath(folder))).filter((name) => name.endsWith('.ts')).sort()
  const workloads = await Promise.all(names.map(loadWorkload))
  const rank = ({ name }: Workload) => (order.includes(name) ? order.indexOf(name) : order.length)
  return workloads.sort((one, other) => rank(one) - rank(other))
}

async function loadWorkload(name: string): Promise<Workload> {
  const loaded: unknown = await import(new URL(name, folder).href)
  const value = typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined
  if (isWorkload(value)) return value
  throw new Error(`bench/workloads/${name}: its default export is no workload`)
}
