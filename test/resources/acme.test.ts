import test from 'ava'
import { certificate } from '../../src/resources/acme.ts'
import { planTable } from './table.ts'

const day = 86_400
const now = 1_790_000_000
const directory = 'https://192.0.2.5:14000/dir'
const have = (more: { names?: string; server?: string; key?: string; left?: number } = {}) => `== certificate
certbot=yes
notBefore=Nov  1 00:00:00 2026 GMT
notAfter=Jan 30 00:00:00 2027 GMT
X509v3 Subject Alternative Name:
    ${more.names ?? 'DNS:foobar.com, DNS:www.foobar.com'}
now=${now}
notBefore.seconds=${now + (more.left ?? 60) * day - 90 * day}
notAfter.seconds=${now + (more.left ?? 60) * day}
server=${more.server ?? directory}
key_type=${more.key ?? 'ecdsa'}
`
const wish = certificate({ domains: ['www.foobar.com', 'foobar.com'], directory })

planTable([
  {
    title: 'nothing to do for a fresh certificate of the same names in any order',
    task: wish,
    probe: have(),
    expect: { unchanged: 'covers www.foobar.com, foobar.com, 60 days left' },
  },
  {
    title: 'issues the first certificate',
    task: wish,
    probe: '== certificate\ncertbot=yes\n',
    expect: { changes: ['absent → certificate for www.foobar.com, foobar.com'] },
    scripts: [
      ':\ncertbot certonly --non-interactive --agree-tos --no-eff-email --register-unsafely-without-email --server https://192.0.2.5:14000/dir --standalone --preferred-challenges http --http-01-address 127.0.0.1 --http-01-port 8888 --cert-name www.foobar.com --key-type ecdsa --renew-with-new-domains --keep-until-expiring -d www.foobar.com -d foobar.com 2>&1',
    ],
  },
  {
    title: 'issues again when a name comes',
    task: wish,
    probe: have({ names: 'DNS:www.foobar.com' }),
    expect: { changes: ['names www.foobar.com → foobar.com, www.foobar.com'] },
  },
  {
    title: 'issues again when the authority changes',
    task: wish,
    probe: have({ server: 'https://old/dir' }),
    expect: { changes: [`issued by https://old/dir → ${directory}`] },
  },
  {
    title: 'issues again for another key type',
    task: wish,
    probe: have({ key: 'rsa' }),
    expect: { changes: ['key rsa → ecdsa'] },
  },
  {
    title: 'leaves renewal to the timer',
    task: wish,
    probe: have({ left: 20 }),
    expect: { unchanged: 'covers www.foobar.com, foobar.com, 20 days left' },
  },
  {
    title: 'renews what the timer forgot',
    task: wish,
    probe: have({ left: 5 }),
    expect: { changes: ['5 days left → renewed'] },
  },
  {
    title: 'renews what has expired',
    task: wish,
    probe: have({ left: -1 }),
    expect: { changes: ['expired → renewed'] },
  },
  {
    title: 'cannot know without certbot',
    task: wish,
    probe: '== certificate\ncertbot=no\n',
    expect: { unknown: 'certbot is not installed' },
  },
])

test('acme.certificate: garbage from the probe is an error, not an absent certificate', (t) => {
  const error = t.throws(() => wish.resource.parse('== boom', [wish.args]))
  t.is(error?.message, "unexpected answer 'boom'")
})

test('acme.certificate: a wildcard and a bad directory are refused with the option named', (t) => {
  t.regex(
    t.throws(() => certificate({ domains: ['*.foobar.com'], directory: 'staging' }))?.message ?? '',
    /option 'domains\.0': expected a domain name/,
  )
  t.regex(
    t.throws(() => certificate({ domains: ['foobar.com'], directory: 'http://x' }))?.message ?? '',
    /option 'directory': expected 'production', 'staging' or an https/,
  )
})
