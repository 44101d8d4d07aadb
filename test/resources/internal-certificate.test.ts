import { createHash, X509Certificate } from 'node:crypto'
import test from 'ava'
import { issueCertificate } from '../../src/resources/internal-ca.ts'
import { internalCertificate } from '../../src/resources/internal-certificate.ts'
import { facts, planOne, planTable } from './table.ts'

const secret = 'a secret of the tests, long enough'
const subject = { name: 'db1', names: ['db1', 'db1.example.org'], addresses: ['192.0.2.11', '2001:db8::1', '::'] }

test('the same secret and names give the same bytes', (t) => {
  t.deepEqual(issueCertificate(secret, subject), issueCertificate(secret, subject))
})

test('the certificate is issued by the CA, for its key, names and addresses', (t) => {
  const issued = issueCertificate(secret, subject)
  const ca = new X509Certificate(issued.ca)
  const host = new X509Certificate(issued.certificate)
  t.true(ca.ca)
  t.true(ca.verify(ca.publicKey))
  t.true(host.checkIssued(ca))
  t.true(host.verify(ca.publicKey))
  t.false(host.ca)
  t.is(host.subject, 'CN=db1')
  t.is(host.checkHost('db1.example.org'), 'db1.example.org')
  t.is(host.checkHost('db2'), undefined)
  for (const address of ['192.0.2.11', '2001:db8::1', '::']) t.is(host.checkIP(address), address)
  t.is(host.checkIP('192.0.2.12'), undefined)
  t.deepEqual(host.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  t.is(host.validTo, 'Dec 31 23:59:59 2049 GMT')
})

test('another host has another key, other names another serial number, another secret another CA', (t) => {
  const one = issueCertificate(secret, subject)
  const other = issueCertificate(secret, { ...subject, name: 'db2' })
  t.is(other.ca, one.ca)
  t.not(other.key, one.key)
  const renamed = issueCertificate(secret, { ...subject, addresses: ['192.0.2.12'] })
  t.is(renamed.key, one.key)
  t.not(new X509Certificate(renamed.certificate).serialNumber, new X509Certificate(one.certificate).serialNumber)
  t.not(issueCertificate(`${secret}2`, subject).ca, one.ca)
})

test('a secret that could be guessed is refused', (t) => {
  t.throws(() => issueCertificate('short', subject), {
    message: 'the secret of an internal CA needs at least 16 characters, found 5',
  })
})

const task = internalCertificate({
  directory: '/etc/mysql/tls',
  subject: 'db1',
  addresses: ['192.0.2.11'],
  group: 'mysql',
  ca: secret,
})
const issued = issueCertificate(secret, { name: 'db1', names: ['db1'], addresses: ['192.0.2.11'] })
const row = (name: string, content: string, mode: string, owner = 'root:mysql') =>
  `${mode}\t${owner}\t${createHash('sha256').update(content).digest('hex')}\t/etc/mysql/tls/${name}\n`

planTable([
  {
    title: 'what is in place is left alone',
    task,
    probe:
      row('ca.pem', issued.ca, '644') +
      row('server.key', issued.key, '640') +
      row('server.pem', issued.certificate, '644'),
    expect: { unchanged: 'is issued and in place' },
  },
  {
    title: 'what is missing, open to all, or of another CA is written',
    task,
    probe: row('server.key', issued.key, '644', 'root:root') + row('server.pem', 'other', '644'),
    expect: {
      changes: [
        'ca.pem absent → present',
        'server.key mode 0644 → 0640, owner root:root → root:mysql',
        'server.pem content differs',
      ],
    },
  },
])

test('keys travel in the input of a step, never in a script', (t) => {
  const plan = planOne(task, '', { facts, check: false })
  const steps = 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : []
  t.deepEqual(
    steps.map((step) => step.input),
    [issued.ca, issued.key, issued.certificate],
  )
  t.true(steps.every((step) => !step.script.includes('PRIVATE')))
  t.throws(() => planOne(task, 'garbage\n', { facts, check: false }), {
    message: "tls.internal: expected mode, owner, sum and path, found 'garbage'",
  })
})
