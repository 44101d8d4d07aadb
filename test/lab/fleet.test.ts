// Many hosts and few places: simulated hosts (bench/simulated) with real ssh servers and real shells, and the command itself.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import {
  type HostKind,
  type SimulatedHosts,
  startSimulatedHosts,
  writeInventory,
} from '../../bench/simulated/simulated-hosts.ts'
import { jsonLines, provision, recapOf, startProvision } from './provision.ts'

const playbook = fileURLToPath(new URL('../../bench/simulated/playbook.ts', import.meta.url))
const slow = fileURLToPath(new URL('playbooks/slow.ts', import.meta.url))

/** Hosts for one test, gone after it. */
async function useHosts(t: ExecutionContext, count: number, kindOf: (index: number) => HostKind, more = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-fleet-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const simulated: SimulatedHosts = await startSimulatedHosts({
    folder: join(folder, 'hosts'),
    count,
    kindOf,
    network: 67,
  })
  t.teardown(() => simulated.close())
  const inventory = join(folder, 'hosts.ts')
  await writeInventory(simulated, inventory, more)
  return { simulated, args: [playbook, '--inventory', inventory, '--output', 'json'] }
}

test.serial('with more hosts than forks at most that many are at work, and every host is done', async (t) => {
  t.timeout(300_000)
  const { simulated, args } = await useHosts(t, 16, () => 'live')
  const first = await provision([...args, '--forks', '3'])
  t.is(first.code, 0, first.stderr)
  for (const { changed } of Object.values(recapOf(first).hosts)) t.is(changed, 10)
  const atWork = new Set<unknown>()
  let most = 0
  for (const { type, host } of jsonLines(first)) {
    if (type === 'host:play') atWork.add(host)
    if (type === 'host:play:end') atWork.delete(host)
    most = Math.max(most, atWork.size)
  }
  t.true(most <= 3, `${most} hosts were at work at once`)
  t.true(most > 1, 'hosts worked one after the other')
  t.is((await simulated.look()).open, 0)
  const again = await provision([...args, '--forks', '3'])
  for (const { ok } of Object.values(recapOf(again).hosts)) t.is(ok, 10)
})

test.serial('hosts that wait for a place are not called one after the other: connections stay bounded', async (t) => {
  t.timeout(300_000)
  const { simulated, args } = await useHosts(t, 16, () => 'live')
  const run = await provision([slow, ...args.slice(1), '--forks', '2'])
  t.is(run.code, 0, run.stderr)
  for (const { changed } of Object.values(recapOf(run).hosts)) t.is(changed, 1)
  const { mostOpen, open, refused } = await simulated.look()
  // 2 at work and 2 called ahead; on a slow machine a few more, whose answer came late
  t.true(mostOpen <= 8, `${mostOpen} of 16 connections were open at once`)
  t.deepEqual({ open, refused }, { open: 0, refused: 0 })
})

test.serial('dead hosts hold up nobody: all live hosts are done while the dead are still waited for', async (t) => {
  t.timeout(300_000)
  // as many dead hosts as there are places, and the first in the inventory
  const dead: readonly HostKind[] = ['silent', 'vanished', 'silent']
  const { simulated, args } = await useHosts(t, 12, (index) => dead[index] ?? 'live', {
    connectTimeout: 120,
    connectAttempts: 1,
  })
  const live = simulated.hosts.filter(({ kind }) => kind === 'live').map(({ name }) => name)
  const ended: string[] = []
  const { child, done } = startProvision([slow, ...args.slice(1), '--forks', '3'])
  for await (const line of createInterface({ input: child.stdout ?? t.fail() })) {
    const { type, host = '', failed } = JSON.parse(line) as { type: string; host?: string; failed?: boolean }
    if (type === 'host:unreachable') break
    if (type === 'host:play:end' && !failed) ended.push(host)
    if (ended.length === live.length) break
  }
  child.kill('SIGINT')
  child.kill('SIGTERM')
  t.deepEqual(ended.sort(), live)
  const run = await done
  t.deepEqual(
    jsonLines(run).filter(({ type }) => type === 'host:unreachable'),
    [],
  )
})

test.serial(
  'hosts that refuse, say nothing or have vanished are told as unreachable, the others are done',
  async (t) => {
    t.timeout(300_000)
    const dead: readonly HostKind[] = ['refuses', 'silent', 'vanished']
    const { args } = await useHosts(t, 6, (index) => dead[index] ?? 'live', { connectTimeout: 2, connectAttempts: 1 })
    const run = await provision([...args, '--forks', '2'])
    t.is(run.code, 3, run.stderr)
    const { hosts } = recapOf(run)
    const unreachable = Object.keys(hosts).filter((name) => hosts[name]?.unreachable)
    t.deepEqual(unreachable, ['host0001', 'host0002', 'host0003'])
    for (const name of ['host0004', 'host0005', 'host0006']) t.is(hosts[name]?.changed, 10, name)
  },
)
