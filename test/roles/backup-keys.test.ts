import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { identityOf, publicKeyOf, repositoryPassword } from '../../roles/backup-keys.ts'
import { assembleSecret, type Secret, secret } from '../../src/core/secret.ts'

const key = secret('backup.key')
const reveal = (value: Secret, stored = 'a secret of some length') => assembleSecret(value, () => stored)

test('OpenSSH reads the private key, and its public key is the one that the store gets', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-backup-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'identity')
  writeFileSync(file, reveal(identityOf(key, 'db1')), { mode: 0o600 })
  const said = execFileSync('ssh-keygen', ['-y', '-P', '', '-f', file], { encoding: 'utf8' })
  t.is(said.trim(), reveal(publicKeyOf(key, 'db1')))
})

test('keys and passwords follow from the secret and the name, and differ by both', (t) => {
  const keys = ['db1', 'db2'].map((host) => reveal(publicKeyOf(key, host)))
  t.is(new Set([...keys, reveal(publicKeyOf(key, 'db1'), 'another secret, as long')]).size, 3)
  t.is(reveal(publicKeyOf(key, 'db1')), keys[0] ?? '')
  const passwords = ['databases', 'files-db1'].map((name) => reveal(repositoryPassword(key, name)))
  t.regex(passwords[0] ?? '', /^[0-9a-f]{64}$/)
  t.not(passwords[0], passwords[1])
})

test('a key can be given as text; a short one is refused', (t) => {
  t.is(reveal(repositoryPassword('a secret of some length', 'x')), reveal(repositoryPassword(key, 'x')))
  t.throws(() => reveal(repositoryPassword('short', 'x')), { message: /needs at least 16 characters, found 5/ })
})
