import test from 'ava'
import { ProvisionError } from '../../src/core/error.ts'
import { type ErrorContext, renderError } from '../../src/report/error.ts'
import { makePaint } from '../../src/report/paint.ts'
import { cwd, failure } from './events.ts'

const context: ErrorContext = { paint: makePaint(false), cwd, columns: 88, debug: false }

test('an error of a task: who and where, the sentence, the evidence, what to try', (t) => {
  t.is(
    renderError(failure, { ...context, subject: 'web-1 · nginx › file.template /etc/nginx/nginx.conf' }),
    `✗ web-1 · nginx › file.template /etc/nginx/nginx.conf                roles/nginx.ts:16:9
  Validation failed: nginx -t exited with 1. The previous file is back in place.

    nginx: [emerg] unknown directive "worker_process" in /etc/nginx/nginx.conf:3

  Try: provision --check --diff --limit web1 --tags nginx
`,
  )
})

test('an error before the run begins with its sentence', (t) => {
  const error = new ProvisionError({
    code: 'inventory',
    message: "no host 'web9'",
    where: { file: '/elsewhere/hosts.ts', line: 3, column: 1 },
  })
  t.is(renderError(error, context), `✗ no host 'web9'${' '.repeat(49)}/elsewhere/hosts.ts:3:1\n`)
})

test('a place that does not fit beside the title gets a line of its own', (t) => {
  t.is(
    renderError(failure, {
      ...context,
      columns: 60,
      subject: 'web-1 · nginx › file.template /etc/nginx/nginx.conf',
    }).split('\n')[1],
    '  roles/nginx.ts:16:9',
  )
})

test('a hint that is a sentence needs no Try', (t) => {
  const error = new ProvisionError({ code: 'input', message: "no host 'wbe'", hint: "Did you mean 'web'?" })
  t.is(renderError(error, context), "✗ no host 'wbe'\n\n  Did you mean 'web'?\n")
})

test('long evidence is cut in the middle', (t) => {
  const detail = Array.from({ length: 500 }, (_, index) => `line ${index}`).join('\n')
  const lines = renderError(new ProvisionError({ code: 'apply', message: 'failed', detail }), context).split('\n')
  t.is(lines.length, 64)
  t.is(lines[2], '    line 0')
  t.is(lines[32], '    … 440 lines not shown')
  t.is(lines[62], '    line 499')
})

test('the stack is shown only with debug, with those of the causes', (t) => {
  const error = new ProvisionError({ code: 'internal', message: 'broken', cause: new TypeError('deep') })
  t.is(renderError(error, context), '✗ broken\n')
  const text = renderError(error, { ...context, debug: true })
  t.true(text.includes('ProvisionError: broken\n'))
  t.true(text.includes('    caused by:\n    TypeError: deep\n'))
})

test('evidence cannot repaint the terminal', (t) => {
  const error = new ProvisionError({
    code: 'apply',
    message: 'a\u001b[2Jb',
    detail: 'c\u001b]0;x\u0007d',
    hint: 'e\u009b31mf',
  })
  t.is(renderError(error, context), '✗ ab\n\n    cd\n\n  Try: ef\n')
})
