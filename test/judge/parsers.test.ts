// What the tools print: testssl, ssh-audit, h2load, slowhttptest, wafw00f and promtool cut from real runs, the others after their formats.
import test from 'ava'
import { parseH2load } from '../../judge/tools/h2load.ts'
import { parseLynis } from '../../judge/tools/lynis.ts'
import { parseScap } from '../../judge/tools/openscap.ts'
import { parseVector } from '../../judge/tools/prometheus.ts'
import { parseChecksums } from '../../judge/tools/pt-table-checksum.ts'
import { parseSlow } from '../../judge/tools/slowhttptest.ts'
import { parseAudit } from '../../judge/tools/ssh-audit.ts'
import { parseSysbench } from '../../judge/tools/sysbench.ts'
import { parseTestssl } from '../../judge/tools/testssl.ts'
import { parseWafw00f } from '../../judge/tools/wafw00f.ts'

test('testssl: the grade, the score, and what is worse than information', (t) => {
  const text = `[
         {
              "id"           : "engine_problem",
              "ip"           : "/",
              "port"         : "443",
              "severity"     : "WARN",
              "finding"      : "No engine or GOST support via engine with your /usr/bin/openssl"
          }
,         {
              "id"           : "cert_revocation",
              "ip"           : "www.foobar.com/10.111.23.11",
              "port"         : "443",
              "severity"     : "HIGH",
              "finding"      : "Neither CRL nor OCSP URI provided"
          }
,         {
              "id"           : "final_score",
              "ip"           : "www.foobar.com/10.111.23.11",
              "port"         : "443",
              "severity"     : "INFO",
              "finding"      : "96"
          }
,         {
              "id"           : "overall_grade",
              "ip"           : "www.foobar.com/10.111.23.11",
              "port"         : "443",
              "severity"     : "OK",
              "finding"      : "A+"
          }
]`
  t.deepEqual(parseTestssl(text), {
    grade: 'A+',
    score: '96',
    findings: [
      { id: 'engine_problem', says: 'WARN: No engine or GOST support via engine with your /usr/bin/openssl' },
      { id: 'cert_revocation', says: 'HIGH: Neither CRL nor OCSP URI provided' },
    ],
  })
  t.throws(() => parseTestssl('[]'), { message: /gave no grade/ })
})

test('ssh-audit: failures, warnings and notes; information is none', (t) => {
  const text = JSON.stringify({
    additional_notes: ['Be aware that … the Terrapin vulnerability (CVE-2023-48795), all peers must also support this'],
    banner: { comments: null, protocol: '2.0', raw: 'SSH-2.0-OpenSSH_9.2p1', software: 'OpenSSH_9.2p1' },
    compression: ['none'],
    enc: [
      { algorithm: 'aes256-gcm@openssh.com', notes: { info: ['available since OpenSSH 6.2'] } },
      { algorithm: 'aes128-cbc', notes: { info: ['available since OpenSSH 2.3.0'], warn: ['using weak cipher mode'] } },
    ],
    key: [{ algorithm: 'ssh-rsa', keysize: 2048, notes: { fail: ['using broken SHA-1 hash algorithm'] } }],
  })
  t.deepEqual(parseAudit(text), {
    software: 'SSH-2.0-OpenSSH_9.2p1',
    findings: [
      { id: 'key ssh-rsa', says: 'using broken SHA-1 hash algorithm' },
      { id: 'enc aes128-cbc', says: 'using weak cipher mode' },
      {
        id: 'CVE-2023-48795',
        says: 'Be aware that … the Terrapin vulnerability (CVE-2023-48795), all peers must also support this',
      },
    ],
  })
})

test('h2load: reports in a row are summed, and one that says nothing is an error', (t) => {
  const report = (good: number, bad: number) => `finished in 61.41ms, 325.67 req/s, 127.22KB/s
requests: ${good + bad} total, ${good + bad} started, ${good + bad} done, ${good} succeeded, ${bad} failed, 0 errored, 0 timeout
status codes: ${good} 2xx, 0 3xx, 0 4xx, ${bad} 5xx
traffic: 7.81KB (8000) total, 4.18KB (4280) headers (space savings 13.01%), 3.05KB (3120) data
`
  t.deepEqual(parseH2load(`${report(20, 0)}${report(17, 3)}`), { total: 40, failed: 3, good: 37 })
  t.throws(() => parseH2load('Could not resolve host'), { message: /printed no report/ })
})

test('slowhttptest: whether the service was there, past the colours', (t) => {
  const line = (answer: string) => `\u001b[1;32mservice available:\u001b[1;32m   \u001b[1;32m${answer}\u001b[0m\n`
  t.deepEqual(parseSlow(`${line('YES')}\u001b[0mSat Nov 21\n${line('YES')}`), ['YES'])
  t.deepEqual(parseSlow(`${line('YES')}${line('NO')}`), ['YES', 'NO'])
  t.deepEqual(parseSlow('Exit status: Connection refused'), [])
})

test('wafw00f: whether it found a firewall, and which', (t) => {
  const entry = (detected: boolean, name: string) =>
    JSON.stringify([
      { detected, firewall: name, manufacturer: name, trigger_url: null, url: 'https://www.foobar.com/' },
    ])
  t.deepEqual(parseWafw00f(entry(false, 'None')), { detected: false, name: 'None (None)' })
  t.deepEqual(parseWafw00f(entry(true, 'ModSecurity')), { detected: true, name: 'ModSecurity (ModSecurity)' })
  t.throws(() => parseWafw00f('[]'), { message: /reached no site/ })
})

test('lynis: the index, warnings and suggestions', (t) => {
  const text = `lynis_version=3.1.7
warning[]=PKGS-7392|Found one or more vulnerable packages.|-|-|
suggestion[]=SSH-7408|Consider hardening SSH configuration|Port (set 22 to )|-|
suggestion[]=BOOT-5264|Consider hardening system services|Run '/usr/bin/systemd-analyze security SERVICE' for each service|-|
hardening_index=70
`
  t.deepEqual(parseLynis(text), {
    index: 70,
    findings: [
      { id: 'PKGS-7392', says: 'Found one or more vulnerable packages.' },
      { id: 'SSH-7408', says: 'Consider hardening SSH configuration (Port (set 22 to ))' },
      {
        id: 'BOOT-5264',
        says: "Consider hardening system services (Run '/usr/bin/systemd-analyze security SERVICE' for each service)",
      },
    ],
  })
  t.throws(() => parseLynis('lynis_version=3.1.7\n'), { message: /no hardening index/ })
})

test('OpenSCAP: the score and the rules that failed; content that applies to nothing is an error', (t) => {
  const rule = (id: string, result: string) =>
    `    <rule-result idref="xccdf_org.ssgproject.content_rule_${id}" role="full" time="2026-11-21T14:40:00+00:00" severity="medium" weight="1.000000">\n      <result>${result}</result>\n`
  const score = '    <score system="urn:xccdf:scoring:default" maximum="100.000000">80.000000</score>\n'
  t.deepEqual(
    parseScap(`${rule('sshd_a', 'pass')}${rule('partition_for_tmp', 'fail')}${rule('b', 'notapplicable')}${score}`),
    {
      score: 80,
      passed: 1,
      findings: [{ id: 'partition_for_tmp', says: 'failed' }],
    },
  )
  t.throws(() => parseScap(`${rule('b', 'notapplicable')}${score}`), { message: /applied to this host/ })
  t.throws(() => parseScap(''), { message: /gave no score/ })
})

test('pt-table-checksum: a line a table', (t) => {
  const text = `Checking if all tables can be checksummed ...
Starting checksum ...
            TS ERRORS  DIFFS     ROWS  DIFF_ROWS  CHUNKS SKIPPED    TIME TABLE
11-21T14:52:09      0      1      204          1       1       0   0.021 app.notes
`
  t.deepEqual(parseChecksums(text), [{ table: 'app.notes', rows: 204, differences: 1, errors: 0 }])
  t.throws(() => parseChecksums('Cannot connect to MySQL'), { message: /printed no table/ })
})

test('sysbench: transactions, reconnects, and seconds in which nothing came through', (t) => {
  const text = `[ 1s ] thds: 2 tps: 106.73 qps: 2150.41 (r/w/o: 1507.14/427.82/215.45) lat (ms,95%): 33.12 err/s: 0.00 reconn/s: 0.00
FATAL: mysql_drv_query() returned error 2013 (Lost connection to server during query) for query 'INSERT INTO sbtest1 …'
connected anew
[ 2s ] thds: 2 tps: 0.00 qps: 0.00 (r/w/o: 0.00/0.00/0.00) lat (ms,95%): 0.00 err/s: 0.00 reconn/s: 3.00
SQL statistics:
    queries performed:
        read:                            1498
        write:                           428
        other:                           214
        total:                           2140
    transactions:                        107    (106.73 per sec.)
    queries:                             2140   (2134.60 per sec.)
    ignored errors:                      2      (1.99 per sec.)
    reconnects:                          0      (0.00 per sec.)
`
  t.deepEqual(parseSysbench(text), { transactions: 107, reconnects: 1, errors: 2, silent: 1 })
  t.throws(() => parseSysbench('FATAL: unable to connect'), { message: /printed no "transactions"/ })
})

test('promtool: an instant vector', (t) => {
  const text =
    '[{"metric":{"__name__":"up","instance":"localhost:9090","job":"prometheus"},"value":[1795272000.1,"1"]}]'
  t.deepEqual(parseVector(text), [
    { labels: { __name__: 'up', instance: 'localhost:9090', job: 'prometheus' }, value: '1' },
  ])
})
