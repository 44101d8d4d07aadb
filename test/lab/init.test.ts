// What the wizard writes provisions real hosts: an empty folder to a verified site. And on a real terminal, with keys.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { request } from '../../scripts/site-client.ts'
import { useLab } from './harness.ts'
import { onTerminal } from './terminal.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'init', ['lb1:bookworm', 'web1:sid', 'web2:sid'], { acme: true })

const folderOf = (t: ExecutionContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-init-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A user with an empty home and this machine's network settings, at a terminal. */
function terminalEnvironment(home: string): NodeJS.ProcessEnv {
  const { CI: _ci, NO_COLOR: _noColour, SSH_AUTH_SOCK: _agent, ...rest } = process.env
  const userconfig = process.env.NPM_CONFIG_USERCONFIG ?? join(process.env.HOME ?? '/root', '.npmrc')
  return { ...rest, NPM_CONFIG_USERCONFIG: userconfig, HOME: home, TERM: 'xterm', PROVISION_LAB: 't-init' }
}

const enter = '\r'
const down = '\u001b[B'

test.serial(
  'own servers: fingerprint, trust, system, root and disk while it asks; a wrong address is told and mended',
  async (t) => {
    t.timeout(120_000)
    const [folder, home] = [folderOf(t), folderOf(t)]
    const terminal = onTerminal(['init', '.'], folder, terminalEnvironment(home))
    await terminal.sees('Where do the hosts come from?')
    terminal.types(down + enter)
    await terminal.sees('What should the site look like?')
    terminal.types(enter)
    await terminal.sees('an empty line ends')
    const [balancer, first, second] = ['lb1', 'web1', 'web2'].map((name) => lab().address(name))
    // pasted at once, with a slip in the middle
    terminal.types(`lb1 ${balancer}:23\nweb1 ${first}\nweb2 ${second}\n\n`)
    await terminal.sees('User to log in as')
    terminal.types(enter)
    await terminal.sees('Port of ssh')
    terminal.types(enter)
    await terminal.sees('Key to log in with')
    terminal.types(`${down}${enter}`)
    await terminal.sees('Path of the private key')
    terminal.types(`${lab().status.identityFile}${enter}`)
    await terminal.sees('refuses connections on port 23')
    await terminal.sees('What about lb1?')
    terminal.types(`${down}${enter}`)
    await terminal.sees('lb1 is at')
    terminal.types(`\u0015root@${balancer}${enter}`)
    const fingerprints = await lab().must('lb1', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')
    for (const name of ['lb1', 'web1', 'web2']) {
      await terminal.sees(`${name} is not known yet`)
      if (name === 'lb1') await terminal.sees(fingerprints.split(' ')[1] ?? 'no fingerprint')
      await terminal.sees('Trust this key')
      terminal.types(`y${enter}`)
      await terminal.sees(`✔ ${name}: Debian GNU/Linux`)
      await terminal.sees('root works')
    }
    await terminal.sees('Domain names')
    terminal.types(`\u0015no-such-name.invalid.test${enter}`)
    await terminal.sees('no-such-name.invalid.test does not resolve')
    await terminal.sees('How are requests spread')
    terminal.types('\u0003')
    t.is(await terminal.code, 130, terminal.shown().slice(-2000))
    t.deepEqual(readdirSync(folder), [], 'Ctrl-C leaves nothing in the project')
    t.deepEqual(readdirSync(home), [], 'nor elsewhere: no key, no known_hosts')
  },
)

test.serial('--answers asks nothing; the inventory that it writes reaches the hosts', async (t) => {
  t.timeout(120_000)
  const [folder, home] = [folderOf(t), folderOf(t)]
  const hosts = lab().status.hosts.map(({ name, address, user }) => ({
    name,
    address,
    user,
    identityFile: lab().status.identityFile,
  }))
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ where: 'servers', hosts }))
  const run = async (...args: string[]) => {
    const terminal = onTerminal(args, folder, terminalEnvironment(home))
    return { code: await terminal.code, shown: terminal.shown() }
  }
  const made = await run('init', '--answers', 'a.json')
  t.is(made.code, 0, made.shown)
  // who answers by file has no one to ask about host keys: an unknown one is refused
  t.is((await run('ping')).code, 3)
  const file = join(folder, 'inventory/hosts.ts')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('  hosts: {', `  knownHosts: '${lab().status.knownHosts}',\n\n  hosts: {`),
  )
  const ping = await run('ping')
  t.is(ping.code, 0, ping.shown)
  // another answer later: the hand edit stays
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ balance: 'leastconn' }))
  const again = await run('init', '--answers', 'a.json')
  t.is(again.code, 0, again.shown)
  t.regex(readFileSync(file, 'utf8'), /leastconn/)
  t.is((await run('ping')).code, 0)
})

// last: the firewall that it brings would drop what the tests above try
test.serial('Enter at every question, in an empty folder, ends with a verified site', async (t) => {
  t.timeout(600_000)
  const [folder, home] = [folderOf(t), folderOf(t)]
  const terminal = onTerminal(['init'], folder, terminalEnvironment(home))
  for (const question of [
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
    'Bring the lab up now',
  ]) {
    await terminal.sees(question)
    if (question === 'Write this?') t.deepEqual(readdirSync(folder), [], 'nothing is written before it is confirmed')
    terminal.types(enter)
  }
  await terminal.sees('Make these changes now?', 300)
  terminal.types(enter)
  t.is(await terminal.code, 0, terminal.shown().slice(-3000))
  const site = {
    address: lab().address('lb1'),
    domain: 'www.foobar.com',
    ca: readFileSync(lab().status.acme?.root ?? '', 'utf8'),
  }
  t.is((await request(site, 'POST', '/notes', 'by the wizard')).status, 200)
  const { json } = await request(site, 'GET', '/database')
  t.is(json.writes.host, 'web1')
  t.is(json.reads.host, 'web2')
  t.true(readFileSync(join(folder, 'secrets.age'), 'utf8').startsWith('-----BEGIN AGE ENCRYPTED FILE'))
  t.false(existsSync(join(folder, '.provision/secrets.json')), 'every secret came from the vault')
})
