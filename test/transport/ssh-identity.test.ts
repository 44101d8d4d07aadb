import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { collectIdentities, type IdentitySettings, KeyRing, Login } from '../../src/transport/ssh-identity.ts'

const home = mkdtempSync(join(tmpdir(), 'hostwright-identity-'))
test.after.always(() => rmSync(home, { recursive: true, force: true }))
mkdirSync(join(home, '.ssh'))
const keygen = (file: string, type: string, passphrase: string) =>
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', join(home, file)])
keygen('.ssh/id_ed25519', 'ed25519', '')
keygen('.ssh/id_ecdsa', 'ecdsa', '')
keygen('locked', 'ed25519', 'open sesame')
writeFileSync(join(home, 'garbage'), 'no key at all\n')

function collect(more: Partial<IdentitySettings>) {
  const { usable, unusable } = collectIdentities({ files: [], filesOnly: false, home, ...more }, new KeyRing())
  return {
    usable: usable.map(({ label }) => label.replace(home, '~')),
    unusable: unusable.map((note) => note.replaceAll(home, '~')),
  }
}
const named = (...names: string[]) => names.map((name) => ({ path: join(home, name), required: false }))

const rows: readonly (readonly [
  title: string,
  settings: Partial<IdentitySettings>,
  usable: string[],
  unusable: (string | RegExp)[],
])[] = [
  [
    'by default the agent, then the usual files',
    { agentSocket: '/s' },
    ['ssh-agent', '~/.ssh/id_ed25519', '~/.ssh/id_ecdsa'],
    [],
  ],
  [
    'a named file stands before the agent, and alone',
    { files: named('.ssh/id_ecdsa'), agentSocket: '/s' },
    ['~/.ssh/id_ecdsa', 'ssh-agent'],
    [],
  ],
  [
    'IdentitiesOnly leaves the agent out',
    { files: named('.ssh/id_ecdsa'), agentSocket: '/s', filesOnly: true },
    ['~/.ssh/id_ecdsa'],
    [],
  ],
  ['the password comes last', { password: 'p' }, ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', 'password'], []],
  ['an encrypted key with its passphrase', { files: named('locked'), passphrase: 'open sesame' }, ['~/locked'], []],
  ['an encrypted key without', { files: named('locked') }, [], ['~/locked (is encrypted and no passphrase was given)']],
  [
    'an encrypted key with a wrong one',
    { files: named('locked'), passphrase: 'x' },
    [],
    ['~/locked (its passphrase is wrong)'],
  ],
  ['a public key', { files: named('locked.pub') }, [], ['~/locked.pub (is a public key)']],
  ['no key at all', { files: named('garbage') }, [], [/^~\/garbage \(is no private key: /]],
  ['a missing file that only ~/.ssh/config names', { files: named('missing') }, [], ['~/missing (does not exist)']],
]
for (const [title, settings, usable, unusable] of rows) {
  test(`identities: ${title}`, (t) => {
    const found = collect(settings)
    t.deepEqual(found.usable, usable)
    t.is(found.unusable.length, unusable.length)
    for (const [index, note] of unusable.entries()) {
      if (typeof note === 'string') t.is(found.unusable[index], note)
      else t.regex(found.unusable[index] ?? '', note)
    }
  })
}

test('a missing file that the inventory names is an error', (t) => {
  t.throws(() => collect({ files: [{ path: '/no/such/key', required: true }] }), {
    message: 'the identity file /no/such/key does not exist',
  })
})

test('a login offers only what the server takes, each thing once, and remembers it', (t) => {
  const identities = collectIdentities(
    { files: [], filesOnly: false, home, agentSocket: '/s', password: 'p' },
    new KeyRing(),
  )
  const login = new Login('admin', identities)
  const first = login.next(null)
  t.like(first, { type: 'agent', username: 'admin', agent: '/s' })
  t.like(login.next(['publickey', 'keyboard-interactive']), { type: 'publickey' })
  t.like(login.next(['keyboard-interactive']), { type: 'keyboard-interactive' })
  t.false(login.next(['keyboard-interactive']))
  t.deepEqual(login.tried, ['ssh-agent', join(home, '.ssh/id_ed25519'), 'keyboard-interactive'])
  t.deepEqual(login.accepted, ['keyboard-interactive'])
})

test('keyboard-interactive answers hidden prompts only', (t) => {
  const identities = collectIdentities({ files: named('garbage'), filesOnly: true, home, password: 'p' }, new KeyRing())
  const offer = new Login('admin', identities).next(['keyboard-interactive'])
  if (offer === false || offer.type !== 'keyboard-interactive') return t.fail('no keyboard-interactive')
  offer.prompt(
    '',
    '',
    '',
    [
      { prompt: 'Password: ', echo: false },
      { prompt: 'Code: ', echo: true },
    ],
    (answers) => {
      t.deepEqual(answers, ['p', ''])
    },
  )
})
