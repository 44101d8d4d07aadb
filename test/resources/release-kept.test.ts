import { mkdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { current, kept } from '../../src/resources/release-kept.ts'
import { diskShells, inDirectory } from './on-disk.ts'
import { facts, planOne, planTable } from './table.ts'

const [c, p, o] = ['c', 'b', 'a'].map((digit) => digit.repeat(40)) as [string, string, string]
const short = (id: string) => id.slice(0, 12)
const answer = (now: string, before: string, ...releases: string[]) =>
  `== releases\ncurrent=${now}\nprevious=${before}\n${releases.map((id) => `release=${id}\n`).join('')}`

planTable([
  {
    title: 'goes back',
    task: current({ path: '/srv/app', release: p }),
    probe: answer(`releases/${c}`, `releases/${p}`, c, p),
    expect: { changes: [`release ${short(c)} → ${short(p)}`] },
  },
  {
    title: 'is there already',
    task: current({ path: '/srv/app', release: p }),
    probe: answer(`releases/${p}`, '', c, p),
    expect: { unchanged: `release ${short(p)} is current` },
  },
  {
    title: 'a current release that is gone counts as none',
    task: current({ path: '/srv/app', release: p }),
    probe: answer(`releases/${c}`, '', p),
    expect: { changes: [`release absent → ${short(p)}`] },
  },
  {
    title: 'not kept',
    task: current({ path: '/srv/app', release: o }),
    probe: answer(`releases/${c}`, `releases/${p}`, c, p, 'notes.txt'),
    expect: { refused: `/srv/app has no release ${short(o)}` },
  },
  {
    title: 'nothing there',
    task: current({ path: '/srv/app', release: o }),
    probe: answer('', ''),
    expect: { refused: `/srv/app has no release ${short(o)}` },
  },
])

test('release.kept tells the current one, the one before and all that are kept', (t) => {
  const resultOf = (probe: string) => {
    const plan = planOne(kept({ path: '/srv/app' }), probe, { facts, check: true })
    return 'unchanged' in plan ? plan.result : undefined
  }
  t.like(resultOf(answer(`releases/${c}`, `/srv/app/releases/${p}`, c, p, 'x')), {
    release: c,
    previous: p,
    kept: [c, p],
  })
  t.like(resultOf(answer(`releases/${c}`, `releases/${c}`, c)), { release: c, previous: undefined })
  t.like(resultOf(answer('', '')), { release: undefined, previous: undefined, kept: [] })
})

for (const probe of ['', 'garbage\n', '== releases\ncurrent=x\n'])
  test(`release.kept does not understand ${JSON.stringify(probe)}`, (t) => {
    t.throws(() => planOne(kept({ path: '/srv/app' }), probe, { facts, check: false }), { message: /expected/ })
  })

test('release.current takes no path and no short name for a release', (t) => {
  for (const release of ['../../etc', 'abc', '', `${c}/..`, c.toUpperCase()])
    t.true(isProvisionError(t.throws(() => current({ path: '/srv/app', release }))), release)
})

for (const { name, apply, plan } of diskShells)
  test(`${name}: on disk, a path with odd characters goes back once, and then has no previous release`, (t) => {
    const path = join(inDirectory(), "it's an app")
    for (const id of [c, p]) mkdirSync(join(path, 'releases', id), { recursive: true })
    symlinkSync(`releases/${c}`, join(path, 'current'))
    symlinkSync(`releases/${p}`, join(path, 'previous'))
    const task = current({ path, release: p })
    t.true('changes' in plan(task))
    apply(task)
    t.is(readlinkSync(join(path, 'current')), `releases/${p}`)
    t.true('unchanged' in plan(task))
    const look = plan(kept({ path }))
    t.like('unchanged' in look ? look.result : undefined, { release: p, previous: undefined })
  })
