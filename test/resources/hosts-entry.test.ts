import test from 'ava'
import { entry } from '../../src/resources/hosts.ts'
import { facts, planOne, planTable } from './table.ts'

const own = '127.0.0.1\tlocalhost\n127.0.1.1\tweb1\n'
const block = '# BEGIN provision peers\n192.0.2.8\tp1\n2001:db8::1\tp2 p3\n# END provision peers\n'
const entries = [
  { address: '192.0.2.8', names: ['p1'] },
  { address: '2001:db8::1', names: ['p2', 'p3'] },
]
const probe = (text: string) => `file\t/etc/hosts\t644 root:root\t${Buffer.from(text).toString('base64')}\n`
const written = (task: ReturnType<typeof entry>, text: string) => {
  const plan = planOne(task, probe(text), { facts, check: false })
  return 'changes' in plan ? plan.changes[0].steps[0]?.input : plan
}

planTable([
  {
    title: 'nothing to do for a block as wished',
    task: entry({ block: 'peers', entries }),
    probe: probe(`${own}${block}::1 ip6-localhost\n`),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'names a block that differs',
    task: entry({ block: 'peers', entries: entries.slice(0, 1) }),
    probe: probe(own + block),
    expect: { changes: ['differs → as wished'] },
  },
  {
    title: 'absent is absent',
    task: entry({ block: 'peers', state: 'absent' }),
    probe: probe(own),
    expect: { unchanged: 'absent' },
  },
  {
    title: 'half a block is refused, not guessed',
    task: entry({ block: 'peers', entries }),
    probe: probe(`${own}# BEGIN provision peers\n192.0.2.8 p1\n`),
    expect: { refused: "/etc/hosts has only one of the marker lines of 'peers'" },
  },
  {
    title: 'a link is refused',
    task: entry({ address: '192.0.2.7', names: ['db'] }),
    probe: 'link\t/etc/hosts\t/run/hosts\n',
    expect: { refused: '/etc/hosts is a link to /run/hosts, expected a file' },
  },
])

test('other lines stay as they are, in their place', (t) => {
  t.is(written(entry({ block: 'peers', entries }), own), own + block)
  t.is(written(entry({ block: 'peers', entries }), own.trimEnd()), own + block)
  t.is(
    written(entry({ block: 'peers', entries: entries.slice(0, 1) }), `${own}${block}# end\n`),
    `${own}# BEGIN provision peers\n192.0.2.8\tp1\n# END provision peers\n# end\n`,
  )
  t.is(written(entry({ block: 'peers', state: 'absent' }), `${own}${block}# end\n`), `${own}# end\n`)
})

test('an address of its own is a block of one line', (t) => {
  t.is(
    written(entry({ address: '192.0.2.7', names: ['db.internal', 'db'] }), own),
    `${own}# BEGIN provision 192.0.2.7\n192.0.2.7\tdb.internal db\n# END provision 192.0.2.7\n`,
  )
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.regex(message(() => entry({ address: '300.1.1.1', names: ['x'] })) ?? '', /expected an IP address/)
  t.regex(message(() => entry({ address: '192.0.2.7', names: ['a b'] })) ?? '', /expected a host name/)
  t.is(
    message(() => entry({ entries })),
    "hosts.entry: 'entries' needs 'block', a name to find them again",
  )
  t.is(
    message(() => entry({ address: '192.0.2.7' })),
    "hosts.entry: option 'names' is missing",
  )
})
