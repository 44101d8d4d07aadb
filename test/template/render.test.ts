import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { isProvisionError, ProvisionError } from '../../src/core/error.ts'
import { assembleSecret, isSecret, type Secrets, secret, secretText } from '../../src/core/secret.ts'
import { lostSecretHint } from '../../src/template/print.ts'
import { renderTemplate, type TemplateCache } from '../../src/template/render.ts'

const values: Readonly<Record<string, string>> = { 'db.app': `p'"\\<&>$1`, odd: 'line1\nline2\n' }
const secrets: Secrets = {
  reveal: (value) => {
    if (!isSecret(value)) return value
    return assembleSecret(value, (name) => {
      const text = values[name]
      if (text === undefined) throw new ProvisionError({ code: 'secret', message: `no secret '${name}'` })
      return text
    })
  },
  redact: (text) => text,
}

const folder = mkdtempSync(join(tmpdir(), 'templates-'))
test.after.always(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string | Uint8Array): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

const render = (text: string, vars: Record<string, unknown> = {}) =>
  renderTemplate({ file: join(folder, 'main.conf.ejs'), text, vars, secrets })

/** The parts of an error that users see, as one list. */
function failure(body: () => unknown): { message: string; place: string; detail?: string; hint?: string } {
  try {
    body()
  } catch (error) {
    if (!isProvisionError(error)) throw error
    const where = error.where
    return {
      message: error.message,
      place: where ? `${where.file.replace(`${folder}/`, '')}:${where.line}:${where.column}` : '',
      ...(error.detail ? { detail: error.detail.replaceAll(`${folder}/`, '') } : {}),
      ...(error.hint ? { hint: error.hint } : {}),
    }
  }
  throw new Error('nothing was thrown')
}

const outputs: readonly (readonly [title: string, text: string, vars: Record<string, unknown>, expected: string])[] = [
  ['plain text is kept to the byte', 'a\r\nb\n\n\tc \n', {}, 'a\r\nb\n\n\tc \n'],
  ['no final newline is added', 'a', {}, 'a'],
  ['the empty template is empty', '', {}, ''],
  ['values are not HTML-escaped', '<%= x %>|<%- x %>', { x: `<&>"'` }, `<&>"'|<&>"'`],
  [
    'numbers, booleans and big integers print',
    '<%= a %> <%= b %> <%= c %> <%= d %>',
    { a: 0, b: false, c: 10n, d: -1.5 },
    '0 false 10 -1.5',
  ],
  ['the empty text prints nothing', '[<%= x %>]', { x: '' }, '[]'],
  ['UTF-8, backslashes and dollars survive', 'ü\\n$x`y` <%= x %>', { x: '→ \\1 $& $z' }, 'ü\\n$x`y` → \\1 $& $z'],
  ['CRLF after -%> goes as one line end', '<% if (x) { -%>\r\nyes\r\n<% } -%>\r\n', { x: true }, 'yes\r\n'],
  ['<%_ _%> take the blanks around them', 'a\n  <%_ if (x) { _%>  \nb\n  <%_ } _%>\nc\n', { x: true }, 'a\nb\nc\n'],
  ['comments print nothing', 'a<%# not %>b', {}, 'ab'],
  ['<%% and %%> are literal delimiters', '<%% x %%> <%% y %>\nz', {}, '<% x %> <% y %>\nz'],
  [
    '%> outside of a tag is text, as in log formats',
    'LogFormat "%h %>s -%>x _%> y"\n<%= x %>',
    { x: 1 },
    'LogFormat "%h %>s -%>x _%> y"\n1',
  ],
  ['a loop declares its own variables', '<% for (const x of xs) { %><%= x %>,<% } %>', { xs: [1, 2], x: 9 }, '1,2,'],
  [
    'a template may redeclare a variable with a default',
    '<% const workers = locals.workers ?? 4 %><%= workers %>',
    { workers: 2 },
    '2',
  ],
  [
    'a missing variable may be asked for',
    `<%= typeof x === 'undefined' ? 'none' : x %><%= locals.y ?? '-' %>`,
    {},
    'none-',
  ],
  ['a semicolon and a comment may end an expression', '<%= x; %><%= x // why\n %><%= "//" + x %>', { x: 1 }, '11//1'],
  ['a comma expression prints its last value', '<%= (0, x) %><%= 1, x %>', { x: 7 }, '77'],
  ['a variable named by a reserved word is read from locals', '<%= locals.interface %>', { interface: 'eth0' }, 'eth0'],
  ['a variable named like something of ejs is read from locals', '<%= locals.include %>', { include: 'x' }, 'x'],
  ['a URL prints as its text', '<%= x %>', { x: new URL('http://a.example/b') }, 'http://a.example/b'],
  ['a secret is revealed, never escaped', 'pw=<%= pw %>', { pw: secret('db.app') }, `pw=p'"\\<&>$1`],
  ['a text with secrets is revealed', '<%= url %>', { url: secretText`u:${secret('db.app')}@h` }, `u:p'"\\<&>$1@h`],
  ['a nested secret is revealed', '<%= a.b[0].c %>', { a: { b: [{ c: secret('odd') }] } }, 'line1\nline2\n'],
  [
    'a secret inside a frozen object is revealed',
    '<%= a.b %>',
    { a: Object.freeze({ b: secret('db.app') }) },
    `p'"\\<&>$1`,
  ],
  [
    'a secret takes part in expressions',
    '<%= JSON.stringify(a) %> <%= pw.length %>',
    { a: { p: secret('odd') }, pw: secret('odd') },
    '{"p":"line1\\nline2\\n"} 12',
  ],
  [
    'a secret made by a function of the vars is revealed',
    '<%= get() %>',
    { get: () => secret('db.app') },
    `p'"\\<&>$1`,
  ],
  [
    'a secret that the template does not read is not resolved',
    'x <%= a.x %>',
    { pw: secret('missing'), a: { x: 1, pw: secret('missing') } },
    'x 1',
  ],
  ['cyclic vars are no trouble', '<%= a.self.self.x %>', { a: cyclic() }, '1'],
]

function cyclic(): object {
  const value: Record<string, unknown> = { x: 1 }
  value.self = value
  return value
}

for (const [title, text, vars, expected] of outputs) {
  test(title, (t) => {
    t.is(render(text, vars), expected)
  })
}

test('a failing expression names the template, the line and what was given', (t) => {
  t.deepEqual(
    failure(() => render('a\n\tb <%= wrokers %>;\nc\n', { workers: 1 })),
    {
      message: "template main.conf.ejs: variable 'wrokers' is not defined",
      place: 'main.conf.ejs:2:8',
      detail: '  1 | a\n> 2 | \tb <%= wrokers %>;\n    | \t      ^\n  3 | c',
      hint: "Did you mean 'workers'?",
    },
  )
})

const failures: readonly (readonly [
  text: string,
  vars: Record<string, unknown>,
  message: string,
  place: string,
  hint?: string,
])[] = [
  [
    '<%= x %>',
    {},
    "variable 'x' is not defined",
    '1:5',
    "Add it to the task's vars, or write locals.x if it may be missing.",
  ],
  [
    '<%= x %>',
    { port: 1, host: 2 },
    "variable 'x' is not defined",
    '1:5',
    "Add it to the task's vars (given: port, host), or write locals.x if it may be missing.",
  ],
  ['\n<%= x %>', { x: undefined }, '<%= x %> is undefined, expected a text or a number', '2:1'],
  ['\r\n\r\n <%- x.y %>', { x: {} }, '<%= x.y %> is undefined, expected a text or a number', '3:2'],
  ['<%= x %>', { x: null }, '<%= x %> is null, expected a text or a number', '1:1'],
  ['<%= x / 0 %>', { x: 0 }, '<%= x / 0 %> is NaN, expected a text or a number', '1:1'],
  [
    '<%= x %>',
    { x: [1] },
    '<%= x %> is a list, expected a text or a number',
    '1:1',
    "Join it: <%= x.join(' ') %>, or loop over it.",
  ],
  [
    '<%= x %>',
    { x: { a: 1 } },
    '<%= x %> is an object, expected a text or a number',
    '1:1',
    'Print one of its properties, or JSON.stringify(x).',
  ],
  ['<%= x %>', { x: () => 1 }, '<%= x %> is a function, expected a text or a number', '1:1'],
  [
    'a\n<% for (const s of sites) { %>\n<%= s.name %>\n<% } %>',
    { sites: [{ name: 'a' }, {}] },
    '<%= s.name %> is undefined, expected a text or a number',
    '3:1',
  ],
  ['a\n<%= x.y.z %>', { x: {} }, "TypeError: Cannot read properties of undefined (reading 'z')", '2:1'],
  [
    '<%\n  const a = 1\n  const b = nope\n%>',
    {},
    "variable 'nope' is not defined",
    '3:13',
    "Add it to the task's vars, or write locals.nope if it may be missing.",
  ],
  [
    'a\n<% if (x) { port = 1 } %>',
    { x: true },
    "variable 'port' is not defined",
    '2:13',
    "Add it to the task's vars (given: x), or write locals.port if it may be missing.",
  ],
  ['<% throw 7 %>', {}, 'threw 7', '1:1'],
  ['a\nb <%= x', {}, '<%= is never closed with %>', '2:3'],
  ['<% if (x) {\n <%= y %>', {}, '<% is not closed before the next <%=', '1:1'],
  ['a\n<%= %>', {}, '<%= %> prints nothing: expected an expression', '2:1'],
  ['a\nb\n<%= x + %>', { x: 1 }, "the code does not parse: Unexpected token ')'", '3:1'],
  ['a\n<%= f(\n  1,\n  ?\n) %>', {}, "the code does not parse: Unexpected token '?'", '4:1'],
  ['a\n<% if (x { %>\nb\n<% } %>', { x: 1 }, "the code does not parse: Unexpected token '{'", '2:1'],
  ['<% if (x) { %>\nb\n', { x: 1 }, 'the code does not parse: a {, ( or [ of an earlier tag is not closed', '1:1'],
  [
    'a\n<%= interface %>',
    { interface: 1 },
    'the code does not parse: Unexpected strict mode reserved word',
    '2:1',
    'Read a variable whose name is a word of JavaScript as locals.NAME.',
  ],
  [
    'x\nurl=<%= url %>',
    { url: `mysql://${secret('db.app')}@db` },
    '<%= url %> holds ‹secret›: a secret was put into a plain text',
    '2:5',
    lostSecretHint,
  ],
  ["<%- include('none') %>", {}, "include('none') was not found; looked at none and none.ejs", '1:1'],
]

for (const [text, vars, message, place, hint] of failures) {
  test(`refuses ${JSON.stringify(text)} with vars ${Object.keys(vars).join()}: ${message}`, (t) => {
    const found = failure(() => render(text, vars))
    t.deepEqual(
      [found.message.replaceAll(`${folder}/`, ''), found.place, found.hint],
      [`template main.conf.ejs: ${message}`, `main.conf.ejs:${place}`, hint],
    )
  })
}

test('a missing secret keeps its own error', (t) => {
  const error = t.throws(() => render('<%= pw %>', { pw: secret('missing') }), { instanceOf: ProvisionError })
  t.is(error.code, 'secret')
  t.is(error.message, "no secret 'missing'")
})

test('a template cannot leave a variable behind for the next one', (t) => {
  t.throws(() => render('<% leaked = 1 %>'), { instanceOf: ProvisionError })
  t.false('leaked' in globalThis)
})

test('a template cannot change the vars of the task', (t) => {
  const vars = { list: [1, 2], nested: { a: 1 } }
  t.is(render('<% list.push(3); nested.a = 2 %><%= list.length %><%= nested.a %>', vars), '32')
  t.deepEqual(vars, { list: [1, 2], nested: { a: 1 } })
})

test('includes are found beside the including file, see its variables and take their own', (t) => {
  write('parts/server.ejs', 'server <%= name %>:<%= port %><%- include("deep/note", { name: "n" }) %>\n')
  write('parts/deep/note.ejs', ' # <%= name %> <%= pw %>')
  const file = write('site.conf.ejs', 'x\n<%- include("parts/server.ejs", { name: "a" }) -%>\ny\n')
  t.is(
    renderTemplate({ file, vars: { port: 80, name: 'outer', pw: secret('db.app') }, secrets }),
    `x\nserver a:80 # n p'"\\<&>$1\ny\n`,
  )
})

test('an include reveals secrets of its own data', (t) => {
  write('pw.ejs', '<%= pw %>')
  t.is(render('<%- include("pw", { pw }) %>', { pw: secret('db.app') }), `p'"\\<&>$1`)
})

test('an error in an include names the included file and who included it', (t) => {
  write('broken.ejs', 'ok\n<%= nme %>\n')
  const file = write('includes-broken.ejs', 'a\nb\n<%- include("broken") %>')
  t.deepEqual(
    failure(() => renderTemplate({ file, vars: { name: 1 }, secrets })),
    {
      message: "template broken.ejs: variable 'nme' is not defined",
      place: 'broken.ejs:2:5',
      detail: '  1 | ok\n> 2 | <%= nme %>\n    |     ^\n\nincluded from includes-broken.ejs:3',
      hint: "Did you mean 'name'?",
    },
  )
})

test('a template that includes itself is told so', (t) => {
  const file = write('self.ejs', '<%- include("self") %>')
  t.is(
    failure(() => renderTemplate({ file, vars: {}, secrets })).message,
    "template self.ejs: include('self') is nested more than 50 deep; does it include itself?",
  )
})

test('a literal ‹secret› in the template is refused with its line', (t) => {
  const found = failure(() => render('a\npassword ‹secret›\n'))
  t.is(found.message, 'template main.conf.ejs: the rendered text holds ‹secret› in place of a secret')
  t.is(found.place, 'main.conf.ejs:2:1')
})

test('a file is read as UTF-8 without its byte order mark, and refused if it is not UTF-8', (t) => {
  t.is(renderTemplate({ file: write('bom.ejs', '\ufeffü\r\n'), vars: {}, secrets }), 'ü\r\n')
  const binary = write('binary.ejs', Uint8Array.of(0x61, 0xff, 0xfe))
  t.is(
    failure(() => renderTemplate({ file: binary, vars: {}, secrets })).message,
    `template ${binary} is not UTF-8 text`,
  )
})

test('a template that is missing or a folder is told so', (t) => {
  const missing = join(folder, 'missing.ejs')
  t.is(
    failure(() => renderTemplate({ file: missing, vars: {}, secrets })).message,
    `template ${missing} does not exist`,
  )
  t.is(failure(() => renderTemplate({ file: folder, vars: {}, secrets })).message, `template ${folder} is not a file`)
})

test('a cache gives the same output and follows a change of the text', (t) => {
  const cache: TemplateCache = new Map()
  const input = { file: join(folder, 'cached.ejs'), secrets, cache }
  t.is(renderTemplate({ ...input, text: '<%= a %>', vars: { a: 1 } }), '1')
  t.is(renderTemplate({ ...input, text: '<%= a %>', vars: { a: 2 } }), '2')
  t.is(renderTemplate({ ...input, text: '[<%= a %>]', vars: { a: 2 } }), '[2]')
  t.is(renderTemplate({ ...input, text: '[<%= a %>]', vars: { b: 0, a: 2 } }), '[2]')
  t.is(cache.size, 3)
})
