// provision vault at a pipe and at a real terminal (a pty).
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { provision } from './stand-in.ts'

const entry = join(import.meta.dirname, '../../src/cli/main.ts')
const loader = ['--import', import.meta.resolve('tsx'), '--conditions=hostwright-source']

/** A project of its own, with a home of its own. */
function project(t: ExecutionContext, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'provision-vault-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const cwd = join(folder, 'site')
  mkdirSync(cwd)
  const own = { PATH: process.env.PATH ?? '', HOME: folder, TERM: 'dumb', EDITOR: 'false', ...env }
  const vault = async (args: readonly string[], input = '', more: Record<string, string> = {}) => {
    const run = await provision(['vault', ...args], { cwd, input, env: { ...own, ...more } })
    return { ...run, stderr: run.stderr.replaceAll(`${cwd}/`, '').replaceAll(folder, '~') }
  }
  return { folder, cwd, env: own, vault, key: join(folder, '.config/provision/key') }
}

/** Runs a command on a pseudo-terminal; answers what it shows: when `wait` appears, `type` is typed. */
async function onTerminal(
  { cwd, env }: { cwd: string; env: Record<string, string> },
  args: readonly string[],
  dialogue: readonly { wait: string; type: string }[],
): Promise<{ code: number | null; screen: string }> {
  const words = [process.execPath, ...loader, entry, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  const child = spawn('script', ['--quiet', '--return', '--echo', 'never', '--command', words.join(' '), '/dev/null'], {
    cwd,
    env: { ...env, SHELL: '/bin/sh' },
  })
  let screen = ''
  let seen = 0
  const left = [...dialogue]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    const next = left[0]
    const at = next ? screen.indexOf(next.wait, seen) : -1
    if (!next || at < 0) return
    seen = at + next.wait.length
    left.shift()
    child.stdin.write(next.type)
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, screen }
}

/** What edit left behind in memory or in the temporary folder. */
const remains = () =>
  ['/dev/shm', tmpdir()]
    .flatMap((at) => (existsSync(at) ? readdirSync(at) : []))
    .filter((name) => /^provision-.{6}$/.test(name))

test('a vault is made, filled, read and changed; the key stays outside and closed', async (t) => {
  const { cwd, vault, key } = project(t)
  const init = await vault(['init'])
  t.is(init.code, 0, init.stderr)
  t.is(
    init.stderr,
    'Made the key ~/.config/provision/key. Back it up: without it the secrets are lost. Never commit it.\nMade secrets.age: commit it.\n',
  )
  t.is(statSync(key).mode & 0o777, 0o600)
  t.deepEqual(readdirSync(cwd), ['secrets.age'])
  t.is((await vault(['set', 'db.root'], 'hunter2 with spaces\n')).stderr, 'secrets.age: db.root added\n')
  t.is((await vault(['get', 'db.root'])).stdout, 'hunter2 with spaces\n')
  t.is((await vault(['set', 'tls.key'], 'one\ntwo\n')).code, 0)
  t.is((await vault(['view', '--names'])).stdout, 'db.root\ntls.key\n')
  t.regex(
    (await vault(['view'])).stdout,
    /^@recipient age1\S+\ndb\.root = hunter2 with spaces\ntls\.key = "one\\ntwo"\n$/,
  )
  t.is((await vault(['get', 'db.rot'])).stderr, "✗ secrets.age has no secret 'db.rot'\n\n  Did you mean 'db.root'?\n")
})

test('a value is never taken from an argument', async (t) => {
  const { vault } = project(t)
  await vault(['init'])
  const set = await vault(['set', 'db.root', 'hunter2'])
  t.is(set.code, 1)
  t.regex(set.stderr, /too many arguments for 'set'/)
})

test('rotate gives generated secrets a new value, refuses others, and shows none', async (t) => {
  const { cwd, vault } = project(t)
  const old = `Abc${'x9'.repeat(14)}z`
  mkdirSync(join(cwd, '.provision'))
  writeFileSync(join(cwd, '.provision/secrets.json'), JSON.stringify({ 'db.app': old, token: 'by hand' }), {
    mode: 0o600,
  })
  t.regex((await vault(['init', '--import', '.provision/secrets.json'])).stderr, /Made secrets\.age with 2 secrets/)
  const refused = await vault(['rotate', 'db.app', 'token'])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /secret 'token' does not look generated/)
  t.is((await vault(['get', 'db.app'])).stdout, `${old}\n`, 'all or nothing')
  const rotated = await vault(['rotate', 'db.app'])
  t.is(rotated.code, 0)
  const value = (await vault(['get', 'db.app'])).stdout.trim()
  t.not(value, old)
  t.false((rotated.stdout + rotated.stderr).includes(value))
  t.regex(rotated.stderr, /db\.app rotated.*run the playbooks/)
})

test('one who is added can read; one who is removed cannot any more', async (t) => {
  const ann = project(t)
  const ben = project(t)
  await ann.vault(['init'])
  await ann.vault(['set', 'db.root'], 'a value')
  const recipient = (await ben.vault(['key'])).stdout.trim()
  t.is((await ann.vault(['recipients', 'add', recipient, 'Ben', "B's", 'laptop'])).code, 0)
  const file = join(ann.cwd, 'secrets.age')
  t.is((await ben.vault(['get', 'db.root', '--vault', file])).stdout, 'a value\n')
  t.true((await ann.vault(['recipients', 'list'])).stdout.includes(`${recipient} Ben B's laptop\n`))
  t.is((await ann.vault(['recipients', 'remove', "Ben B's laptop"])).code, 0)
  const locked = await ben.vault(['get', 'db.root', '--vault', file])
  t.is(locked.code, 1)
  t.regex(locked.stderr, /the key does not open .*secrets\.age: it is not encrypted to it/)
})

test('the key comes from the command line, the environment, a named file, the usual file; without one all is said', async (t) => {
  const { folder, vault, key } = project(t)
  await vault(['init'])
  await vault(['set', 'db.root'], 'a value')
  const text = readFileSync(key, 'utf8')
  const other = join(folder, 'other')
  writeFileSync(other, text, { mode: 0o600 })
  rmSync(key)
  t.is((await vault(['get', 'db.root', '--vault-key-file', other])).stdout, 'a value\n')
  t.is((await vault(['get', 'db.root'], '', { PROVISION_VAULT_KEY: text })).stdout, 'a value\n')
  t.is((await vault(['get', 'db.root'], '', { PROVISION_VAULT_KEY_FILE: other })).stdout, 'a value\n')
  const none = await vault(['get', 'db.root'])
  t.is(none.code, 1)
  t.is(
    none.stderr,
    '✗ secrets.age is needed, and there is no key to open it\n\n' +
      '  Put the key into ~/.config/provision/key (mode 0600), or name it: PROVISION_VAULT_KEY_FILE, --vault-key-file FILE, or its text in PROVISION_VAULT_KEY.\n',
  )
  chmodSync(other, 0o644)
  const open = await vault(['get', 'db.root', '--vault-key-file', other])
  t.is(open.code, 1)
  t.regex(open.stderr, /key file ~\/other is open to other users \(mode 0644\), expected 0600/)
})

test('a key is not made where git would take it', async (t) => {
  const { cwd, vault } = project(t)
  execFileSync('git', ['-C', cwd, 'init', '-q'])
  const refused = await vault(['init', '--vault-key-file', join(cwd, 'key')])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /the key file key would be in git/)
  t.deepEqual(readdirSync(cwd), ['.git'])
  writeFileSync(join(cwd, '.gitignore'), '/key\n')
  t.is((await vault(['init', '--vault-key-file', join(cwd, 'key')])).code, 0)
})

test('git merges two branches secret by secret, and stops where both changed the same one', async (t) => {
  const { cwd, vault, env } = project(t)
  const git = (...args: string[]) => spawnSync('git', ['-C', cwd, ...args], { env, encoding: 'utf8' })
  git('init', '-q', '-b', 'main')
  for (const [name, value] of [
    ['user.name', 'Ann'],
    ['user.email', 'ann@example.org'],
    ['merge.provision-vault.driver', `${[process.execPath, ...loader, entry].join(' ')} vault merge %O %A %B`],
  ] as const)
    git('config', name, value)
  writeFileSync(join(cwd, '.gitattributes'), 'secrets.age merge=provision-vault\n')
  await vault(['init'])
  const commit = async (name: string, value: string) => {
    await vault(['set', name], value)
    git('add', '-A')
    git('commit', '-qm', name)
  }
  await commit('common', 'the same')
  git('checkout', '-qb', 'other')
  await commit('theirs', 'on the branch')
  git('checkout', '-q', 'main')
  await commit('ours', 'on main')
  const merged = git('merge', '-q', '-m', 'merge', 'other')
  t.is(merged.status, 0, merged.stdout + merged.stderr)
  t.regex((await vault(['view'])).stdout, /common = the same\nours = on main\ntheirs = on the branch\n$/)
  git('checkout', '-q', 'other')
  await commit('common', 'changed there')
  git('checkout', '-q', 'main')
  await commit('common', 'changed here')
  const conflict = git('merge', '-m', 'merge', 'other')
  t.is(conflict.status, 1)
  t.regex(conflict.stderr, /both sides changed common/)
  t.is((await vault(['get', 'common'])).stdout, 'changed here\n')
})

// one after the other: each looks at the folder that both use
test.serial('edit saves what the editor leaves, and leaves nothing of its own behind', async (t) => {
  const { cwd, vault } = project(t, { EDITOR: 'sed -i s/one/two/' })
  const before = remains()
  await vault(['init'])
  await vault(['set', 'name'], 'one value')
  t.is((await vault(['edit'])).stderr, 'secrets.age: saved\n')
  t.is((await vault(['get', 'name'])).stdout, 'two value\n')
  t.is((await vault(['edit'])).stderr, 'secrets.age: nothing changed\n')
  t.regex(
    (await vault(['edit'], '', { EDITOR: 'false' })).stderr,
    /the editor 'false' ended with exit code 1; nothing was saved/,
  )
  await vault(['edit'], '', { EDITOR: `stat -c %a "$1" "$(dirname "$1")" > ${cwd}/modes; false` })
  t.is(readFileSync(join(cwd, 'modes'), 'utf8'), '600\n700\n')
  t.deepEqual(
    remains().filter((name) => !before.includes(name)),
    [],
  )
})

test.serial('edit: a slip is shown and edited again with nothing lost; Ctrl-C leaves nothing behind', async (t) => {
  const site = project(t, { EDITOR: 'sh edit.sh' })
  await site.vault(['init'])
  await site.vault(['set', 'name'], 'one value')
  const before = remains()
  // first a line without =, then the same text mended
  writeFileSync(
    join(site.cwd, 'edit.sh'),
    'if grep -q "^new " "$1"; then sed -i "s/^new /new = /" "$1"; else echo "new value" >> "$1"; fi\n',
  )
  const mended = await onTerminal(site, ['vault', 'edit'], [{ wait: 'Edit again? [Y/n]', type: '\r' }])
  t.is(mended.code, 0, mended.screen)
  t.regex(mended.screen, /the edited text, line 3: expected NAME = VALUE, found no =/)
  t.is((await site.vault(['get', 'new'])).stdout, 'value\n')
  writeFileSync(join(site.cwd, 'edit.sh'), 'echo broken >> "$1"\n')
  const stopped = await onTerminal(site, ['vault', 'edit'], [{ wait: 'Edit again? [Y/n]', type: '\x03' }])
  t.is(stopped.code, 130, stopped.screen)
  t.deepEqual(
    remains().filter((name) => !before.includes(name)),
    [],
  )
})

test('a terminal is asked for the passphrase, once for a run, and never shows it', async (t) => {
  const site = project(t)
  const typed = 'a long enough one'
  const init = await onTerminal(
    site,
    ['vault', 'init', '--passphrase'],
    [
      { wait: 'New passphrase: ', type: `${typed}\r` },
      { wait: 'The same again: ', type: `${typed}\r` },
    ],
  )
  t.is(init.code, 0, init.screen)
  const set = await onTerminal(
    site,
    ['vault', 'set', 'db.app'],
    [
      { wait: 'Passphrase of secrets.age: ', type: `${typed}\r` },
      { wait: 'Value of db.app: ', type: 'the value\r' },
    ],
  )
  t.is(set.code, 0, set.screen)
  writeFileSync(join(site.cwd, 'package.json'), '{"type":"module"}\n')
  writeFileSync(
    join(site.cwd, 'hosts.ts'),
    `import { defineInventory } from 'hostwright'\nexport default defineInventory({ hosts: { here: { connection: 'local' } } })\n`,
  )
  const target = join(site.folder, 'out')
  writeFileSync(
    join(site.cwd, 'play.ts'),
    `import { definePlaybook, file, play, secret } from 'hostwright'
     export default definePlaybook([play({ name: 'p', hosts: 'all', tasks: [
       file.file({ dest: '${target}', mode: '0600', content: secret('db.app') }),
       file.file({ dest: '${target}2', mode: '0600', content: secret('db.other') }),
     ] })])\n`,
  )
  const args = ['play.ts', '-i', 'hosts.ts']
  const list = await onTerminal(site, [...args, '--list-tasks'], [])
  t.is(list.code, 0, list.screen)
  t.false(list.screen.includes('Passphrase'))
  const run = await onTerminal(
    site,
    [...args, '--output', 'plain'],
    [{ wait: 'Passphrase of secrets.age: ', type: `${typed}\r` }],
  )
  t.is(run.code, 0, run.screen)
  t.is(readFileSync(target, 'utf8'), 'the value')
  for (const { screen } of [init, set, list, run]) t.false(screen.includes(typed) || screen.includes('the value'))
  t.is(run.screen.split('Passphrase of').length, 2, 'asked once')
  t.is(
    (await site.vault(['get', 'db.other'], '', { PROVISION_VAULT_PASSPHRASE: typed })).stdout,
    `${readFileSync(`${target}2`, 'utf8')}\n`,
    'what was missing was generated into the vault',
  )
  t.false(existsSync(join(site.cwd, '.provision/secrets.json')))
  const stopped = await onTerminal(site, args, [{ wait: 'Passphrase of secrets.age: ', type: '\x03' }])
  t.is(stopped.code, 130, stopped.screen)
  const wrong = await onTerminal(site, args, [{ wait: 'Passphrase of secrets.age: ', type: 'something else\r' }])
  t.is(wrong.code, 1)
  t.regex(wrong.screen, /the passphrase does not open secrets\.age/)
  const nobody = spawnSync(process.execPath, [...loader, entry, ...args], {
    cwd: site.cwd,
    env: site.env,
    encoding: 'utf8',
  })
  t.is(nobody.status, 1)
  t.regex(nobody.stderr, /secrets\.age is needed, and there is no passphrase to open it/)
})
