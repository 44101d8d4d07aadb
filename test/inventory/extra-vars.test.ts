import { join } from 'node:path'
import test from 'ava'
import * as v from 'valibot'
import { role } from '../../src/core/role.ts'
import { parseExtraVars } from '../../src/inventory/extra-vars.ts'
import { failureOf, makeProject } from './project.ts'

const web = role(
  'web',
  {
    params: {
      workers: v.optional(v.union([v.number(), v.literal('auto')]), 'auto'),
      gzip: v.optional(v.boolean()),
      version: v.optional(v.string()),
      sites: v.optional(v.array(v.string())),
    },
  },
  () => [],
)
const loose = role<{ a?: unknown }>('loose', () => [])
const roles = [web.definition, loose.definition]
const folder = makeProject({ 'x.json': '{ "web": { "gzip": false } }', 'bad.json': '{ "web"', 'list.json': '[]' })

const rows: readonly (readonly [items: readonly string[], expected: object])[] = [
  [['web.workers=8'], { web: { workers: 8 } }],
  [['web.workers=auto'], { web: { workers: 'auto' } }],
  [['web.gzip=true'], { web: { gzip: true } }],
  [['web.version=8'], { web: { version: '8' } }],
  [['web.version=1.10'], { web: { version: '1.10' } }],
  [['web.version=true'], { web: { version: 'true' } }],
  [['web.version="8"'], { web: { version: '8' } }],
  [['web.version=a=b c'], { web: { version: 'a=b c' } }],
  [['web.version='], { web: { version: '' } }],
  [['web.sites=["a","b"]'], { web: { sites: ['a', 'b'] } }],
  [['{"web":{"gzip":true},"loose":{"a":{"b":1}}}'], { web: { gzip: true }, loose: { a: { b: 1 } } }],
  [['web.gzip=true', 'web.workers=2', 'web.gzip=false'], { web: { gzip: false, workers: 2 } }],
  [['web.gzip=true', `@${join(folder, 'x.json')}`], { web: { gzip: false } }],
  [['loose.a=1'], { loose: { a: 1 } }],
  [['loose.a=1.10'], { loose: { a: '1.10' } }],
  [['loose.a=007'], { loose: { a: '007' } }],
  [['loose.a=12345678901234567890'], { loose: { a: '12345678901234567890' } }],
  [['loose.a=text'], { loose: { a: 'text' } }],
  [[], {}],
]
for (const [items, expected] of rows) {
  test(`${items.map((item) => item.replace(`${folder}/`, '')).join(' ') || 'nothing'} gives ${JSON.stringify(expected)}`, (t) => {
    t.deepEqual(parseExtraVars(items, roles), expected as never)
  })
}

const failures: readonly (readonly [item: string, message: string, hint?: string])[] = [
  ['wbe.workers=8', "no role 'wbe' in the playbook", "Did you mean 'web'?"],
  ['mysql.workers=8', "no role 'mysql' in the playbook", 'Known: web, loose.'],
  ['web.worker=8', "role web has no parameter 'worker'", "Did you mean 'workers'?"],
  ['web.constructor=8', "role web has no parameter 'constructor'", 'Parameters: workers, gzip, version, sites.'],
  ['web.port=8', "role web has no parameter 'port'", 'Parameters: workers, gzip, version, sites.'],
  ['web.gzip=yes', "role web: parameter 'gzip': expected true or false, found 'yes'"],
  ['web.gzip=1', "role web: parameter 'gzip': expected true or false, found 1"],
  ['{"web":{"version":8}}', "role web: parameter 'version': expected a text, found 8"],
  ['workers=8', 'expected role.parameter=value, a JSON object or @file.json'],
  ['web.workers', 'expected role.parameter=value, a JSON object or @file.json'],
  ['.x=1', 'expected role.parameter=value, a JSON object or @file.json'],
  ['', 'expected role.parameter=value, a JSON object or @file.json'],
  ['web.tls.min=1', "'web.tls.min' names a part of a parameter", "Give the whole parameter as JSON: web.tls='{ … }'"],
  ['{"web":8}', "'web' is 8, expected an object of the role's parameters"],
  [`@${folder}/none.json`, 'none.json does not exist'],
  [`@${folder}/list.json`, 'list.json is a list, expected an object of roles'],
]
for (const [item, message, hint] of failures) {
  test(`'${item.replace(`${folder}/`, '')}' is refused: ${message}`, async (t) => {
    t.deepEqual(await failureOf(() => parseExtraVars([item], roles), folder), {
      code: 'input',
      message: `--extra-vars '${item.replace(`${folder}/`, '')}': ${message}`,
      ...(hint ? { hint } : {}),
    })
  })
}

test('a file that is no JSON is told by its name', async (t) => {
  const { message } = await failureOf(() => parseExtraVars([`@${folder}/bad.json`], roles), folder)
  t.true(message.startsWith("--extra-vars '@bad.json': bad.json is not valid JSON: "), message)
})

test('variables that are no role of the playbook are taken as they are', async (t) => {
  t.deepEqual(parseExtraVars(['site.port=8', 'site.name=x'], roles, ['site']), { site: { port: 8, name: 'x' } })
  t.is((await failureOf(() => parseExtraVars(['sit.port=8'], roles, ['site']))).hint, "Did you mean 'site'?")
})
