import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { aptRepository } from '../../src/resources/apt-repository.ts'
import { armorKey } from '../../src/resources/pgp-armor.ts'
import { facts, planOne, planTable } from './table.ts'

const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n'
const source = `# Made by provision; changes are lost.
Types: deb
URIs: https://deb.example.org/a
Suites: bookworm
Components: main contrib
Signed-By: /etc/apt/keyrings/demo.asc
`
const paths = { source: '/etc/apt/sources.list.d/demo.sources', key: '/etc/apt/keyrings/demo.asc' }
const present = (path: string, text: string) =>
  `file\t${path}\t644 root:root\t${Buffer.from(text).toString('base64')}\n`
const wish = {
  name: 'demo',
  uris: 'https://deb.example.org/a',
  suites: 'bookworm',
  components: ['main', 'contrib'],
  key,
} as const

planTable([
  {
    title: 'nothing to do when both files are as wished',
    task: aptRepository({ ...wish, components: [...wish.components] }),
    probe: present(paths.source, source) + present(paths.key, key),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'writes the key before the source that names it',
    task: aptRepository({ ...wish, components: [...wish.components] }),
    probe: `absent\t${paths.source}\nabsent\t${paths.key}\n`,
    expect: { changes: ['key absent → present', 'source absent → present'] },
  },
  {
    title: 'removing drops the source, then the key',
    task: aptRepository({ name: 'demo', state: 'absent' }),
    probe: present(paths.source, source) + present(paths.key, key),
    expect: { changes: ['source present → absent', 'key present → absent'] },
    scripts: [`rm -f -- ${paths.source}`, `rm -f -- ${paths.key}`],
  },
  {
    title: 'a repository without a key drops an old one',
    task: aptRepository({ name: 'demo', uris: 'file:/srv', suites: './', signedBy: '/usr/share/keyrings/x.gpg' }),
    probe: `absent\t${paths.source}\n${present(paths.key, key)}`,
    expect: { changes: ['key present → absent', 'source absent → present'] },
  },
  {
    title: 'a directory in the way is refused',
    task: aptRepository({ name: 'demo', state: 'absent' }),
    probe: `other\t${paths.source}\tdirectory\nabsent\t${paths.key}\n`,
    expect: { refused: `${paths.source} is a directory, expected a file` },
  },
])

test('a binary key file is armored, a text one taken as it is', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-'))
  const binary = join(folder, 'key.gpg')
  writeFileSync(binary, Buffer.from([0x99, 1, 2, 3]))
  const contentOf = (path: string) => {
    const plan = planOne(
      aptRepository({ name: 'demo', uris: 'x:/', suites: 's', components: 'main', key: path }),
      `absent\t${paths.source}\nabsent\t${paths.key}\n`,
      { facts, check: false },
    )
    return 'changes' in plan ? plan.changes[0].steps[0]?.input : plan
  }
  t.is(contentOf(binary), armorKey(Buffer.from([0x99, 1, 2, 3])))
  t.is(contentOf(key), key)
  writeFileSync(join(folder, 'no.gpg'), 'hello')
  t.throws(() => contentOf(join(folder, 'no.gpg')), { message: /holds no OpenPGP key/ })
  t.throws(() => contentOf(join(folder, 'nope')), { message: /was not found/ })
})

test('the armor is what gpg prints: 64 columns and a CRC-24', (t) => {
  // The checksum of "123456789" is the check value of CRC-24/OPENPGP, 0x21CF02.
  t.regex(armorKey(Buffer.from('123456789')), /\nMTIzNDU2Nzg5\n=Ic8C\n/)
  const lines = armorKey(new Uint8Array(100)).split('\n')
  t.is(lines[2]?.length, 64)
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => aptRepository({ name: 'demo', uris: 'x:/', suites: 'bookworm' })),
    "apt.repository: option 'components' is missing (only a suite that ends in / has none)",
  )
  t.is(
    message(() => aptRepository({ name: 'demo', uris: 'x:/', suites: './', components: 'main' })),
    "apt.repository: a suite that ends in / takes no 'components'",
  )
  t.regex(message(() => aptRepository({ name: 'a/b', state: 'absent' })) ?? '', /expected a file name/)
})
