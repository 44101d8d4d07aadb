import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { checksOf, renderFloor, renderJudge } from '../../bench/content/checks.ts'
import { files, packages, resourceCount, variables } from '../../bench/content/content.ts'
import { renderFile, renderTemplate, templateName } from '../../bench/content/templates.ts'
import { renderSpec } from '../../bench/content/write.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'
import { renderTemplate as renderOurs } from '../../src/template/render.ts'

test('the content is 50 resources', (t) => {
  t.is(resourceCount, 50)
})

test('every template has 25 lines, and its own name in every syntax', (t) => {
  const names = files.flatMap((file) => [templateName(file, 'j2'), templateName(file, 'ejs')])
  t.is(new Set(names).size, 40)
  for (const file of files) t.is(renderFile(file, 'bench1').split('\n').length, 26)
})

test('a template rendered by hostwright is the text that the judge expects', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-bench-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const secrets = openSecrets({ file: join(folder, 'secrets.json'), env: {} })
  for (const entry of files) {
    const file = join(folder, templateName(entry, 'ejs'))
    writeFileSync(file, renderTemplate(entry, 'ejs'))
    const text = renderOurs({ file, vars: { name: 'bench1', ...variables }, secrets })
    t.is(text, renderFile(entry, 'bench1'))
  }
})

test("a template in Jinja's syntax differs from the text in its variables only", (t) => {
  const [file] = files
  if (!file) return t.fail()
  const values = { name: 'bench1', ...variables }
  const text = renderTemplate(file, 'j2').replace(
    /\{\{ bench_(\w+) \}\}/g,
    (_, name: keyof typeof values) => values[name],
  )
  t.is(text, renderFile(file, 'bench1'))
})

test('the judge only looks; the floor has the same checks and a repair for each', (t) => {
  const judge = renderJudge('bench1')
  const floor = renderFloor('bench1')
  for (const { name, command, repair } of checksOf('bench1')) {
    t.true(judge.includes(command), name)
    t.false(judge.includes(repair), name)
    t.true(floor.includes(command) && floor.includes(repair), name)
  }
  t.true(judge.endsWith('exit $bad\n'))
  t.true(floor.endsWith('echo changed=$n\n'))
})

test('what the judge expects of the packages is sorted as dpkg-query sorts', (t) => {
  const expected = checksOf('bench1')[0]?.expected.split('\n') ?? []
  t.is(expected[0], 'at installed')
  t.is(expected.length, packages.length + 1)
})

test("Ansible's variables are the whole content", (t) => {
  const spec = renderSpec()
  t.is(spec.bench_packages, packages)
  t.deepEqual((spec.bench_templates as { src: string }[])[0]?.src, '00-app0.conf.j2')
})
