import test from 'ava'
import { nginx } from '../../roles/nginx.ts'
import { bytesOf, type WafExclusion } from '../../roles/nginx-waf.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const domains = ['www.foobar.com']
const planned = (params: Parameters<typeof nginx>[0]) => planOf(nginx({ domains, ...params }), { groups: ['web'] })
const linesFor = (exclusion: WafExclusion) => {
  const task = planned({ waf: 'block', wafExclusions: [exclusion] }).find(
    (entry) => entry.args.dest === '/etc/nginx/waf.conf',
  )
  const lines = { before: [], after: [], ...(task?.args.vars as object) } // what the role passes to its template
  return { before: lines.before, after: lines.after }
}

test('off, the role installs nothing of it and leaves no file of it', (t) => {
  const tasks = planned({})
  t.false(tasks.some((task) => JSON.stringify(task.args.pkg ?? '').includes('modsecurity')))
  t.true(tasks.some((task) => task.resource === 'file.absent' && task.args.path === '/etc/nginx/waf.conf'))
})

test('an exclusion at a path is decided for each request, one everywhere when the rules are loaded', (t) => {
  t.deepEqual(linesFor({ rule: 942100 }), { before: [], after: ['SecRuleRemoveById 942100'] })
  t.deepEqual(linesFor({ rule: '942100-942199' }).after, ['SecRuleRemoveById 942100-942199'])
  t.deepEqual(linesFor({ rule: 942100, parameter: 'items[0]' }).after, [
    'SecRuleUpdateTargetById 942100 "!ARGS:items[0]"',
  ])
  t.deepEqual(linesFor({ rule: 942100, path: '/notes', cookie: 'session' }).before, [
    'SecRule REQUEST_FILENAME "@streq /notes" "id:10100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=942100;REQUEST_COOKIES:session"',
  ])
  t.deepEqual(linesFor({ rule: 'all', path: '/admin/*' }).before, [
    'SecRule REQUEST_FILENAME "@beginsWith /admin/" "id:10100,phase:1,pass,nolog,t:none,ctl:ruleEngine=Off"',
  ])
})

const wrong: readonly (readonly [unknown, string])[] = [
  [{ rule: 942100, path: '/a" "id:1,phase:1,allow' }, "expected a path such as '/notes', or '/admin/*' for all below"],
  [{ rule: 942100, path: '/a\nSecRuleEngine Off' }, "expected a path such as '/notes', or '/admin/*' for all below"],
  [{ rule: 942100, parameter: 'a"\nSecRuleEngine Off' }, 'expected a name (letters, digits, _ . - [ ])'],
  [{ rule: '942100 ' }, "expected a range of rule ids such as '942100-942199', found '942100 '"],
  [{ rule: 'all' }, "rule 'all' needs a path"],
  [{ rule: '942100-942199', parameter: 'text' }, 'expected the id of one rule'],
  [{ rule: 942100, parameter: 'a', cookie: 'b' }, 'expected one of parameter, cookie and header'],
]
for (const [exclusion, sentence] of wrong)
  test(`refused: ${JSON.stringify(exclusion)}`, (t) => {
    const error = t.throws(() => linesFor(exclusion as WafExclusion))
    t.true(error?.message.includes(sentence), error?.message)
  })

test('the WAF takes bodies as large as nginx does', (t) => {
  t.deepEqual(['10m', '512k', '1G', '4096', '0', '9g'].map(bytesOf), [
    10_485_760,
    524_288,
    2 ** 30,
    4096,
    2 ** 30,
    2 ** 30,
  ])
  t.throws(() => planned({ clientMaxBodySize: '10 MB' }), { message: /expected a size such as '10m'/ })
})
