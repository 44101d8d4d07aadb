import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { resolveTemplate } from '../../src/template/resolve.ts'

const root = mkdtempSync(join(tmpdir(), 'resolve-'))
test.after.always(() => rmSync(root, { recursive: true }))
for (const file of [
  'outside/templates/far.ejs',
  'outside/project/package.json',
  'outside/project/templates/nginx/nginx.conf.ejs',
  'outside/project/templates/both.ejs',
  'outside/project/roles/both.ejs',
  'outside/project/roles/templates/own.ejs',
  'outside/project/roles/templates/folder/x',
]) {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), '')
}
const project = join(root, 'outside/project')
const role = join(project, 'roles/nginx.ts')

const found: readonly (readonly [title: string, src: string, expected: string])[] = [
  ['in templates/ of a folder above', 'nginx/nginx.conf.ejs', join(project, 'templates/nginx/nginx.conf.ejs')],
  ['beside the file first', 'both.ejs', join(project, 'roles/both.ejs')],
  ['in templates/ beside the file', 'own.ejs', join(project, 'roles/templates/own.ejs')],
  ['by a relative path from the file', '../templates/both.ejs', join(project, 'templates/both.ejs')],
  ['by an absolute path', join(project, 'templates/both.ejs'), join(project, 'templates/both.ejs')],
]
for (const [title, src, expected] of found) {
  test(`a template is found ${title}`, (t) => {
    t.is(resolveTemplate(src, role), expected)
  })
}

test('the search ends at the folder with package.json and the error lists the places', (t) => {
  const error = t.throws(() => resolveTemplate('far.ejs', role), { instanceOf: ProvisionError })
  t.is(error.code, 'template')
  t.is(error.message, "template 'far.ejs' was not found")
  t.is(
    error.detail,
    `Looked at:\n  ${project}/roles/far.ejs\n  ${project}/roles/templates/far.ejs\n  ${project}/templates/far.ejs`,
  )
})

test('a folder is not a template, and the message may use another word', (t) => {
  const error = t.throws(() => resolveTemplate('folder', role, 'file'), { instanceOf: ProvisionError })
  t.is(error.message, "file 'folder' was not found")
})

test('a missing absolute path names itself', (t) => {
  const error = t.throws(() => resolveTemplate('/nowhere/x.ejs', role), { instanceOf: ProvisionError })
  t.is(error.detail, 'Looked at:\n  /nowhere/x.ejs')
})

test('without the file of the task only an absolute path can be found', (t) => {
  const error = t.throws(() => resolveTemplate('x.ejs', ''), { instanceOf: ProvisionError })
  t.is(
    error.hint,
    'The file that made the task is not known: name it by an absolute path, join(import.meta.dirname, …).',
  )
})
