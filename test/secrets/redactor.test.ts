import test from 'ava'
import { formsOf } from '../../src/secrets/encodings.ts'
import { makeRedactor } from '../../src/secrets/redactor.ts'

const odd = `p'a"s\\s w<o&r>d/$1%é`

function redactorOf(...values: readonly string[]) {
  const redactor = makeRedactor()
  for (const value of values) redactor.add(formsOf(value))
  return redactor
}

const hidden: readonly (readonly [title: string, text: string])[] = [
  ['as it is', odd],
  ['as JSON', JSON.stringify({ x: odd }).slice(6, -2)],
  ['as JSON with escaped slashes', JSON.stringify(odd).slice(1, -1).replaceAll('/', '\\/')],
  ['as JSON in ASCII', JSON.stringify(odd).slice(1, -1).replace('é', '\\u00e9')],
  ['quoted for sh', odd.replace("'", "'\\''")],
  ['quoted for sh with double quotes', `p'a\\"s\\\\s w<o&r>d/\\$1%é`],
  ['as printf %q prints it', `p\\'a\\"s\\\\s\\ w\\<o\\&r\\>d/\\$1%\\é`],
  ['as an SQL string', `p''a"s\\\\s w<o&r>d/$1%é`],
  ['as an SQL string with backslashes', `p\\'a\\"s\\\\s w<o&r>d/$1%é`],
  ['as a URL component', encodeURIComponent(odd)],
  ['as a URL component in lower case', encodeURIComponent(odd).replace(/%../g, (code) => code.toLowerCase())],
  ['as form data', new URLSearchParams({ x: odd }).toString().slice(2)],
  ['as HTML', `p&#39;a&quot;s\\s w&lt;o&amp;r&gt;d/$1%é`],
  ['for systemd', `p'a"s\\s w<o&r>d/$1%%é`],
  ['in base64', Buffer.from(odd).toString('base64')],
  ['in base64url', Buffer.from(odd).toString('base64url')],
  ['in hexadecimal', Buffer.from(odd).toString('hex')],
]
for (const [title, text] of hidden) {
  test(`a secret is hidden ${title}`, (t) => {
    t.is(
      redactorOf(odd)
        .redact(`a ${text} b`)
        .replace(/[A-Za-z0-9+/_-]?=*(?= b$)/, ''),
      'a ‹secret› b',
    )
  })
}

for (const before of ['', 'u', 'us', 'user:', 'admin:']) {
  for (const after of ['', '!', '!!', '!!!']) {
    test(`base64 of '${before}SECRET${after}' shows nothing of the secret`, (t) => {
      const encoded = Buffer.from(`${before}correct-horse-battery${after}`).toString('base64')
      const shown = redactorOf('correct-horse-battery').redact(encoded)
      t.true(shown.includes('‹secret›'), shown)
      const rest = shown.split('‹secret›')
      // at each side no more than the characters that neighbouring bytes share
      t.true((rest[0]?.length ?? 0) <= Math.ceil((before.length * 8) / 6) + 1, shown)
      t.true((rest[1]?.replace(/=/g, '').length ?? 0) <= Math.ceil((after.length * 8) / 6) + 1, shown)
    })
  }
}

test('the longest of several secrets is hidden first', (t) => {
  t.is(redactorOf('hunter', 'hunter2-long').redact('x hunter2-long hunter y'), 'x ‹secret› ‹secret› y')
})

test('overlapping secrets leave no end of one', (t) => {
  t.is(redactorOf('abcdef', 'defghi').redact('>abcdefghi<'), '>‹secret›<')
})

test('adjacent secrets are hidden one by one', (t) => {
  t.is(redactorOf('abcdef').redact('abcdefabcdef'), '‹secret›‹secret›')
})

test('a value of special characters is no pattern', (t) => {
  const redactor = redactorOf('.*[a-z]+(x|y)$^\\d/')
  t.is(redactor.redact('hello world'), 'hello world')
  t.is(redactor.redact('a .*[a-z]+(x|y)$^\\d/ b'), 'a ‹secret› b')
})

test('a text of several lines is hidden whole and line by line, but for short lines and PEM armour', (t) => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nshort\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n'
  const { redact } = redactorOf(key)
  t.is(redact(`[${key}]`), '[‹secret›]')
  t.is(redact('+ MIIEvQIBADANBg\r\n- kqhkiG9w0BAQEF short'), '+ ‹secret›\r\n- ‹secret› short')
  t.is(redact('-----BEGIN PRIVATE KEY-----'), '-----BEGIN PRIVATE KEY-----')
})

test('a value with a line end is hidden without it too', (t) => {
  t.is(redactorOf('hunter2\n').redact('pw hunter2, ok'), 'pw ‹secret›, ok')
})

test('secrets added later are hidden from then on', (t) => {
  const redactor = makeRedactor()
  t.is(redactor.redact('hunter2'), 'hunter2')
  redactor.add(['hunter2'])
  t.is(redactor.redact('hunter2'), '‹secret›')
})

test('a stream hides a secret however it is cut', (t) => {
  const text = 'one hunter2-long two hunter three abcdefghi four'
  const expected = 'one ‹secret› two ‹secret› three ‹secret› four'
  const redactor = redactorOf('hunter', 'hunter2-long', 'abcdef', 'defghi')
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const stream = redactor.stream()
      const shown = [text.slice(0, first), text.slice(first, second), text.slice(second)].map(stream.push).join('')
      t.is(shown + stream.end(), expected)
    }
  }
})

test('a stream shows at once what cannot become a secret', (t) => {
  const stream = redactorOf('hunter2').stream()
  t.is(stream.push('progress 10%\n'), 'progress 10%\n')
  t.is(stream.push('a hun'), 'a ')
  t.is(stream.push('gry'), 'hungry')
  t.is(stream.push('hunter'), '')
  t.is(stream.end(), 'hunter')
  t.is(stream.end(), '')
})

test('a stream never shows the first half of a match that a longer one may follow', (t) => {
  const stream = redactorOf('xyzab', 'abcd').stream()
  t.is(stream.push('- xyzab'), '- ')
  t.is(stream.push('cd -'), '‹secret› -')
})

test('a hundred secrets are hidden in a megabyte in well under a second', (t) => {
  const values = Array.from(
    { length: 100 },
    (_, index) => `S${Buffer.from(`secret-number-${index}`).toString('base64url')}`,
  )
  const redactor = redactorOf(...values)
  const text = `${'Jan 01 web1 nginx[812]: GET /index.html 200 '.repeat(250)}${values[42]}\n`.repeat(95)
  redactor.redact('')
  const start = performance.now()
  const shown = redactor.redact(text)
  t.true(performance.now() - start < 1000, `${performance.now() - start} ms for ${text.length} characters`)
  t.is(shown.split('‹secret›').length, 96)
})
