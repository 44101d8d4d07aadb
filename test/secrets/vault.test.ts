import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { secret } from '../../src/core/secret.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'
import { changeVault, createVault, generateVaultKey, readVault, valuesOf, writeVault } from '../../src/secrets/vault.ts'
import { openVault } from '../../src/secrets/vault-file.ts'
import { vaultSource } from '../../src/secrets/vault-source.ts'
import type { VaultContent } from '../../src/secrets/vault-text.ts'

const root = mkdtempSync(join(tmpdir(), 'vault-'))
test.after.always(() => rmSync(root, { recursive: true }))
const newFile = () => join(mkdtempSync(join(root, 'one-')), 'secrets.age')
const values = { 'db.root': 'correct horse', 'a.b': ' "odd"\n= # value\t' }

/** A vault with one recipient. */
async function makeVault(more: Record<string, string> = {}) {
  const file = newFile()
  const { identity, recipient } = await generateVaultKey()
  await createVault({ file, recipients: [`${recipient} Ann's laptop`], values: { ...values, ...more } })
  return { file, key: identity, recipient }
}

test('what is put in comes out, and the file tells neither names nor values', async (t) => {
  const { file, key, recipient } = await makeVault()
  t.deepEqual(await readVault({ file, key }), values)
  const sealed = readFileSync(file, 'utf8')
  t.regex(sealed, /^-----BEGIN AGE ENCRYPTED FILE-----\n/)
  const bytes = Buffer.from(sealed.split('\n').slice(1, -2).join(''), 'base64').toString('latin1')
  for (const hidden of ['db.root', 'correct', recipient]) t.false(bytes.includes(hidden))
  t.deepEqual(openVault(file, () => key).content.recipients, [{ recipient, label: "Ann's laptop" }])
})

test('a vault is never written over', async (t) => {
  const { file, key, recipient } = await good
  const error = await t.throwsAsync(createVault({ file, recipients: [recipient], values: {} }))
  t.is(error?.message, `${file} is there already; a vault is never written over`)
  t.deepEqual(await readVault({ file, key }), values)
})

test('a passphrase opens what it locked; another does not; it takes no recipients', async (t) => {
  const file = newFile()
  const key = 'a long enough one'
  await createVault({ file, passphrase: key, values })
  const error = await t.throwsAsync(readVault({ file, key: 'another long one' }))
  t.is(error?.message, `the passphrase does not open ${file}`)
  await writeVault({ file, key, values: { c: 'more' } })
  const opened = openVault(file, () => key)
  t.deepEqual(valuesOf(opened.content), { ...values, c: 'more' })
  const add = (content: VaultContent) => ({ ...content, recipients: [{ recipient: 'age1x', label: '' }] })
  t.throws(() => changeVault(file, () => key, add, opened), {
    message: `${file} is locked with a passphrase and so has no recipients`,
  })
})

test('a key that is not a recipient is refused, with what to do', async (t) => {
  const { file } = await good
  const other = await generateVaultKey()
  const error = await t.throwsAsync<Error & { hint: string }>(readVault({ file, key: other.identity }))
  t.is(error?.message, `the key does not open ${file}: it is not encrypted to it`)
  t.regex(error?.hint ?? '', /provision vault recipients add/)
})

const cases: readonly (readonly [string, (sealed: string) => string, RegExp])[] = [
  ['cut in the middle', (sealed) => sealed.slice(0, sealed.length / 2), /was cut short or changed/],
  ['without its last line', (sealed) => sealed.split('\n').slice(0, -2).join('\n'), /was cut short or changed/],
  [
    'without a line of its body',
    (sealed) => sealed.split('\n').toSpliced(-4, 1).join('\n'),
    /was cut short or changed/,
  ],
  ['emptied', () => '', /secrets\.age is empty/],
  ['of another kind', () => '{"db.root": "x"}\n', /was cut short or changed/],
  ['half merged', (sealed) => `<<<<<<< HEAD\n${sealed}=======\n${sealed}>>>>>>> other\n`, /holds the marks of a merge/],
]
const good = makeVault()
for (const [what, spoil, expected] of cases) {
  test(`a file ${what} is a clear error that names it`, async (t) => {
    const { file: whole, key } = await good
    const file = newFile()
    writeFileSync(file, spoil(readFileSync(whole, 'utf8')))
    const error = await t.throwsAsync<Error & { code: string; hint: string }>(readVault({ file, key }))
    t.regex(error?.message ?? '', expected)
    t.true(error?.message.includes(file))
    t.is(error?.code, 'secret')
    t.truthy(error?.hint)
  })
}

test('a changed byte is found wherever it is: in the header, its end, the values', async (t) => {
  const { file: whole, key } = await good
  const file = newFile()
  const lines = readFileSync(whole, 'utf8').split('\n')
  for (const index of [1, 2, 3, 4, lines.length - 3]) {
    const line = lines[index] ?? ''
    const changed = `${line.slice(0, 20)}${line[20] === 'A' ? 'B' : 'A'}${line.slice(21)}`
    writeFileSync(file, lines.with(index, changed).join('\n'))
    const error = await t.throwsAsync<Error & { code: string }>(readVault({ file, key }), undefined, `line ${index}`)
    t.is(error?.code, 'secret')
  }
})

test('a missing recipient, or recipients and a passphrase, or a short passphrase make no vault', async (t) => {
  const file = newFile()
  const { recipient } = await generateVaultKey()
  const messages = await Promise.all(
    [
      { file, values: {} },
      { file, recipients: [recipient], passphrase: 'a long enough one', values: {} },
      { file, passphrase: 'short', values: {} },
      { file, recipients: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ann'], values: {} },
      { file, recipients: [`${recipient.slice(0, -1)}x`], values: {} },
      { file, recipients: [recipient], values: { 'bad name': 'x' } },
      { file, recipients: [recipient], values: { empty: ' ' } },
    ].map(async (vault) => (await t.throwsAsync(createVault(vault)))?.message.replace(file, 'FILE')),
  )
  t.deepEqual(
    messages.map((message) => message?.split(':')[0]),
    [
      'FILE',
      'FILE',
      'the passphrase has 5 characters, expected at least 12',
      "recipient 'ssh-ed25519' is an SSH key",
      `recipient '${recipient.slice(0, -1)}x' is no public key of age`,
      "secret 'bad name'",
      "secret 'empty' has no characters, expected at least 4",
    ],
  )
  t.deepEqual(readdirSync(join(file, '..')), [])
})

test('processes that write at once lose no secret', async (t) => {
  const { file, key } = await makeVault()
  const vault = JSON.stringify(join(import.meta.dirname, '../../src/secrets/vault.ts'))
  const write = (name: string) =>
    promisify(execFile)(
      process.execPath,
      [
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        `const { writeVault } = await import(${vault})
         for (const name of ['${name}1', '${name}2'])
           await writeVault({ file: process.env.FILE, key: process.env.KEY, values: { [name]: 'value of ' + name } })`,
      ],
      { env: { ...process.env, FILE: file, KEY: key } },
    )
  await Promise.all(['a', 'b', 'c'].map(write))
  const names = ['a', 'b', 'c'].flatMap((name) => [1, 2].map((number) => `${name}${number}`))
  t.like(await readVault({ file, key }), Object.fromEntries(names.map((name) => [name, `value of ${name}`])))
  t.deepEqual(readdirSync(join(file, '..')), ['secrets.age'])
})

test('nobody takes the own key out of a vault', async (t) => {
  const { file, key } = await good
  const recipients = [{ recipient: (await generateVaultKey()).recipient, label: '' }]
  const error = t.throws(() =>
    changeVault(
      file,
      () => key,
      (content) => ({ ...content, recipients }),
    ),
  )
  t.regex(error?.message ?? '', /your own key \(age1\S+\) would not be among its recipients/)
})

test('a vault is a source of secrets: asked after the environment, before the file, and given what is generated', async (t) => {
  const { file, key } = await makeVault()
  const json = `${file}.json`
  writeFileSync(json, '{"db.root":"of the file","old":"of the file"}', { mode: 0o600 })
  let asked = 0
  const keyOf = () => {
    asked++
    return key
  }
  const env = { PROVISION_SECRET_A_B: 'of the environment' }
  const store = openSecrets({ file: json, env, vault: vaultSource(file, keyOf) })
  t.is(store.reveal(secret('a.b')), 'of the environment')
  t.is(asked, 0, 'the vault was not needed')
  t.is(store.reveal(secret('db.root')), 'correct horse')
  t.is(store.reveal(secret('old')), 'of the file')
  await writeVault({ file, key, values: { meanwhile: 'by another' } })
  const made = store.reveal(secret('new'))
  t.deepEqual(await readVault({ file, key }), { ...values, meanwhile: 'by another', new: made })
  t.is(store.reveal(secret('meanwhile')), 'by another')
  t.is(openSecrets({ file: json, generate: 'memory', vault: vaultSource(file, keyOf) }).reveal(secret('x')).length, 32)
  t.false('x' in (await readVault({ file, key })))
})
