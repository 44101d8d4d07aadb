import { execFile } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { generateSecret } from '../../src/secrets/generate.ts'
import { secretsFile } from '../../src/secrets/secrets-file.ts'

const root = mkdtempSync(join(tmpdir(), 'secrets-'))
test.after.always(() => rmSync(root, { recursive: true }))
const newFolder = () => mkdtempSync(join(root, 'one-'))

test('runs at the same time agree on every generated secret', async (t) => {
  const file = join(newFolder(), 'secrets.json')
  const script = `
    import { openSecrets } from ${JSON.stringify(join(import.meta.dirname, '../../src/secrets/open-secrets.ts'))}
    import { secret } from ${JSON.stringify(join(import.meta.dirname, '../../src/core/secret.ts'))}
    const { reveal } = openSecrets({ file: ${JSON.stringify(file)} })
    const names = Array.from({ length: 20 }, (_, index) => 'shared.' + index)
    console.log(JSON.stringify(Object.fromEntries([...names, 'own.' + process.pid].map((name) => [name, reveal(secret(name))]))))
  `
  const run = () => promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
  const outputs = await Promise.all([run(), run(), run(), run()])
  const stored = JSON.parse(readFileSync(file, 'utf8'))
  t.is(Object.keys(stored).length, 24)
  for (const { stdout } of outputs) t.like(stored, JSON.parse(stdout))
  t.deepEqual(readdirSync(join(file, '..')), ['secrets.json'])
})

test('a value that another run kept first wins', (t) => {
  const path = join(newFolder(), 'secrets.json')
  const slow = secretsFile(path)
  t.is(slow.find('a'), undefined)
  t.is(secretsFile(path).keep('a', 'first'), 'first')
  t.is(slow.keep('a', 'second'), 'first')
  t.is(slow.find('a'), 'first')
})

test('a lock left by a killed run is taken over', (t) => {
  const path = join(newFolder(), 'secrets.json')
  writeFileSync(`${path}.lock`, '')
  const past = new Date(Date.now() - 60_000)
  utimesSync(`${path}.lock`, past, past)
  t.is(secretsFile(path).keep('a', 'value'), 'value')
  t.false(existsSync(`${path}.lock`))
})

test('a link to the file stays a link, and other values stay as they are', (t) => {
  const folder = newFolder()
  const real = join(folder, 'real.json')
  const link = join(folder, 'secrets.json')
  writeFileSync(real, '{ "b": "bravo", "a": "alpha" }', { mode: 0o600 })
  symlinkSync(real, link)
  secretsFile(link).keep('c', 'charlie')
  t.true(lstatSync(link).isSymbolicLink())
  t.is(readFileSync(real, 'utf8'), '{\n  "b": "bravo",\n  "a": "alpha",\n  "c": "charlie"\n}\n')
  t.is(statSync(real).mode & 0o777, 0o600)
})

test('generated secrets need no quoting, do not begin like an option and please password policies', (t) => {
  const values = Array.from({ length: 500 }, () => generateSecret())
  for (const value of values) t.regex(value, /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_-]{31}$/)
  t.is(new Set(values).size, 500)
})

test('a draw that does not please is drawn again', (t) => {
  const draws = [
    Buffer.alloc(24, 0xff),
    Buffer.alloc(24, 0),
    Buffer.from('Az09Az09Az09Az09Az09Az09Az09Az09', 'base64url'),
  ]
  t.is(
    generateSecret(() => draws.shift() ?? Buffer.alloc(0)),
    'Az09Az09Az09Az09Az09Az09Az09Az09',
  )
  t.is(draws.length, 0)
})
