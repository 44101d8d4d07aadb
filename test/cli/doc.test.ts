// `provision doc` of the build, as an installed package runs it.
import test from 'ava'
import { provision } from './stand-in.ts'

test('doc lists all resources and roles, one line each', async (t) => {
  const { code, stdout, stderr } = await provision(['doc'])
  t.deepEqual([code, stderr], [0, ''])
  t.regex(stdout, /^Resources\n/)
  t.regex(stdout, /^ {2}apt\.package +Makes packages present, newest, absent or purged\.$/m)
  t.regex(stdout, /\n\nRoles \(hostwright\/roles\)\n[\s\S]*^ {2}haproxy +The load balancer\.$/m)
  for (const line of stdout.split('\n')) t.true(line.length <= 100, line)
})

test('doc of a resource tells all of it', async (t) => {
  const { stdout } = await provision(['doc', 'hostname'])
  t.is(
    stdout,
    `hostname  resource

Sets the host's name, now and for the next boot. It does not touch \`/etc/hosts\`: see \`hosts.entry\`.

Options
  name  string
      The short or full name, letters, digits, hyphens and dots. (required)

Every task also takes name, when, notify, tags, retry, ignoreErrors, changedWhen, failedWhen, on,
become, check, noLog, env and timeout; see docs/playbooks.md.

Errors
  A wrong option is found before any host is touched, with the file and the line (exit 1). A change
  that fails, or that the host does not show afterwards, fails the task (exit 2).

Example
  hostname({ name: 'web1' })

Source: src/resources/hostname.ts
`,
  )
})

test('doc of a role has the options inside its parameters', async (t) => {
  const { stdout } = await provision(['doc', 'base'])
  t.regex(stdout, /^base {2}role\n/)
  t.regex(stdout, /^ {4}admins\.keys {2}string\[\]\n {8}Public keys, one line each\. \(required\)$/m)
  t.regex(stdout, /^Source: roles\/base\.ts$/m)
})

test('doc --output json is data', async (t) => {
  const all = JSON.parse((await provision(['doc', '-o', 'json'])).stdout) as { name: string }[]
  t.true(all.some(({ name }) => name === 'user'))
  const one = JSON.parse((await provision(['doc', 'wait.port', '--output', 'json'])).stdout) as { source: string }
  t.is(one.source, 'src/resources/wait-port.ts')
})

const wrong = [
  ['apt.pakage', "  Did you mean 'apt.package'?\n"],
  ['package', "  Did you mean 'apt.package'?\n"],
  ['mysql.', "  Did you mean 'mysql'?\n"],
  ['systemd', '  Known: systemd.service, systemd.unit.\n'],
  ['zzzzzz', '  Try: provision doc lists all of them\n'],
] as const
for (const [name, hint] of wrong) {
  test(`there is no ${name}, and what there is`, async (t) => {
    const { code, stdout, stderr } = await provision(['doc', name])
    t.deepEqual([code, stdout], [1, ''])
    t.is(stderr, `✗ there is no resource or role '${name}'\n\n${hint}`)
  })
}
