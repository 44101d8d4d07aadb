import test from 'ava'
import { deadlineError, explainConnect, explainLoss, type Phase } from '../../src/transport/errors.ts'

const target = { name: 'web1', address: '192.0.2.1', port: 2222, user: 'admin' }
const system = (code: string) => Object.assign(new Error(`connect ${code} 192.0.2.1:2222`), { code })

const rows: readonly (readonly [error: unknown, phase: Phase, message: string, hint: RegExp | undefined])[] = [
  [
    system('ECONNREFUSED'),
    'resolving and connecting',
    '192.0.2.1 refuses connections on port 2222',
    /is 2222 its port/,
  ],
  [system('ETIMEDOUT'), 'resolving and connecting', '192.0.2.1 does not answer on port 2222', /firewall/],
  [system('EHOSTUNREACH'), 'resolving and connecting', 'there is no route to 192.0.2.1', undefined],
  [
    system('ENOTFOUND'),
    'resolving and connecting',
    'the name 192.0.2.1 does not resolve to an address',
    /^Set address /,
  ],
  [system('ECONNRESET'), 'the handshake', '192.0.2.1 closed the connection on port 2222', /MaxStartups/],
  [
    new AggregateError([system('ECONNREFUSED')]),
    'resolving and connecting',
    '192.0.2.1 refuses connections on port 2222',
    /sshd/,
  ],
  [deadlineError(10), 'resolving and connecting', 'resolving and connecting took longer than 10 s', /^Is the host up/],
  [deadlineError(10), 'authentication', 'authentication took longer than 10 s', undefined],
  [
    new Error('Handshake failed: no matching key exchange algorithm'),
    'the handshake',
    'the handshake failed: Handshake failed: no matching key exchange algorithm',
    /share no algorithm/,
  ],
  [
    new Error('the server closed the connection'),
    'the handshake',
    'the handshake failed: the server closed the connection',
    /MaxStartups/,
  ],
  ['odd', 'opening a channel', 'opening a channel failed: odd', undefined],
]
for (const [error, phase, message, hint] of rows) {
  test(`${error} during ${phase}`, (t) => {
    const explained = explainConnect(error, target, phase, 10)
    t.is(explained.code, 'unreachable')
    t.is(explained.message, `web1 (admin@192.0.2.1:2222): ${message}`)
    if (hint) t.regex(explained.hint ?? '', hint)
    else t.is(explained.hint, undefined)
  })
}

test('a lost connection says why, if that is known', (t) => {
  const message = (end: Parameters<typeof explainLoss>[0]) => explainLoss(end, target).message
  const host = 'web1 (admin@192.0.2.1:2222): the connection was lost'
  t.is(message({ code: undefined, error: new Error('Keepalive timeout') }), `${host}: Keepalive timeout`)
  t.is(message({ code: undefined }), host)
  t.is(message({ code: 2 }), `${host}: the agent ended (2)`)
})

test('IPv6 addresses stand in brackets, local has no address', (t) => {
  t.regex(explainLoss({ code: undefined }, { ...target, address: '2001:db8::1' }).message, /admin@\[2001:db8::1\]:2222/)
  t.regex(explainLoss({ code: undefined }, { ...target, port: 0 }).message, /^web1 \(local\)/)
})
