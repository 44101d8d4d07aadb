// The wizard by keystrokes, in this process: every question, Ctrl-C at every question, a second run in a project.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { checkDomains } from '../../src/cli/init/check-domains.ts'
import type { Io } from '../../src/cli/io.ts'
import { main } from '../../src/cli/program.ts'
import { provision } from './stand-in.ts'

const enter = '\r'
const ctrlC = '\u0003'
const down = '\u001b[B'
const questions = [
  'Where to put the project?',
  'Where do the hosts come from?',
  'What should the site look like?',
  'Domain names',
  'How are requests spread',
  'Which database?',
  'Where is your app?',
  'Firewall',
  'Admin users',
  'Write this?',
]

function emptyFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-init-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the wizard; `keys` says what is typed when a question appears, Enter otherwise. */
async function wizard(t: ExecutionContext, cwd: string, keys: Readonly<Record<string, string>>, home = emptyFolder(t)) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 50 })
  stdout.end = () => stdout // as a process's own stdout, which a pipe does not end
  let shown = ''
  let stderr = ''
  let seen = 0
  const waiting = new Map(
    Object.entries({ ...Object.fromEntries(questions.map((question) => [question, enter])), ...keys }),
  )
  stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += stripVTControlCharacters(text)
    for (const [question, typed] of waiting) {
      const at = shown.indexOf(question, seen)
      if (at === -1) continue
      seen = at + question.length
      waiting.delete(question)
      setImmediate(() => stdin.write(typed))
    }
  })
  const io = {
    stdin,
    stdout,
    stderr: { isTTY: false, columns: 100, write: (text: string) => (stderr += text) },
    env: { HOME: home },
    cwd,
    onSignal: () => () => undefined,
    exit: () => undefined,
  } as unknown as Io // as much of the streams as the command uses
  const code = await main(['init'], io)
  return { code, shown, stderr, home }
}

for (const [index, question] of questions.entries()) {
  test(`Ctrl-C at "${question}" leaves nothing behind`, async (t) => {
    const folder = emptyFolder(t)
    const { code, home, stderr } = await wizard(t, folder, { [question]: ctrlC })
    t.is(code, 130, `question ${index + 1}: ${stderr}`)
    t.deepEqual([...readdirSync(folder), ...readdirSync(home)], [])
  })
}

test('a no to the review writes nothing', async (t) => {
  const folder = emptyFolder(t)
  const { home } = await wizard(t, folder, { 'Write this?': `n${enter}` })
  t.deepEqual([...readdirSync(folder), ...readdirSync(home)], [])
})

test('a domain that is none is refused with the reason, and asked again', async (t) => {
  const folder = emptyFolder(t)
  const { shown, code } = await wizard(t, folder, {
    'Domain names': `https://foobar.com${enter}`,
    'without https:// and path': `\u0015www.example.org${enter}`,
    'Write this?': enter,
    'Bring the lab up now': `n${enter}`,
  })
  t.is(code, 0)
  t.true(shown.includes('https://foobar.com: expected the name alone, without https:// and path'))
  t.regex(readFileSync(join(folder, 'inventory/hosts.ts'), 'utf8'), /domains: \['www.example.org'\]/)
})

test('a second run has the present answers, changes only what was changed and keeps edits made by hand', async (t) => {
  const folder = emptyFolder(t)
  const { home } = await wizard(t, folder, { 'Bring the lab up now': `n${enter}` })
  const hosts = join(folder, 'inventory/hosts.ts')
  const secrets = readFileSync(join(folder, 'secrets.age'), 'utf8')
  const playbook = readFileSync(join(folder, 'playbooks/site.ts'), 'utf8')
  writeFileSync(
    hosts,
    readFileSync(hosts, 'utf8').replace('// the first host is', '// mind the backups\n    // the first host is'),
  )
  const again = await wizard(
    t,
    folder,
    { 'How are requests spread': down + enter, 'Bring the lab up now': `n${enter}` },
    home,
  )
  t.is(again.code, 0, again.stderr)
  t.true(again.shown.includes('changes, what you edited stays'))
  const text = readFileSync(hosts, 'utf8')
  t.regex(text, /balance: 'leastconn'/)
  t.regex(text, /mind the backups/)
  t.is(readFileSync(join(folder, 'secrets.age'), 'utf8'), secrets)
  t.is(readFileSync(join(folder, 'playbooks/site.ts'), 'utf8'), playbook)
})

test('an edit in the very line that changes is told with its place; by default it stays', async (t) => {
  const folder = emptyFolder(t)
  const { home } = await wizard(t, folder, { 'Bring the lab up now': `n${enter}` })
  const hosts = join(folder, 'inventory/hosts.ts')
  const mine = readFileSync(hosts, 'utf8').replace("balance: 'roundrobin'", "balance: 'source'")
  writeFileSync(hosts, mine)
  const again = await wizard(
    t,
    folder,
    {
      'How are requests spread': down + enter,
      'inventory/hosts.ts cannot be merged with what is there:': enter,
      'Bring the lab up now': `n${enter}`,
    },
    home,
  )
  t.is(again.code, 0, again.stderr)
  t.regex(again.shown, /inventory\/hosts\.ts: near line 2\d: expected "haproxy: \{ balance: 'roundrobin'/)
  t.is(readFileSync(hosts, 'utf8'), mine)
})

test('the passwords are in the vault and in no other file', async (t) => {
  const folder = emptyFolder(t)
  const env = { HOME: emptyFolder(t), PATH: process.env.PATH ?? '' }
  const made = await provision(['init', '--yes'], { cwd: folder, env })
  t.is(made.code, 0, made.stderr)
  const { stdout: password } = await provision(['vault', 'get', 'db.app'], { cwd: folder, env })
  t.true(password.trim().length === 32)
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (file.isFile())
      t.false(readFileSync(join(file.parentPath, file.name), 'utf8').includes(password.trim()), file.name)
  t.false((made.stdout + made.stderr).includes(password.trim()))
})

const mistakes: [title: string, args: string[], file: string, complaint: RegExp][] = [
  ['no terminal', ['init'], '', /✗ provision init asks at a terminal, and stdin is none\n.*--yes takes the defaults/s],
  ['no file', ['init', '--answers', 'b.json'], '', /✗ --answers b\.json does not exist, expected a JSON file/],
  ['no JSON', ['init', '--answers', 'a.json'], '{', /✗ a\.json is not JSON: /],
  [
    'a wrong answer',
    ['init', '--answers', 'a.json'],
    '{"databse":"mysql"}',
    /✗ a\.json: unknown option 'databse'; did you mean 'database'\?/,
  ],
]
for (const [title, args, file, complaint] of mistakes) {
  test(`${title}: exit code 1, and nothing is written`, async (t) => {
    const folder = emptyFolder(t)
    if (file) writeFileSync(join(folder, 'a.json'), file)
    const { code, stderr } = await provision(args, { cwd: folder, env: { HOME: folder } })
    t.is(code, 1)
    t.regex(stderr, complaint)
    t.deepEqual(readdirSync(folder), file ? ['a.json'] : [])
  })
}

test('--answers never writes over an inventory of somebody else', async (t) => {
  const folder = emptyFolder(t)
  const env = { HOME: emptyFolder(t), PATH: process.env.PATH ?? '' }
  await provision(['init', '--yes'], { cwd: folder, env })
  rmSync(join(folder, 'provision.answers.json'))
  writeFileSync(join(folder, 'inventory/hosts.ts'), '// mine\n')
  const { code, stderr } = await provision(['init', '--yes'], { cwd: folder, env })
  t.is(code, 1)
  t.regex(stderr, /inventory\/hosts\.ts cannot be merged with what is there; nothing was written/)
  t.is(readFileSync(join(folder, 'inventory/hosts.ts'), 'utf8'), '// mine\n')
})

const resolve = async (name: string): Promise<readonly string[]> => {
  const known: Record<string, string[]> = {
    '192.0.2.1': ['192.0.2.1'],
    'good.org': ['192.0.2.1'],
    'else.org': ['192.0.2.9'],
  }
  const found = known[name]
  if (!found) throw new Error('ENOTFOUND')
  return found
}
test('a domain that leads to the load balancer gives no warning', async (t) => {
  t.deepEqual(await checkDomains(['good.org'], ['192.0.2.1'], resolve), [])
})
test('a domain that leads elsewhere or nowhere is told, with the record to add', async (t) => {
  t.deepEqual(await checkDomains(['else.org', 'no.org'], ['192.0.2.1'], resolve), [
    "! else.org leads to 192.0.2.9, expected the load balancer (192.0.2.1). Let's Encrypt cannot prove the name until then.\n  Add a record at your DNS provider: else.org. A 192.0.2.1   (right as it is if that address is forwarded to the load balancer)",
    "! no.org does not resolve. Let's Encrypt cannot prove the name until then.\n  Add a record at your DNS provider: no.org. A 192.0.2.1",
  ])
})
