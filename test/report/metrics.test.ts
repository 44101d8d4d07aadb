import test from 'ava'
import { renderMetrics } from '../../src/report/metrics.ts'
import { noRecap } from './events.ts'

test('drift is a number for each host; of a host out of reach nothing is known', (t) => {
  const hosts = { web1: { ...noRecap, changed: 2 }, 'web"2': { ...noRecap, unreachable: true } }
  t.is(
    renderMetrics({ hosts, time: 1795249716.5, seconds: 0.084 }),
    `# HELP hostwright_drifted_tasks Tasks whose state on the host differed from the playbook.
# TYPE hostwright_drifted_tasks gauge
hostwright_drifted_tasks{host="web1"} 2
# HELP hostwright_unknown_tasks Tasks that depend on a change not made.
# TYPE hostwright_unknown_tasks gauge
hostwright_unknown_tasks{host="web1"} 0
# HELP hostwright_failed_tasks Tasks that failed.
# TYPE hostwright_failed_tasks gauge
hostwright_failed_tasks{host="web1"} 0
# HELP hostwright_host_reachable Whether the host answered (1) or not (0).
# TYPE hostwright_host_reachable gauge
hostwright_host_reachable{host="web1"} 1
hostwright_host_reachable{host="web\\"2"} 0
# HELP hostwright_last_run_valid Whether playbook and inventory could be read (1) or not (0).
# TYPE hostwright_last_run_valid gauge
hostwright_last_run_valid 1
# HELP hostwright_last_run_timestamp_seconds When the last run ended.
# TYPE hostwright_last_run_timestamp_seconds gauge
hostwright_last_run_timestamp_seconds 1795249716.5
# HELP hostwright_last_run_duration_seconds How long the last run took.
# TYPE hostwright_last_run_duration_seconds gauge
hostwright_last_run_duration_seconds 0.084
`,
  )
})

test('a round that came to no host says so', (t) => {
  const text = renderMetrics({ hosts: undefined, time: 1, seconds: 0 })
  t.true(text.includes('\nhostwright_last_run_valid 0\n'))
  t.false(text.includes('drifted'))
})
