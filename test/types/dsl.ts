// What must not compile. Each @ts-expect-error is a test: tsc fails if the line below it is accepted.
import {
  after,
  block,
  changed,
  defineInventory,
  file,
  given,
  handler,
  haproxy,
  hostname,
  play,
  release,
  role,
  shell,
  systemd,
  v,
} from 'hostwright'

const main = file.file({ dest: '/etc/motd', content: 'hello' })
const command = shell.command({ run: 'uname' })
const reload = handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))

// @ts-expect-error an option that does not exist
file.file({ dest: '/etc/motd', content: 'x', moode: '0644' })
// @ts-expect-error a mode is an octal text, not a number
file.file({ dest: '/etc/motd', content: 'x', mode: 644 })
// @ts-expect-error a mode starts with 0
file.file({ dest: '/etc/motd', content: 'x', mode: '644' })
// @ts-expect-error a misspelt state
systemd.service({ unit: 'nginx', state: 'runing' })
// @ts-expect-error a missing argument
hostname({})
// @ts-expect-error a handler is a value, not a name
file.file({ dest: '/etc/motd', content: 'x', notify: 'reload nginx' })
// @ts-expect-error a task is not a handler
file.file({ dest: '/etc/motd', content: 'x', notify: main })
// @ts-expect-error a handler is not a task
changed(reload)
file.file({ dest: '/etc/motd', content: 'x', on: 'lb1' })
// @ts-expect-error a host is named, not given
file.file({ dest: '/etc/motd', content: 'x', on: { name: 'lb1' } })
// @ts-expect-error a result read as the wrong type
given(command, (result) => result.stdout + 1 === 2 && result.code.length > 0)
given(command, (result) => result.stdout.includes('Linux') && result.code === 0)

play({
  hosts: 'web',
  tasks: (host) => [
    shell.command({ run: host.resultOf('db1', command).stdout.trim() }),
    shell.command({ run: host.factsOf('db1').addresses.join(' ') }),
    // @ts-expect-error a field that the result does not have
    shell.command({ run: host.resultOf('db1', main).stdout }),
    // @ts-expect-error a task is a value, not a name
    shell.command({ run: host.resultOf('db1', 'uname').stdout }),
    // @ts-expect-error a fact that does not exist
    shell.command({ run: host.factsOf('db1').address }),
  ],
})

const sample = role('sample', { params: { port: v.number(), name: v.optional(v.string(), 'x') } }, ({ port, name }) => {
  const both: [number, string] = [port, name]
  return file.file({ dest: '/etc/sample', content: both.join(' ') })
})
sample({ port: 1 })
sample()
// @ts-expect-error a parameter of the wrong type
sample({ port: '1' })
// @ts-expect-error a parameter that does not exist
sample({ prot: 1 })

// @ts-expect-error a play without hosts
play({ roles: [sample()] })
// @ts-expect-error the role itself instead of a use of it
play({ hosts: 'all', roles: [sample] })

defineInventory({ hosts: { web1: { address: '192.0.2.1', port: 22 } }, groups: { web: ['web1'] } })
// @ts-expect-error a port is a number
defineInventory({ hosts: { web1: { port: '22' } } })
// @ts-expect-error a misspelt connection setting
defineInventory({ hosts: { web1: { adress: '192.0.2.1' } } })

// Optional things may be undefined: what `cond ? x : undefined` and a spread of optional values give compiles.
declare const maybe: boolean | undefined
declare const options: { name?: string; tags?: string[]; port?: number }
const optional = file.file({
  dest: '/etc/motd',
  content: 'x',
  name: maybe ? 'motd' : undefined,
  when: maybe ? changed(main) : undefined,
  notify: maybe ? reload : undefined,
  become: maybe,
  retry: maybe ? { attempts: 2, delay: undefined } : undefined,
  failedWhen: undefined,
})
block({ tasks: optional, when: maybe, name: options.name, tags: options.tags })
play({
  hosts: 'all',
  name: options.name,
  tags: options.tags,
  serial: options.port,
  roles: maybe ? [sample()] : undefined,
})
sample({ port: options.port })
defineInventory({ hosts: { web1: { port: options.port, user: options.name } }, vars: { app: undefined } })

// What a role may return: one task, nested lists, and what `&&` leaves of a boolean, a text, a length, an option.
role('returns', { params: { list: v.array(v.string()), text: v.optional(v.string()) } }, ({ list, text }) => [
  list.length && main,
  text && main,
  maybe && [main, null],
  list.map((entry) => [entry !== '' && main]),
])
role('one', () => main)
// @ts-expect-error a handler is not a task of a role
role('handler', () => reload)
// @ts-expect-error a promise is not a list of tasks
role('later', async () => [main])

// Parameters without a schema are inferred from the function.
const plain = role('plain', ({ port }: { port: number }) => port > 0 && main)
plain({ port: 1 })
// @ts-expect-error a parameter of the wrong type
plain({ port: '1' })
after(command, (result) => result.lines.map((line) => shell.command({ run: `echo ${line.length}` })))
// @ts-expect-error an unknown field of a result
after(command, (result) => result.linez && main)
// @ts-expect-error until gets the typed result
shell.command({ run: 'x', retry: { until: (result) => result.stdout === 1 } })

play({
  hosts: 'web',
  beforeChanges: [main, [block({ tasks: main })]],
  afterChanges: (host) => [main, host.isIn('a') ? main : main],
})
// @ts-expect-error afterChanges runs as a handler does: tasks, no blocks
play({ hosts: 'web', afterChanges: block({ tasks: main }) })
// @ts-expect-error a misspelt state
haproxy.server({ backend: 'web', server: 'web1', state: 'drained' })
role(
  'app',
  {
    params: { name: v.string() },
    rollback: {
      look: ({ name }) => release.kept({ path: name }),
      tasks: ({ name }, _, id) => release.current({ path: name, release: id }),
    },
  },
  () => [],
)
role(
  'app',
  {
    params: {},
    rollback: {
      // @ts-expect-error a look must tell which releases there are
      look: () => main,
      tasks: () => [],
    },
  },
  () => [],
)
