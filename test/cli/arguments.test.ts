// What the command line makes of arguments, without a host: whole messages, exit codes, listings.
import test from 'ava'
import { exampleSite, provision } from './stand-in.ts'

const more = 'Run provision --help for all options.\n'

const misuse: readonly { readonly args: readonly string[]; readonly stderr: string }[] = [
  { args: ['--chek'], stderr: `error: unknown option '--chek'\n(Did you mean --check?)\n${more}` },
  { args: ['pnig'], stderr: `error: unknown command 'pnig'\n(Did you mean ping?)\n${more}` },
  { args: ['lab', 'upp'], stderr: `error: unknown command 'upp'\n(Did you mean up?)\n${more}` },
  { args: ['a.ts', 'b.ts'], stderr: `error: too many arguments. Expected 1 argument but got 2.\n${more}` },
  { args: ['facts'], stderr: `error: missing required argument 'pattern'\n${more}` },
  { args: ['exec', 'web'], stderr: `error: missing required argument 'command'\n${more}` },
  { args: ['--check', 'ping'], stderr: `error: unknown option '--check' for the command 'ping'\n${more}` },
  { args: ['ping', '--check'], stderr: `error: unknown option '--check'\n${more}` },
  ...['0', '-1', '2.5', 'many', ''].map((forks) => ({
    args: [`--forks=${forks}`],
    stderr: `error: option '-f, --forks <number>' argument '${forks}' is invalid. Expected a whole number from 1.\n${more}`,
  })),
  {
    args: ['--tags', 'a,,b'],
    stderr: `error: option '-t, --tags <tags>' argument 'a,,b' is invalid. Expected names separated by commas.\n${more}`,
  },
  {
    args: ['--output', 'xml'],
    stderr: `error: option '-o, --output <kind>' argument 'xml' is invalid. Allowed choices are live, plain, json, junit.\n${more}`,
  },
  { args: ['--detailed-exitcode'], stderr: '✗ --detailed-exitcode: expected together with --check\n' },
  { args: ['nothing.ts'], stderr: '✗ playbook %/nothing.ts does not exist\n' },
  {
    args: ['playbooks/sites.ts'],
    stderr: '✗ playbook %/playbooks/sites.ts does not exist\n\n  Did you mean %/playbooks/site.ts?\n',
  },
  { args: ['--inventory', 'hosts'], stderr: '✗ inventory %/hosts does not exist\n' },
  {
    args: ['--inventory', 'playbooks/site.ts'],
    stderr: `✗ playbooks/site.ts exports a playbook, expected an inventory${' '.repeat(17)}playbooks/site.ts:10:1

       9 | })
    > 10 | export default definePlaybook([
         | ^
      11 |   play({ name: 'Web servers', hosts: 'web', roles: [nginx({})] }),

  Give it as the playbook: provision FILE --inventory HOSTS
`,
  },
  { args: ['--limit', 'web9'], stderr: "✗ no host or group 'web9' in the inventory\n\n  Did you mean 'web1'?\n" },
  { args: ['--limit', 'web:!web'], stderr: "✗ --limit 'web:!web' selects no host\n" },
  {
    args: ['only-web.ts', '--limit', 'lb1'],
    stderr: "✗ --limit 'lb1' selects lb1, which no play of the playbook runs on\n\n  Plays run on: web.\n",
  },
  {
    args: ['--tags', 'package'],
    stderr: "✗ --tags package: no task has this tag\n\n  Did you mean 'packages'?\n",
  },
  {
    args: ['--skip-tags', 'zzz'],
    stderr: '✗ --skip-tags zzz: no task has this tag\n\n  Known tags: always, never, nginx, odd, packages.\n',
  },
  {
    args: ['--start-at-task', 'apt.package ngix'],
    stderr: "✗ --start-at-task 'apt.package ngix': no task has this name\n\n  Did you mean 'apt.package nginx'?\n",
  },
  {
    args: ['--start-at-task', 'x', '--queue', 'redis://127.0.0.1:1'],
    stderr: '✗ --start-at-task with --queue: workers begin at the first task\n',
  },
  {
    args: ['-e', 'nginx.worker=2'],
    stderr: "✗ --extra-vars 'nginx.worker=2': role nginx has no parameter 'worker'\n\n  Did you mean 'workers'?\n",
  },
  {
    args: ['--output-file', 'x.json'],
    stderr: '✗ --output-file x.json: expected with --output json or --output junit\n',
  },
  { args: ['ping', 'db'], stderr: "✗ no host or group 'db' in the inventory\n\n  Did you mean 'lb'?\n" },
  { args: ['ping', 'web:!web'], stderr: "✗ the pattern 'web:!web' selects no host\n" },
  { args: ['vars', 'web9'], stderr: "✗ no host 'web9' in the inventory\n\n  Did you mean 'web1'?\n" },
  {
    args: ['vars', 'web1', 'nginx.worker'],
    stderr: "✗ web1 has no variable or setting 'nginx.worker'\n\n  Did you mean 'nginx.workers'?\n",
  },
  { args: ['--ask-become-pass'], stderr: '✗ password of sudo or su: expected a line on stdin, found its end\n' },
]

for (const { args, stderr } of misuse) {
  test(`refused: provision ${args.join(' ')}`, async (t) => {
    const onlyWeb = `import { definePlaybook, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'web' })])
`
    const cwd = exampleSite(t, { 'only-web.ts': onlyWeb })
    const result = await provision(args, { cwd })
    t.deepEqual(result, { code: 1, stdout: '', stderr: stderr.replaceAll('%', cwd), exits: [] })
  })
}

test('an error of the playbook points at its line', async (t) => {
  const cwd = exampleSite(t, {
    'playbooks/site.ts': `import { definePlaybook, file, play } from 'hostwright'
export default definePlaybook([
  play({ hosts: 'web', tasks: [file.directory({ path: '/srv', stat: 'present' })] }),
])
`,
  })
  const { code, stderr } = await provision([], { cwd })
  t.is(code, 1)
  t.is(
    stderr,
    `✗ file.directory: unknown option 'stat'${' '.repeat(39)}playbooks/site.ts:3:37

  Known options: path, mode, owner, group, recurse.
`,
  )
})

test('--debug shows the stack of an error', async (t) => {
  const { stderr } = await provision(['--limit', 'web9', '--debug'], { cwd: exampleSite(t) })
  t.regex(stderr, /\n {4}ProvisionError: no host or group 'web9' in the inventory\n {4} {4}at /)
})

test('--help and --version go to stdout', async (t) => {
  const help = await provision(['--help'])
  t.is(help.code, 0)
  t.is(help.stderr, '')
  for (const word of ['--check', '--detailed-exitcode', 'verify', 'lab', 'Exit codes:'])
    t.true(help.stdout.includes(word), word)
  const version = await provision(['--version'])
  t.is(version.code, 0)
  t.regex(version.stdout, /^\d+\.\d+\.\d+\n$/)
})

test('every command has help', async (t) => {
  for (const words of [
    'ping',
    'facts',
    'exec',
    'ssh',
    'verify',
    'inventory list',
    'inventory graph',
    'vars',
    'lab up',
    'lab status',
    'lab ssh',
    'lab down',
    'lab reset',
    'lab kill',
    'lab start',
    'lab link',
  ]) {
    const { code, stdout } = await provision([...words.split(' '), '--help'])
    t.is(code, 0)
    t.true(stdout.startsWith(`Usage: provision ${words} `), words)
  }
})

test('--list-hosts lists the hosts of each play', async (t) => {
  t.deepEqual(await provision(['--list-hosts'], { cwd: exampleSite(t) }), {
    code: 0,
    stdout: 'Web servers (web1, web2)\nLoad balancers (lb1)\n',
    stderr: '',
    exits: [],
  })
})

test('--list-tasks lists the tasks, hosts with the same ones together', async (t) => {
  const { stdout } = await provision(['--list-tasks'], { cwd: exampleSite(t) })
  t.is(
    stdout,
    `Web servers (web1, web2)
  web1
    nginx › apt.package nginx  [nginx, packages]
    nginx › file.file /etc/nginx/workers.conf  [nginx]
  web2
    nginx › apt.package nginx  [nginx, packages]
    nginx › file.file /etc/nginx/workers.conf  [nginx]
    nginx › only on web2  [nginx, odd, packages]

Load balancers (lb1)
  lb1
    file.absent /etc/old
`,
  )
})

test('--list-tasks lists what --limit and --tags leave', async (t) => {
  const { stdout } = await provision(['--list-tasks', '--limit', 'web', '--tags', 'packages', '--skip-tags', 'odd'], {
    cwd: exampleSite(t),
  })
  t.is(
    stdout,
    `Web servers (web1, web2)
  web1, web2
    nginx › apt.package nginx  [nginx, packages]

Load balancers (no hosts)
`,
  )
})

test('--list-tasks says which tasks run on another host', async (t) => {
  const cwd = exampleSite(t, {
    'drain.ts': `import { definePlaybook, play, shell } from 'hostwright'
export default definePlaybook(play({ name: 'Drain', hosts: 'web1', tasks: shell.command({ name: 'drain', run: 'true', on: 'lb1', tags: 'roll' }) }))
`,
  })
  const { stdout } = await provision(['drain.ts', '--list-tasks'], { cwd })
  t.is(stdout, 'Drain (web1)\n  web1\n    drain  → lb1  [roll]\n')
})

test('--list-tags lists all tags once', async (t) => {
  t.is((await provision(['--list-tags'], { cwd: exampleSite(t) })).stdout, 'nginx\nodd\npackages\n')
})

test('a listing asks for no password', async (t) => {
  t.is((await provision(['--list-hosts', '-K'], { cwd: exampleSite(t) })).code, 0)
})

test('an option before the name of a command counts for the command', async (t) => {
  const cwd = exampleSite(t, {
    'other.ts': "import { defineInventory } from 'hostwright'\nexport default defineInventory({ hosts: { a: {} } })\n",
  })
  t.is((await provision(['-i', 'other.ts', 'inventory', 'list'], { cwd })).stdout, 'a  a\n')
  t.is((await provision(['inventory', 'list', '-i', 'other.ts'], { cwd })).stdout, 'a  a\n')
})

test('inventory list shows hosts with address and groups', async (t) => {
  t.is(
    (await provision(['inventory', 'list'], { cwd: exampleSite(t) })).stdout,
    `lb1   admin@192.0.2.10       site, lb
web1  admin@192.0.2.11:2222  site, web
web2  admin@192.0.2.12       site, web
`,
  )
})

test('inventory list --output json is one object, and holds no secret', async (t) => {
  const { stdout } = await provision(['inventory', 'list', '--output', 'json'], { cwd: exampleSite(t) })
  t.deepEqual(JSON.parse(stdout).hosts[1], {
    name: 'web1',
    address: '192.0.2.11',
    port: 2222,
    user: 'admin',
    groups: ['all', 'site', 'web'],
    vars: { nginx: { workers: 8 } },
  })
})

test('inventory graph shows groups in groups', async (t) => {
  t.is(
    (await provision(['inventory', 'graph'], { cwd: exampleSite(t) })).stdout,
    `all
└─ @site
   ├─ @lb
   │  └─ lb1
   └─ @web
      ├─ web1
      └─ web2
`,
  )
})

test('vars shows each value, where it came from and what it overrides', async (t) => {
  t.is(
    (await provision(['vars', 'web1'], { cwd: exampleSite(t) })).stdout,
    `address = "192.0.2.11"  host web1 inventory/hosts.ts:7:13
port = 2222  host web1 inventory/hosts.ts:7:36
user = "admin"  all hosts inventory/hosts.ts:3:3
nginx.workers = 8  host web1 inventory/hosts.ts:7:65, over 2 of all hosts
`,
  )
  t.is(
    (await provision(['vars', 'web2', 'becomePassword'], { cwd: exampleSite(t) })).stdout,
    'becomePassword = ‹secret›  host web2 inventory/hosts.ts:8:36\n',
  )
})

const layered = `import { definePlaybook, play, role, v } from 'hostwright'
const params = { workers: v.optional(v.number(), 1), port: v.optional(v.number(), 80), logs: v.optional(v.string()), name: v.string() }
const nginx = role('nginx', { params }, () => [])
const broken = role('broken', { params: { must: v.string() } }, () => [])
export default definePlaybook([
  play({ name: 'Web', hosts: 'web', roles: [nginx({ workers: 4, name: 'a' })] }),
  play({ name: 'Also', hosts: 'web1', roles: [broken({} as { must: string })] }),
])
`

test('vars shows what play and command line make of it, and the defaults of roles', async (t) => {
  const cwd = exampleSite(t, { 'layered.ts': layered })
  const { code, stdout, stderr } = await provision(
    ['vars', 'web1', 'nginx', '--playbook', 'layered.ts', '-e', 'nginx.port=8080'],
    { cwd },
  )
  t.is(code, 0)
  t.is(
    stdout,
    `nginx.name = "a"  play Web layered.ts:6:45
nginx.port = 8080  the command line
nginx.workers = 4  play Web layered.ts:6:45, over 8 of host web1, over 2 of all hosts
`,
  )
  t.is(stderr, "! role broken on web1: parameter 'must' is missing\n")
  const web2 = await provision(['vars', 'web2', 'nginx.port', '-p', 'layered.ts'], { cwd })
  t.is(web2.stdout, 'nginx.port = 80  default of role nginx\n')
})

test('vars --output json is data', async (t) => {
  const { stdout } = await provision(['vars', 'web1', 'nginx', '-o', 'json'], { cwd: exampleSite(t) })
  t.deepEqual(JSON.parse(stdout), {
    host: 'web1',
    values: [
      {
        name: 'nginx.workers',
        value: 8,
        from: 'host web1',
        where: 'inventory/hosts.ts:7:65',
        overrides: [{ value: 2, from: 'all hosts' }],
      },
    ],
  })
})
