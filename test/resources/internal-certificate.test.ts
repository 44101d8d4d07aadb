import { createHash, X509Certificate } from 'node:crypto'
import test from 'ava'
import { subjectPeriod } from '../../src/resources/certificate-period.ts'
import { issueCertificate } from '../../src/resources/internal-ca.ts'
import { internalCertificateBy } from '../../src/resources/internal-certificate.ts'
import { facts, planOne, planTable } from './table.ts'

const secret = 'a secret of the tests, long enough'
const subject = { name: 'db1', names: ['db1', 'db1.example.org'], addresses: ['192.0.2.11', '2001:db8::1', '::'] }

const day = 86_400_000
const today = new Date('2026-11-21T14:30:00Z')
const later = (days: number) => new Date(today.getTime() + days * day)
const issue = (ca: string, of: Parameters<typeof issueCertificate>[1], at = today, lifetimeDays?: number) =>
  issueCertificate(ca, of, { at, lifetimeDays })

test('the same secret and names give the same bytes', (t) => {
  t.deepEqual(issue(secret, subject), issue(secret, subject))
  t.deepEqual(
    issue(secret, subject, new Date('2026-11-21T00:00:00Z')),
    issue(secret, subject, new Date('2026-11-21T23:59:59Z')),
  )
})

test('the certificate is issued by the CA, for its key, names and addresses', (t) => {
  const issued = issue(secret, subject)
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
})

test('another host has another key, other names another serial number, another secret another CA', (t) => {
  const one = issue(secret, subject)
  const other = issue(secret, { ...subject, name: 'db2' })
  t.is(other.ca, one.ca)
  t.not(other.key, one.key)
  const renamed = issue(secret, { ...subject, addresses: ['192.0.2.12'] })
  t.is(renamed.key, one.key)
  t.not(new X509Certificate(renamed.certificate).serialNumber, new X509Certificate(one.certificate).serialNumber)
  t.not(issue(`${secret}2`, subject).ca, one.ca)
})

test('a secret that could be guessed is refused', (t) => {
  t.throws(() => issue('short', subject), {
    message: 'the secret of an internal CA needs at least 16 characters, found 5',
  })
})

test("a new period begins when a third of the life is left, and the day is the subject's own", (t) => {
  const beginningsOf = (name: string) => {
    const found: number[] = []
    for (let index = 0; index < 800; index++) {
      const at = later(index)
      const [last, period] = [subjectPeriod(later(index - 1), name, 397), subjectPeriod(at, name, 397)]
      t.true(period.begins.getTime() <= at.getTime() - day && period.ends.getTime() > at.getTime() + 130 * day)
      if (period.begins.getTime() === last.begins.getTime()) continue
      found.push(index)
      const left = (last.ends.getTime() - at.getTime()) / day
      t.true(left > 397 / 3 - 2 && left < 397 / 3 + 2, `${left}`)
    }
    t.is(found.length, 3)
    return found
  }
  const [one = 0, two = 0, three = 0] = beginningsOf('db1')
  t.deepEqual([two - one, three - two], [264, 264])
  t.notDeepEqual(beginningsOf('db2'), [one, two, three])
})

test('the next period has another certificate and another key', (t) => {
  const [now, next] = [issue(secret, subject), issue(secret, subject, later(264))]
  t.not(next.certificate, now.certificate)
  t.not(next.key, now.key)
  t.is(next.ca, now.ca)
})

test('a longer or shorter life is a parameter', (t) => {
  const lifeOf = (lifetimeDays: number) => {
    const { validFrom, validTo } = new X509Certificate(issue(secret, subject, today, lifetimeDays).certificate)
    return (Date.parse(validTo) - Date.parse(validFrom)) / day
  }
  t.deepEqual([3, 90, 1825].map(lifeOf), [3, 90, 1825])
})

test('the CA lives longer than anything it issues; its next certificate verifies what the last one issued', (t) => {
  for (let year = 2024; year < 2060; year += 5) {
    const issued = issue(secret, subject, new Date(Date.UTC(year, 11, 31)), 1825)
    const [ca, host] = [new X509Certificate(issued.ca), new X509Certificate(issued.certificate)]
    t.true(Date.parse(ca.validTo) >= Date.parse(host.validTo), `${year}`)
    t.true(Date.parse(ca.validFrom) <= Date.parse(host.validFrom), `${year}`)
    t.true(Date.parse(ca.validTo) - Date.parse(ca.validFrom) < 3655 * day)
  }
  const [now, then] = [issue(secret, subject), issue(secret, subject, later(6 * 365))]
  t.not(now.ca, then.ca)
  const next = new X509Certificate(then.ca)
  const old = new X509Certificate(now.certificate)
  t.true(old.checkIssued(next) && old.verify(next.publicKey))
})

test('a secret of two lines issues with the first and trusts both, so that one CA can follow another', (t) => {
  const next = 'another secret, also long enough'
  const [before, after] = [issue(secret, subject), issue(next, subject)]
  const [introduced, moved] = [issue(`${secret}\n${next}\n`, subject), issue(`${next}\n${secret}`, subject)]
  t.is(introduced.certificate, before.certificate)
  t.is(introduced.key, before.key)
  t.is(introduced.ca, before.ca + after.ca)
  t.is(moved.certificate, after.certificate)
  t.is(moved.ca, after.ca + before.ca)
  t.not(new X509Certificate(before.ca).subject, new X509Certificate(after.ca).subject)
  t.throws(() => issue(`${secret}\nshort`, subject), { message: /at least 16 characters, found 5/ })
})

const internalCertificate = internalCertificateBy(() => today)
const args = {
  directory: '/etc/mysql/tls' as const,
  subject: 'db1',
  addresses: ['192.0.2.11'],
  group: 'mysql',
  ca: secret,
}
const task = internalCertificate(args)
const issued = issue(secret, { name: 'db1', names: ['db1'], addresses: ['192.0.2.11'] })
const row = (name: string, content: string, mode: string, owner = 'root:mysql') =>
  `${mode}\t${owner}\t/etc/mysql/tls/${name}\t${name.endsWith('.key') ? createHash('sha256').update(content).digest('hex') : content.replaceAll('\n', '|')}\n`
const { begins } = subjectPeriod(today, 'db1', 397)
const last = issue(secret, { name: 'db1', names: ['db1'], addresses: ['192.0.2.11'] }, begins)

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
        'server.pem content differs (it is no certificate)',
      ],
    },
  },
  {
    title: 'a certificate of the last period is renewed with its key, and what was left of it is told',
    task: internalCertificateBy(() => new Date(begins.getTime() + 1.5 * day))(args),
    probe:
      row('ca.pem', last.ca, '644') + row('server.key', last.key, '640') + row('server.pem', last.certificate, '644'),
    expect: {
      changes: ['server.key content differs', 'server.pem renewed (the present one expires in 131 days)'],
    },
  },
  {
    title: 'a CA that follows the present one may issue',
    task: internalCertificate({ ...args, ca: `another secret, also long enough\n${secret}` }),
    probe:
      row('ca.pem', issued.ca, '644') +
      row('server.key', issued.key, '640') +
      row('server.pem', issued.certificate, '644'),
    expect: {
      changes: [
        'ca.pem content differs',
        'server.key content differs',
        `server.pem renewed (the present one expires in ${Math.floor((issued.expires.getTime() - today.getTime()) / day)} days)`,
      ],
    },
  },
  {
    title:
      'a CA that has nothing to do with the present one is refused: these are other secrets than the host was made with',
    task: internalCertificate({ ...args, ca: 'another secret, also long enough' }),
    probe: row('ca.pem', issued.ca, '644') + row('server.pem', issued.certificate, '644'),
    expect: { refused: 'the certificates that are there come from another CA than the secret of this run' },
  },
  {
    title: 'and taken if that is what is asked for, or if nothing that can be read is there',
    task: internalCertificate({ ...args, ca: 'another secret, also long enough', replaceCa: true }),
    probe: row('ca.pem', issued.ca, '644'),
    expect: {
      changes: ['ca.pem content differs', 'server.key absent → present', 'server.pem absent → present'],
    },
  },
  {
    title: 'one that has expired says so',
    task: internalCertificateBy(() => later(1000))(args),
    probe:
      row('ca.pem', issued.ca, '644') + row('server.key', 'old', '640') + row('server.pem', issued.certificate, '644'),
    expect: {
      changes: [
        'server.key content differs',
        `server.pem renewed (the present one expired ${Math.ceil(1000 - (issued.expires.getTime() - today.getTime()) / day)} days ago)`,
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
    message: "tls.internal: expected mode, owner, path and content, found 'garbage'",
  })
})
