import test from 'ava'
import { ansible, renderSettings } from '../../bench/contestants/ansible/ansible.ts'
import { floor } from '../../bench/contestants/floor/floor.ts'
import { changedInRecap } from '../../bench/contestants/hostwright/hostwright.ts'
import { loadWorkloads } from '../../bench/load-workloads.ts'
import { findHierarchies, parseAnonymous, parseCpu } from '../../bench/measuring/controller-group.ts'
import { countLogins } from '../../bench/measuring/sshd-log.ts'
import { makePaint } from '../../src/report/paint.ts'
import { renderRecap } from '../../src/report/recap.ts'

test('control groups are found in a hybrid setup and in a unified one', (t) => {
  const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpuacct cgroup rw,relatime,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0`
  t.deepEqual(findHierarchies(hybrid), { unified: '/sys/fs/cgroup/unified', memory: '/sys/fs/cgroup/memory' })
  const unified = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,memory_recursiveprot 0 0'
  t.deepEqual(findHierarchies(unified), { unified: '/sys/fs/cgroup', memory: undefined })
})

test('CPU time and anonymous memory are read in both versions', (t) => {
  t.is(parseCpu('usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n'), 1.5)
  t.throws(() => parseCpu(''), { message: /no usage_usec/ })
  t.is(parseAnonymous('anon 4096\nfile 1\n'), 4096)
  t.is(parseAnonymous('cache 1\nrss 2\ntotal_cache 3\ntotal_rss 8192\n'), 8192)
  t.is(parseAnonymous(''), undefined)
})

test('logins and sessions are counted over all logs', (t) => {
  const log = 'Accepted publickey for root\nStarting session: command for root\nStarting session: subsystem\n'
  t.deepEqual(countLogins([log, '', log]), { logins: 2, sessions: 4 })
})

test('each contestant tells its changes in its own way', (t) => {
  t.is(floor.changedIn('changed=1\nnoise\nchanged=2\n'), 3)
  t.is(floor.changedIn('ssh: connect to host'), undefined)
  const recap = 'TASK [x]\nchanged: [a]\nPLAY RECAP ****\na : ok=7 changed=2 failed=0\nb : ok=7 changed=0 failed=0\n'
  t.is(ansible.changedIn(recap), 2)
  t.is(ansible.changedIn('ERROR! no hosts'), undefined)
})

test("hostwright's changes are read from the table that it really prints", (t) => {
  const host = { ok: 40, changed: 2, failed: 0, skipped: 0, ignored: 0, unknown: 0, unreachable: false, requests: 3 }
  const hosts = { bench1: host, bench10: { ...host, changed: 5 } }
  const text = renderRecap({ type: 'recap', hosts, elapsedMs: 100, check: false }, makePaint(false))
  t.is(changedInRecap(`bench: web\n${text}`), 7)
  t.is(changedInRecap('error: playbook not found'), undefined)
})

test('Ansible as shipped has none of the tuned settings', (t) => {
  const targets = [{ name: 'bench1', address: '10.0.0.1', port: 22 }]
  const assignment = { targets, identityFile: '/k', knownHosts: '/h', data: '/d', folder: '/f' }
  const shipped = renderSettings('shipped', assignment, '/i')
  t.false(/pipelining|ControlPersist|interpreter|strategy/.test(shipped))
  t.true(renderSettings('tuned', assignment, '/i').includes('pipelining = True'))
  t.true(renderSettings('mitogen', assignment, '/i').includes('strategy = mitogen_linear'))
})

test('every workload is found, has a name of its own and says how long it takes', async (t) => {
  const workloads = await loadWorkloads()
  t.true(workloads.length >= 8)
  t.is(new Set(workloads.map(({ name }) => name)).size, workloads.length)
  for (const { minutes, cases } of workloads) t.true(minutes > 0 && Object.keys(cases).length > 0)
})
