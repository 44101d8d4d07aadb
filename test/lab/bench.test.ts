// The bench's own instruments: would they see it if something were wrong?
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { writeContent } from '../../bench/content/write.ts'
import { floor, floorKept } from '../../bench/contestants/floor/floor.ts'
import { type BenchHosts, openHosts } from '../../bench/hosts.ts'
import { judge } from '../../bench/judge.ts'
import { openControllerGroup } from '../../bench/measuring/controller-group.ts'
import { measure } from '../../bench/measuring/measure.ts'
import { openProxies } from '../../bench/proxies.ts'

let hosts: BenchHosts
const folder = mkdtempSync(join(tmpdir(), 'hostwright-bench-'))
const log = join(folder, 'log')

test.before(async (t) => {
  t.timeout(600_000)
  hosts = await openHosts(1, 'running', (message) => t.log(message), 't-bench')
  await writeContent(
    join(folder, 'data'),
    hosts.targets.map(({ name }) => name),
  )
})
test.after.always(async (t) => {
  t.timeout(120_000)
  rmSync(folder, { recursive: true })
  await hosts.close()
})

const assignment = () => {
  const { targets, identityFile, knownHosts } = hosts
  return { targets, identityFile, knownHosts, folder, data: join(folder, 'data') }
}

test.serial('the judge names every batch that is wrong, and only after the floor has run it is content', async (t) => {
  const [target] = hosts.targets
  if (!target) return t.fail()
  const [before = ''] = await hosts.judge()
  t.regex(before, /users.*attributes.*contents.*lines.*sysctls/)
  const group = await openControllerGroup('t-bench-judge', log)
  const runner = await floor.open(assignment(), group)
  const { exitCode, output } = await runner.converge()
  await group.remove()
  t.is(exitCode, 0, output)
  t.deepEqual(await hosts.judge(), [])
  for (const [broken, name] of [
    ['chmod 0600 /etc/bench/conf.d', 'attributes'],
    ['echo >>/srv/bench/data/page1.html', 'contents'],
    ['systemctl --quiet stop memcached', 'services'],
    ['sysctl -qw net.ipv4.tcp_keepalive_time=7200', 'sysctls'],
  ] as const) {
    t.is((await hosts.on(target, broken)).exitCode, 0)
    t.deepEqual(await hosts.judge(), [`bench1: not converged: ${name}`])
    const again = await openControllerGroup('t-bench-judge', log)
    const ended = await (await floor.open(assignment(), again)).converge()
    await again.remove()
    t.is(floor.changedIn(ended.output), 1, name)
  }
  t.deepEqual(await hosts.judge(), [])
})

test.serial('the judge wants the content of the very host, and hears of one that it cannot reach', async (t) => {
  const targets = hosts.targets.map((target) => ({ ...target, name: 'bench9' }))
  t.deepEqual(await judge(targets, hosts.on), ['bench9: not converged: contents'])
  const gone = hosts.targets.map((target) => ({ ...target, address: hosts.gateway.replace(/\d+$/, '199') }))
  const [complaint = ''] = await judge(gone, hosts.on)
  t.regex(complaint, /^bench1: ssh: connect to host/)
})

test.serial('what a contestant leaves running is counted, and ended', async (t) => {
  const group = await openControllerGroup('t-bench-leftovers', log)
  const left = 'while :; do :; done & echo left'
  const first = await measure(() => group.run(['sh', '-c', left]), { group })
  t.is(first.ended.output, 'left\n')
  t.is((await group.processes()).length, 1)
  // until it has burnt a tenth of a second more: the group, not the command, is what is looked at
  const deadline = Date.now() + 30_000
  while ((await group.cpu()) < 0.1 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  t.true((await group.cpu()) >= 0.1)
  await group.end()
  t.deepEqual(await group.processes(), [])
  await group.remove()
})

test.serial('logins, sessions, turns and bytes of the floor are what ssh does', async (t) => {
  const { proxy, targets } = await openProxies(hosts, 1)
  const group = await openControllerGroup('t-bench-turns', log)
  try {
    const cold = await floor.open({ ...assignment(), targets }, group)
    const { measures } = await measure(() => cold.converge(), { group, hosts, proxy })
    t.like(measures, { logins: 1, sessions: 1 })
    t.true((measures.turns ?? 0) >= 8 && (measures.turns ?? 0) <= 13, `${measures.turns} turns`)
    t.true((measures.bytes ?? 0) > 10_000)
    t.true((measures.controllerCpu ?? 0) > 0 && (measures.hostsCpu ?? 0) > 0)
    const kept = await floorKept.open({ ...assignment(), targets }, group)
    await kept.converge()
    const again = await measure(() => kept.converge(), { group, hosts, proxy })
    t.like(again.measures, { logins: 0, sessions: 1 })
    t.true((again.measures.turns ?? 0) < (measures.turns ?? 0))
  } finally {
    await group.remove()
    await proxy.close()
  }
})
