import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { secret, secretText } from '../../src/core/secret.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'

const root = mkdtempSync(join(tmpdir(), 'secrets-'))
test.after.always(() => rmSync(root, { recursive: true }))
const newFolder = () => mkdtempSync(join(root, 'one-'))
const newFile = () => join(newFolder(), '.provision/secrets.json')

function writeSecrets(content: unknown): string {
  const file = join(newFolder(), 'secrets.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
  return file
}

function failureOf(body: () => unknown): { message: string; hint: string | undefined } {
  try {
    body()
  } catch (error) {
    if (isProvisionError(error) && error.code === 'secret') return { message: error.message, hint: error.hint }
    throw error
  }
  throw new Error('nothing was thrown')
}

test('a secret comes from the environment first, then from further sources, then from the file', (t) => {
  const file = writeSecrets({ 'db.replication': 'from-the-file', b: 'from-the-file', c: 'from-the-file' })
  const vault = {
    title: 'a vault',
    find: (name: string) => (name === 'b' || name === 'db.replication' ? 'from-the-vault' : undefined),
    howToSet: () => '',
  }
  const env = { PROVISION_SECRET_DB_REPLICATION: 'from-the-environment' }
  const { reveal } = openSecrets({ file, env, sources: [vault] })
  t.is(reveal(secret('db.replication')), 'from-the-environment')
  t.is(reveal(secret('b')), 'from-the-vault')
  t.is(reveal(secret('c')), 'from-the-file')
})

test('a missing secret is generated once, kept in a 0600 file, and found by the next run', (t) => {
  const file = newFile()
  const first = openSecrets({ file })
  const value = first.reveal(secret('db.app'))
  t.regex(value, /^[A-Za-z0-9][A-Za-z0-9_-]{31}$/)
  t.is(first.reveal(secret('db.app')), value)
  t.is(openSecrets({ file }).reveal(secret('db.app')), value)
  t.not(openSecrets({ file }).reveal(secret('db.other')), value)
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(statSync(join(file, '..')).mode & 0o777, 0o700)
  t.is(readFileSync(join(file, '../.gitignore'), 'utf8'), '*\n')
  t.deepEqual(Object.keys(JSON.parse(readFileSync(file, 'utf8'))), ['db.app', 'db.other'])
})

test('in memory a missing secret is the same all run long and leaves no file', (t) => {
  const file = newFile()
  const { reveal } = openSecrets({ file, generate: 'memory' })
  t.is(reveal(secret('a')), reveal(secret('a')))
  t.false(existsSync(join(file, '..')))
})

test('without generating, a missing secret is an error that says how to set it', (t) => {
  const file = newFile()
  const { reveal } = openSecrets({ file, generate: 'never' })
  t.deepEqual(
    failureOf(() => reveal(secret('db.replication'))),
    {
      message: "secret 'db.replication' is not set",
      hint: `Set PROVISION_SECRET_DB_REPLICATION, or add "db.replication" to ${file}.`,
    },
  )
})

test('texts, mapped secrets and plain strings are revealed', (t) => {
  const { reveal } = openSecrets({ file: newFile(), env: { PROVISION_SECRET_A: 'alpha', PROVISION_SECRET_B: 'bravo' } })
  t.is(reveal(secretText`${secret('a')}:${1}:${secret('b')}`), 'alpha:1:bravo')
  t.is(reveal(secret('a').map((value) => value.toUpperCase())), 'ALPHA')
  t.is(reveal(secretText`[${secretText`x${secret('a')}`.map((value) => `${value}!`)}]`), '[xalpha!]')
  t.is(reveal('plain'), 'plain')
})

test('what was revealed is hidden from then on; what was not is unknown', (t) => {
  const env = { PROVISION_SECRET_A: 'alpha-secret', PROVISION_SECRET_B: 'bravo-secret' }
  const { reveal, redact } = openSecrets({ file: newFile(), env })
  t.is(redact('alpha-secret'), 'alpha-secret')
  reveal(secretText`mysql://app:${secret('a')}@db`)
  t.is(redact('mysql://app:alpha-secret@db bravo-secret'), 'mysql://app:‹secret›@db bravo-secret')
})

test('a form that a function made of a secret is hidden too, but not a text around it', (t) => {
  const { reveal, redact } = openSecrets({ file: newFile(), env: { PROVISION_SECRET_A: 'alpha-secret' } })
  reveal(secret('a').map((value) => value.split('').reverse().join('')))
  reveal(secret('a').map((value) => `password = ${value}`))
  t.is(redact('terces-ahpla password = alpha-secret'), '‹secret› password = ‹secret›')
})

test('a typed password can be hidden; one of less than four characters cannot', (t) => {
  const { hide, redact } = openSecrets({ file: newFile() })
  hide('hunter2')
  hide('abc')
  hide('')
  t.is(redact('hunter2 abc'), '‹secret› abc')
})

test('streams hide what is revealed while they run', (t) => {
  const { reveal, redactStream } = openSecrets({ file: newFile(), env: { PROVISION_SECRET_A: 'alpha-secret' } })
  const stream = redactStream()
  t.is(stream.push('alpha-'), 'alpha-')
  reveal(secret('a'))
  t.is(stream.push('>alpha-se'), '>')
  t.is(stream.push('cret<') + stream.end(), '‹secret›<')
})

for (const [value, count] of [
  ['', 'no characters'],
  ['   ', 'no characters'],
  ['abc', 'only 3 characters'],
] as const) {
  test(`the value '${value}' is refused: it could not be hidden`, (t) => {
    const { reveal } = openSecrets({ file: newFile(), env: { PROVISION_SECRET_PIN: value } })
    t.is(
      failureOf(() => reveal(secret('pin'))).message,
      `secret 'pin' from the environment has ${count}, expected at least 4: a shorter one could not be hidden in output`,
    )
  })
}

for (const name of ['', 'a b', '-a', '../x', '__proto__', undefined as never]) {
  test(`the name ${JSON.stringify(name)} is refused`, (t) => {
    const { reveal } = openSecrets({ file: newFile() })
    t.is(
      failureOf(() => reveal(secret(name))).message,
      `secret(${name === undefined ? 'undefined' : `'${name}'`}): expected a name of letters, digits, and . _ - / such as 'db.replication'`,
    )
  })
}

test('names that every object has are not found in the file', (t) => {
  const file = writeSecrets({ a: 'alpha' })
  t.is(
    failureOf(() => openSecrets({ file, generate: 'never' }).reveal(secret('constructor'))).message,
    "secret 'constructor' is not set",
  )
})

const files: readonly (readonly [title: string, content: unknown, message: string, hint?: string])[] = [
  ['broken JSON', '{ "a": "alpha-secret", ', 'is not valid JSON'],
  [
    'an empty file',
    '',
    'is empty, expected a JSON object',
    'Restore it from a backup, or put {} into it to generate all secrets anew.',
  ],
  ['a list', ['alpha-secret'], 'holds no JSON object, expected { "name": "value" }'],
  ['a number', { a: 12345 }, "holds a number as 'a', expected a text in quotes"],
  [
    'a nested object',
    { db: { app: 'alpha-secret' } },
    "holds an object as 'db', expected a text in quotes",
    'Write its members flat: "db.NAME": "value".',
  ],
  ['null', { a: null }, "holds null as 'a', expected a text in quotes"],
]
for (const [title, content, message, hint] of files) {
  test(`a file with ${title} is refused, left as it is, and not shown`, (t) => {
    const file = writeSecrets(content)
    const before = readFileSync(file, 'utf8')
    const found = failureOf(() => openSecrets({ file }).reveal(secret('x')))
    t.deepEqual(found, { message: `${file} ${message}`, hint })
    t.is(readFileSync(file, 'utf8'), before)
  })
}

test('broken JSON tells the line and keeps the parser message, which quotes the file, to itself', (t) => {
  const file = writeSecrets('{\n  "a": "alpha-secret"\n  "b": "bravo-secret"\n}')
  const error = t.throws(() => openSecrets({ file }).reveal(secret('x')))
  t.true(isProvisionError(error) && error.where?.line === 3)
  t.false(JSON.stringify([error?.message, error?.stack, String(error?.cause)]).includes('bravo'))
})

for (const mode of [0o644, 0o640, 0o602]) {
  test(`a file of mode 0${mode.toString(8)} is refused`, (t) => {
    const file = writeSecrets({ a: 'alpha' })
    chmodSync(file, mode)
    t.deepEqual(
      failureOf(() => openSecrets({ file }).reveal(secret('a'))),
      {
        message: `${file} is open to other users (mode 0${mode.toString(8)}), expected 0600`,
        hint: `chmod 600 ${file}`,
      },
    )
  })
}

test('a folder in place of the file is told', (t) => {
  const file = join(newFolder(), 'secrets.json')
  mkdirSync(file)
  t.is(
    failureOf(() => openSecrets({ file }).reveal(secret('a'))).message,
    `${file} is not a file, expected a JSON file of secrets`,
  )
})
