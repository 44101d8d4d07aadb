import test from 'ava'
import { isProvisionError, ProvisionError } from '../../src/core/error.ts'
import { type Message, parseMessage, renderMessage } from '../../src/fleet/messages.ts'

const where = { file: '/home/one/site/roles/web.ts', line: 3, column: 7 }

test('an error arrives as an error, with its place in the project of the reader', (t) => {
  const error = new ProvisionError({ code: 'apply', message: 'broken', where, detail: 'line', hint: 'mend it' })
  const text = renderMessage({ kind: 'left', worker: 'w', error }, '/home/one/site')
  const message = parseMessage(text, '/srv/site')
  if (message.kind !== 'left') return t.fail(message.kind)
  t.true(isProvisionError(message.error))
  const { code, message: sentence, detail, hint } = message.error
  t.deepEqual([code, sentence, detail, hint], ['apply', 'broken', 'line', 'mend it'])
  t.deepEqual(message.error.where, { ...where, file: '/srv/site/roles/web.ts' })
})

test('places outside the project stay as they are, and no cause or stack travels', (t) => {
  const outside = { ...where, file: '/home/one/site-2/x.ts' }
  const error = new ProvisionError({ code: 'apply', message: 'broken', where: outside, cause: new Error('the cause') })
  const text = renderMessage({ kind: 'left', worker: 'w', error }, '/home/one/site')
  t.false(/the cause|stack/.test(text))
  const message = parseMessage(text, '/srv/site')
  t.deepEqual(message.kind === 'left' && message.error.where, outside)
})

test('events keep what they say, also words that are keys here', (t) => {
  const message: Message = {
    kind: 'events',
    part: 'p',
    attempt: 2,
    worker: 'w',
    events: [{ type: 'warning', host: 'web1', message: 'where: error', hint: 'x' }],
  }
  t.deepEqual(parseMessage(renderMessage(message, '/a'), '/b'), message)
})
