// `--metrics PATTERN:PATH`: the figures of a watch go to hosts of its own inventory, its monitors, over the connections that it holds anyway.
import { ProvisionError } from '../core/error.ts'
import { definePlaybook, play } from '../core/play.ts'
import { type RunRequest, run } from '../engine/run.ts'
import { type RoundMetrics, renderMetrics } from '../report/metrics.ts'
import { fileFile } from '../resources/file-file.ts'
import type { Io } from './io.ts'

/** Hosts, and a file on each of them. */
export interface MetricsPlace {
  /** Which hosts: a name, a group, a pattern. */
  readonly pattern: string
  readonly path: string
}

/** The place that `--metrics` names; undefined if it is a file of this machine. */
export function placeOnHosts(text: string): MetricsPlace | undefined {
  const [, pattern, path] = /^([^/]+):(\/.*)$/.exec(text) ?? []
  if (pattern === undefined || path === undefined) return undefined
  if (path.endsWith('.prom')) return { pattern, path }
  throw new ProvisionError({
    code: 'input',
    message: `--metrics ${text}: expected a name that ends in .prom: node_exporter's textfile collector reads no other`,
  })
}

/** What is needed to reach them. */
export type Reach = Pick<RunRequest, 'inventory' | 'secrets' | 'connect' | 'forks'>

/** Replaces the file on every host of the pattern; says so on stderr where that failed, and the watch goes on. */
export async function sendMetrics(
  { stderr }: Io,
  { pattern, path }: MetricsPlace,
  metrics: RoundMetrics,
  reach: Reach,
): Promise<void> {
  const fail = (host: string, message: string) =>
    stderr.write(`! --metrics on ${host} could not be written: ${message}\n`)
  try {
    const write = fileFile({ dest: path, content: renderMetrics(metrics), mode: '0644' })
    await run({
      ...reach,
      playbook: definePlaybook([play({ name: 'metrics', hosts: pattern, tasks: write })]),
      emit: (event) => {
        if (event.type === 'task:end' && event.status === 'failed') fail(event.host, event.error?.message ?? 'failed')
        if (event.type === 'host:unreachable') fail(event.host, event.error.message)
      },
    })
  } catch (error) {
    fail(pattern, error instanceof Error ? error.message : String(error))
  }
}
