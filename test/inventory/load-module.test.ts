import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { isProvisionError } from '../../src/core/error.ts'
import { defineInventory, isInventoryDefinition } from '../../src/core/inventory.ts'
import { bundleModule } from '../../src/inventory/bundle.ts'
import { loadModule } from '../../src/inventory/load-module.ts'
import { moduleCache } from '../../src/inventory/module-cache.ts'
import { failureOf, makeProject, writeFiles } from './project.ts'

const load = (folder: string, file = 'hosts.ts') => loadModule(join(folder, file), { kind: 'inventory' })
const bundles = (folder: string) =>
  readdirSync(join(folder, '.provision/cache')).filter((name) => name.endsWith('.mjs'))

test('a TypeScript module with local imports is loaded', async (t) => {
  const folder = makeProject({
    'inventory/hosts.ts': `import { address } from '../lib/address.ts'\nimport more from '../lib/more.json'\nexport const list: readonly string[] = [address, more.x]\n`,
    'lib/address.ts': `export const address: string = '192.0.2.1'\n`,
    'lib/more.json': '{ "x": "y" }',
  })
  const module = await load(folder, 'inventory/hosts.ts')
  t.deepEqual(module.exports.list, ['192.0.2.1', 'y'])
  t.is(module.name, 'inventory/hosts.ts')
  t.deepEqual(
    [...module.inputs].sort(),
    ['inventory/hosts.ts', 'lib/address.ts', 'lib/more.json'].map((name) => join(folder, name)),
  )
})

test('the package is the running copy, though the project has none', async (t) => {
  const folder = makeProject({ 'hosts.ts': `import { defineInventory } from 'hostwright'\nexport { defineInventory }` })
  t.is((await load(folder)).exports.defineInventory, defineInventory)
})

test('another place for the package can be given', async (t) => {
  const folder = makeProject({
    'hosts.ts': `import { x } from 'hostwright'\nimport { y } from 'hostwright/testing'\nexport const both = x + y`,
    'package.js': 'export const x = 1',
    'testing.js': 'export const y = 2',
  })
  const entry = (name: string) => pathToFileURL(join(folder, name === 'hostwright' ? 'package.js' : 'testing.js')).href
  const module = await loadModule(join(folder, 'hosts.ts'), { kind: 'inventory', packageEntry: entry })
  t.is(module.exports.both, 3)
})

test('import.meta means the original file, in the entry and in what it imports', async (t) => {
  const folder = makeProject({
    'a b/hosts.ts': `export { meta as inner } from '../lib/x.ts'\nconst { url, filename, dirname } = import.meta\nexport const outer = { url, filename, dirname, resolved: import.meta.resolve('../lib/x.ts') }`,
    'lib/x.ts':
      'export const meta = { url: import.meta.url, filename: import.meta.filename, dirname: import.meta.dirname }',
  })
  const { exports } = await load(folder, 'a b/hosts.ts')
  const file = join(folder, 'a b/hosts.ts')
  t.deepEqual(exports.outer, {
    url: pathToFileURL(file).href,
    filename: file,
    dirname: join(folder, 'a b'),
    resolved: pathToFileURL(join(folder, 'lib/x.ts')).href,
  })
  t.like(exports.inner, { filename: join(folder, 'lib/x.ts'), dirname: join(folder, 'lib') })
})

test('packages are taken from where the importing file finds them, once in the process', async (t) => {
  const folder = makeProject({
    'hosts.ts': `import { id } from 'dep'\nimport { id as nested } from './sub/x.ts'\nimport { readFileSync } from 'fs'\nimport common from 'common'\nexport const all = [id, nested, common.c, typeof readFileSync]`,
    'sub/x.ts': `export { id } from 'dep'`,
    'node_modules/dep/package.json':
      '{ "name": "dep", "type": "module", "exports": { "import": "./i.js", "require": "./r.cjs" } }',
    'node_modules/dep/i.js': `export const id = { from: 'outer' }`,
    'sub/node_modules/dep/package.json': '{ "name": "dep", "type": "module", "main": "i.js" }',
    'sub/node_modules/dep/i.js': `export const id = { from: 'inner' }`,
    'node_modules/common/package.json': '{ "name": "common" }',
    'node_modules/common/index.js': 'exports.c = 7',
  })
  const { exports, inputs } = await load(folder)
  t.deepEqual(exports.all, [{ from: 'outer' }, { from: 'inner' }, 7, 'function'])
  t.is(inputs.length, 2)
  const direct = await import(pathToFileURL(join(folder, 'node_modules/dep/i.js')).href)
  t.is((exports.all as unknown[])[0], direct.id)
})

test('locations of tasks and definitions are those of the TypeScript source', async (t) => {
  const folder = makeProject({
    'hosts.ts': `import { make } from './lib/make.ts'\n\n  export default make()\n`,
    'lib/make.ts': `import { defineInventory } from 'hostwright'\n// é\nexport function make() {\n  /* é */ return defineInventory({ hosts: {} })\n}\n`,
  })
  const definition = (await load(folder)).exports.default
  t.true(isInventoryDefinition(definition))
  t.deepEqual(isInventoryDefinition(definition) && definition.where.get(), {
    file: join(folder, 'lib/make.ts'),
    line: 4,
    column: 18,
  })
})

test('stacks show the lines of the TypeScript source', async (t) => {
  const folder = makeProject({
    'hosts.ts': `interface Gone {}\nexport function fail(): Gone {\n  throw new Error('x')\n}\n`,
  })
  const { exports } = await load(folder)
  const error = t.throws(exports.fail as () => void)
  t.true(error.stack?.includes(`${folder}/hosts.ts:3:9`), error.stack)
})

test('an unchanged module is not bundled again, a changed one is', async (t) => {
  const folder = makeProject({ 'hosts.ts': `export { x } from './lib.ts'`, 'lib.ts': 'export const x = 1' })
  t.is((await load(folder)).exports.x, 1)
  const [bundle = ''] = bundles(folder)
  const kept = join(folder, '.provision/cache', bundle)
  writeFileSync(kept, 'export const x = "from the cache"')
  t.is((await load(folder)).exports.x, 'from the cache')
  writeFiles(folder, { 'lib.ts': 'export const x = 22' })
  t.is((await load(folder)).exports.x, 22)
})

test('a change of the same size is seen by its time, and settings count too', async (t) => {
  const folder = makeProject({ 'hosts.ts': 'export const x = 1' })
  const past = new Date(Date.now() - 10_000)
  utimesSync(join(folder, 'hosts.ts'), past, past)
  t.is((await load(folder)).exports.x, 1)
  writeFiles(folder, { 'hosts.ts': 'export const x = 2' })
  t.is((await load(folder)).exports.x, 2)
  writeFiles(folder, {
    'tsconfig.json': '{ "compilerOptions": { "paths": { "y": ["./y.ts"] } } }',
    'y.ts': 'export const x = 3',
  })
  writeFileSync(join(folder, '.provision/cache', bundles(folder)[0] ?? ''), 'export const x = "stale"')
  t.is((await load(folder)).exports.x, 2)
})

test('a file changed after it was read is bundled again', async (t) => {
  const folder = makeProject({ 'hosts.ts': 'export const x = 1' })
  const file = join(folder, 'hosts.ts')
  const packageEntry = () => 'file:///package.js'
  const bundle = await bundleModule({ entry: file, project: folder, code: 'inventory', packageEntry })
  writeFiles(folder, { 'hosts.ts': 'export const x = 22' })
  const cache = moduleCache(folder, file, 'key')
  cache.keep(bundle)
  t.is(cache.find(), undefined)
})

test('a lost or broken cache is made anew', async (t) => {
  const folder = makeProject({ 'hosts.ts': 'export const x = 1' })
  await load(folder)
  const cache = join(folder, '.provision/cache')
  const manifest = readdirSync(cache).find((name) => name.endsWith('.json')) ?? ''
  writeFileSync(join(cache, manifest), '{"key":')
  t.is((await load(folder)).exports.x, 1)
  for (const name of bundles(folder)) writeFileSync(join(cache, name), '')
  const module = await loadModule(join(folder, 'hosts.ts'), {
    kind: 'playbook',
    packageEntry: () => 'file:///other.js',
  })
  t.is(module.exports.x, 1)
})

test('a package that moved since the bundle was made is found again', async (t) => {
  const folder = makeProject({
    'app/package.json': '{}',
    'app/hosts.ts': `export { x } from 'dep'`,
    'app/node_modules/dep/package.json': '{ "type": "module", "main": "i.js" }',
    'app/node_modules/dep/i.js': 'export const x = 1',
  })
  t.is((await load(folder, 'app/hosts.ts')).exports.x, 1)
  writeFiles(folder, {
    'app/node_modules/dep/package.json': '{ "type": "module", "main": "lib/j.js" }',
    'app/node_modules/dep/lib/j.js': 'export const x = 2',
  })
  rmSync(join(folder, 'app/node_modules/dep/i.js'))
  t.is((await load(folder, 'app/hosts.ts')).exports.x, 2)
})

test('each load evaluates anew', async (t) => {
  const folder = makeProject({ 'hosts.ts': 'export const made = {}' })
  t.not((await load(folder)).exports.made, (await load(folder)).exports.made)
})

test('former bundles are removed, but not those of a run that may be starting', async (t) => {
  const folder = makeProject({ 'hosts.ts': 'export const x = 0' })
  await load(folder)
  const [old = ''] = bundles(folder)
  writeFiles(folder, { 'hosts.ts': 'export const x = 11' })
  await load(folder)
  t.true(bundles(folder).includes(old))
  const past = new Date(Date.now() - 120_000)
  utimesSync(join(folder, '.provision/cache', old), past, past)
  writeFiles(folder, { 'hosts.ts': 'export const x = 222' })
  await load(folder)
  t.false(bundles(folder).includes(old))
  t.is(bundles(folder).length, 2)
})

test('the cache lies beside the nearest package.json and keeps itself out of git', async (t) => {
  const folder = makeProject({ 'deep/er/hosts.ts': 'export const x = 1' })
  await load(folder, 'deep/er/hosts.ts')
  t.is(readFileSync(join(folder, '.provision/.gitignore'), 'utf8'), '*\n')
  t.false(existsSync(join(folder, 'deep/er/.provision')))
  t.deepEqual(readdirSync(join(folder, '.provision/cache')).length, 3)
})

test('loads at the same time do not disturb each other', async (t) => {
  const folder = makeProject({ 'hosts.ts': `export { x } from './lib.ts'`, 'lib.ts': 'export const x = 1' })
  const all = await Promise.all(Array.from({ length: 8 }, () => load(folder)))
  t.deepEqual(
    all.map(({ exports }) => exports.x),
    Array(8).fill(1),
  )
  t.deepEqual(
    readdirSync(join(folder, '.provision/cache')).filter((name) => !/\.(mjs|mjs\.map|json)$/.test(name)),
    [],
  )
})

test('a project whose cache cannot be made is loaded without one', async (t) => {
  const folder = makeProject({
    'hosts.ts': 'export const x = 1\nexport const file = import.meta.filename',
    '.provision': 'a file in the way',
  })
  const { exports } = await load(folder)
  t.deepEqual([exports.x, exports.file], [1, join(folder, 'hosts.ts')])
  t.true(statSync(join(folder, '.provision')).isFile())
})

const failures: readonly (readonly [title: string, files: Record<string, string>, expected: object])[] = [
  [
    'a syntax error',
    {
      'hosts.ts': `import { defineInventory } from 'hostwright'\n\nexport default defineInventory({\n  hosts: { wéb1 { address: 'x' } },\n})\n`,
    },
    {
      message: 'syntax error in hosts.ts: Expected "}" but found "{"',
      where: 'hosts.ts:4:17',
      detail: `  3 | export default defineInventory({\n> 4 |   hosts: { wéb1 { address: 'x' } },\n    |                 ^\n  5 | })`,
    },
  ],
  [
    'a syntax error in an imported file',
    { 'hosts.ts': `import './lib/x.ts'`, 'lib/x.ts': 'const x = = 1' },
    {
      message: 'syntax error in lib/x.ts: Unexpected "="',
      where: 'lib/x.ts:1:11',
      detail: '> 1 | const x = = 1\n    |           ^',
    },
  ],
  [
    'an import of a file that does not exist',
    { 'hosts.ts': `import { x } from './lib/nginxx.ts'; x()`, 'lib/nginx.ts': '' },
    {
      message: `hosts.ts imports './lib/nginxx.ts', which does not exist`,
      where: 'hosts.ts:1:19',
      detail: `> 1 | import { x } from './lib/nginxx.ts'; x()\n    |                   ^`,
      hint: `Did you mean './lib/nginx.ts'?`,
    },
  ],
  [
    'an import of a package that is not installed',
    { 'hosts.ts': `import x from '@scope/not-there/sub'\nexport default x` },
    {
      message: `hosts.ts imports '@scope/not-there/sub', which is not installed`,
      where: 'hosts.ts:1:15',
      detail: `> 1 | import x from '@scope/not-there/sub'\n    |               ^\n  2 | export default x`,
      hint: 'npm install @scope/not-there',
    },
  ],
  [
    'an import of a part that the package does not have',
    { 'hosts.ts': `import x from 'hostwright/nope'\nexport default x` },
    {
      message: `hosts.ts imports 'hostwright/nope', which is no part of hostwright`,
      where: 'hosts.ts:1:15',
      detail: `> 1 | import x from 'hostwright/nope'\n    |               ^\n  2 | export default x`,
    },
  ],
  [
    'an import of a name that a local file does not export',
    { 'hosts.ts': `import { ngnix } from './lib.ts'\nexport default ngnix`, 'lib.ts': 'export const nginx = 1' },
    {
      message: `hosts.ts: lib.ts exports no 'ngnix'`,
      where: 'hosts.ts:1:10',
      detail: `> 1 | import { ngnix } from './lib.ts'\n    |          ^\n  2 | export default ngnix`,
      hint: `Did you mean 'nginx'?`,
    },
  ],
  [
    'an import of a name that the package does not export',
    {
      'hosts.ts': `import {\n  definePlaybook,\n  defineInventry,\n} from 'hostwright'\nexport default defineInventry(definePlaybook)`,
    },
    {
      message: `hosts.ts: 'hostwright' exports no 'defineInventry'`,
      where: 'hosts.ts:3:3',
      detail: `  2 |   definePlaybook,\n> 3 |   defineInventry,\n    |   ^\n  4 | } from 'hostwright'`,
      hint: `Did you mean 'defineInventory'?`,
    },
  ],
  [
    'an error thrown by the module',
    {
      'hosts.ts': `import { port } from './lib.ts'\nexport default port({})`,
      'lib.ts': `export function port(host: any) {\n  return host.address.port\n}`,
    },
    {
      message: `lib.ts threw TypeError: Cannot read properties of undefined (reading 'port')`,
      where: 'lib.ts:2:23',
      detail:
        '  1 | export function port(host: any) {\n> 2 |   return host.address.port\n    |                       ^\n  3 | }',
    },
  ],
  [
    'an error thrown in a package, by the line that called it',
    {
      'hosts.ts': `import fail from 'dep'\nexport default fail()`,
      'node_modules/dep/package.json': '{ "type": "module", "main": "i.js" }',
      'node_modules/dep/i.js': `export default () => { throw new RangeError('deep') }`,
    },
    {
      message: 'hosts.ts threw RangeError: deep',
      where: 'hosts.ts:2:16',
      detail: `  1 | import fail from 'dep'\n> 2 | export default fail()\n    |                ^`,
    },
  ],
  ['a thrown text', { 'hosts.ts': `throw 'no network'` }, { message: 'hosts.ts threw no network' }],
  [
    'a rejected top-level await',
    { 'hosts.ts': `const x = await Promise.reject(new Error('no answer'))\nexport default x` },
    {
      message: 'hosts.ts threw Error: no answer',
      where: 'hosts.ts:1:32',
      detail: `> 1 | const x = await Promise.reject(new Error('no answer'))\n    |                                ^\n  2 | export default x`,
    },
  ],
  [
    'an error of our own, as it is',
    { 'hosts.ts': `import { play } from 'hostwright'\nexport default play({ host: 'web' } as never)` },
    { code: 'playbook', message: `play: unknown option 'host'`, where: 'hosts.ts:2:16', hint: `Did you mean 'hosts'?` },
  ],
]
for (const [title, files, expected] of failures) {
  test(`${title} names the user's file and line`, async (t) => {
    const folder = makeProject(files)
    t.deepEqual(await failureOf(() => load(folder), folder), { code: 'inventory', ...expected } as never)
    // the same from the cache, where there is one
    t.deepEqual(await failureOf(() => load(folder), folder), { code: 'inventory', ...expected } as never)
  })
}

test('what is no module is told before anything is loaded', async (t) => {
  const folder = makeProject({ 'inventory/hosts.ts': '', 'hosts.yml': '' })
  const at = (path: string, kind: 'inventory' | 'playbook' = 'inventory') =>
    failureOf(() => loadModule(join(folder, path), { kind }), folder)
  t.deepEqual(await at('inventory/host.ts'), {
    code: 'inventory',
    message: 'inventory inventory/host.ts does not exist',
    hint: 'Did you mean inventory/hosts.ts?',
  })
  t.deepEqual(await at('playbooks/site.ts', 'playbook'), {
    code: 'playbook',
    message: 'playbook playbooks/site.ts does not exist',
  })
  t.deepEqual(await at('inventory'), {
    code: 'inventory',
    message: 'inventory inventory is a folder, expected a TypeScript file',
    hint: 'Did you mean inventory/hosts.ts?',
  })
  t.deepEqual(await at('hosts.yml'), {
    code: 'inventory',
    message: 'inventory hosts.yml is no TypeScript or JavaScript module (.ts, .mts, .js, .mjs)',
  })
})

test('explain turns what the module threw later into an error at its line', async (t) => {
  const folder = makeProject({ 'hosts.ts': `\nexport const later = () => {\n  throw new Error('later')\n}` })
  const module = await load(folder)
  const thrown = t.throws(module.exports.later as () => void)
  const error = await module.explain(thrown)
  t.true(isProvisionError(error))
  t.is(`${basename(error.where?.file ?? '')}:${error.where?.line}`, 'hosts.ts:3')
})
