// The text format of Prometheus, as node_exporter's textfile collector reads it.
import type { HostRecap } from '../core/events.ts'

/** The last round of a watch. */
export interface RoundMetrics {
  /** Absent if the round did not come to the hosts. */
  readonly hosts: Readonly<Record<string, HostRecap>> | undefined
  /** Seconds since 1970, when the round ended. */
  readonly time: number
  readonly seconds: number
}

/** The whole file. Of a host out of reach nothing is known, so it has no number of drifted tasks. */
export function renderMetrics({ hosts, time, seconds }: RoundMetrics): string {
  const all = Object.entries(hosts ?? {})
  const known = all.filter(([, host]) => !host.unreachable)
  const of = (entries: typeof all, value: (host: HostRecap) => number): Sample[] =>
    entries.map(([name, host]) => [`{host="${escapeLabel(name)}"}`, value(host)])
  return [
    family(
      'hostwright_drifted_tasks',
      'Tasks whose state on the host differed from the playbook.',
      of(known, (host) => host.changed),
    ),
    family(
      'hostwright_unknown_tasks',
      'Tasks that depend on a change not made.',
      of(known, (host) => host.unknown),
    ),
    family(
      'hostwright_failed_tasks',
      'Tasks that failed.',
      of(known, (host) => host.failed),
    ),
    family(
      'hostwright_host_reachable',
      'Whether the host answered (1) or not (0).',
      of(all, (host) => (host.unreachable ? 0 : 1)),
    ),
    family('hostwright_last_run_valid', 'Whether playbook and inventory could be read (1) or not (0).', [
      ['', hosts ? 1 : 0],
    ]),
    family('hostwright_last_run_timestamp_seconds', 'When the last run ended.', [['', time]]),
    family('hostwright_last_run_duration_seconds', 'How long the last run took.', [['', seconds]]),
  ].join('')
}

type Sample = readonly [labels: string, value: number]

function family(name: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
