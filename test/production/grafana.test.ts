// The role's part of Grafana, with a stand-in from a signed repository: laid out as the real package, in its unit's sandbox, but not Grafana.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { exporters } from '../../roles/exporters.ts'
import { firewall } from '../../roles/firewall.ts'
import { dashboards } from '../../roles/monitoring/dashboards.ts'
import { monitoring } from '../../roles/monitoring.ts'
import { definePlaybook, play } from '../../src/core/play.ts'
import { secret } from '../../src/core/secret.ts'
import { openSecrets } from '../../src/secrets/open-secrets.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from '../lab/harness.ts'
import { isConverged, isSteady } from '../lab/steady.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'grafana', ['mon1:trixie'])
const on = (script: string, input?: string) => lab().on('mon1', script, input)
const must = (script: string) => lab().must('mon1', script)

/** What a careless quote, a format or an expansion would spoil. */
const password = `pass"w\\ord $HOME %s '{x}' ä`
const folder = mkdtempSync(join(tmpdir(), 'hostwright-grafana-'))
let server: Server | undefined
let address = ''
let key = ''
test.after.always(() => {
  server?.closeAllConnections()
  server?.close()
  rmSync(folder, { recursive: true })
})

/** Serves a repository with this version of the package, signed by this key; what was served before is gone. */
async function serve(version: string, signer: string): Promise<void> {
  const file = (name: string) => readFileSync(new URL(`grafana/${name}`, import.meta.url), 'utf8')
  await on('cat >/root/repository.sh', file('repository.sh'))
  const made = await on(`sh /root/repository.sh ${version} ${signer}`, file('stand-in.py'))
  if (made.code !== 0) throw new Error(made.stderr)
  rmSync(join(folder, 'served'), { recursive: true, force: true })
  execFileSync('sh', ['-c', 'mkdir "$0" && base64 -d | tar x -C "$0"', join(folder, 'served')], { input: made.stdout })
  key = readFileSync(join(folder, 'served/key.asc'), 'utf8')
  server ??= createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, 'served', normalize(request.url ?? '/'))))
    } catch {
      response.writeHead(404).end()
    }
  })
  if (!server.listening) {
    await new Promise<void>((resolve) => server?.listen(0, lab().status.network.gateway, resolve))
    address = `http://${lab().status.network.gateway}:${(server.address() as AddressInfo).port}`
  }
}

function run(more: { check?: boolean; verify?: boolean; uris?: string; key?: string } = {}): Promise<Ran> {
  const repository = { uris: more.uris ?? address, suites: 'stable', components: 'main', key: more.key ?? key }
  const roles = [
    firewall(),
    exporters(),
    monitoring({ scrapeInterval: '2s', grafana: { repository, adminPassword: secret('grafana.admin') } }),
  ]
  return lab().run([], {
    playbook: definePlaybook([play({ hosts: 'monitor', roles })], { packagesFirst: true }),
    inventory: lab().inventory({ groups: { monitor: ['mon1'] } }),
    secrets: openSecrets({ file: lab().secretsFile, env: { PROVISION_SECRET_GRAFANA_ADMIN: password } }),
    ...more,
  })
}

test.serial('check mode touches nothing, on a host that has neither package nor repository', async (t) => {
  t.timeout(600_000)
  await must('apt-get -qq update && apt-get -qqy install --no-install-recommends apt-utils gnupg >/dev/null 2>&1')
  await serve('13.0.1', 'right')
  const state = () => must('ls -lR --time-style=full-iso /etc /usr/local /var/lib/apt; dpkg -l')
  const before = await state()
  isConverged(t, await run({ check: true }))
  t.is(await state(), before)
})

test.serial(
  'a repository that is not there, and one that somebody else signed, are named with the reason',
  async (t) => {
    t.timeout(600_000)
    const right = key
    await serve('13.0.1', 'wrong')
    const notThere = await run({ uris: `${address}/elsewhere` })
    t.is(notThere.result.outcome, 'failed')
    t.log(notThere.errors.join('\n'))
    const forged = await run({ key: right })
    t.is(forged.result.outcome, 'failed')
    t.log(forged.errors.join('\n'))
    t.not((await on('dpkg -s grafana')).code, 0)
  },
)

test.serial('Grafana is there after one run, a rerun changes nothing, and all promises are kept', async (t) => {
  t.timeout(600_000)
  await serve('13.0.1', 'right')
  isConverged(t, await run())
  await isSteady(t, run)
})

const processId = async () => (await must('systemctl show -P MainPID grafana-server')).trim()
const api = 'http://127.0.0.1:3001/grafana/api'
/** What the stand-in says to admin, whose password is the secret. */
const ask = async (path: string) => {
  const { stdout } = await on(
    `curl --silent --config - '${api}${path}'`,
    `user = "admin:${password.replaceAll(/["\\]/g, '\\$&')}"\n`,
  )
  return JSON.parse(stdout) as unknown
}

test.serial('as user grafana it reads its data source and dashboards, and Prometheus answers it', async (t) => {
  t.timeout(120_000)
  t.is(await must(`ps -o user= -p ${await processId()}`), 'grafana\n')
  t.deepEqual(((await ask('/search?tag=hostwright')) as { title: string }[]).map(({ title }) => title).sort(), [
    'Databases',
    'Hosts',
    'Load balancers',
    'Site',
  ])
  for (const { panels } of Object.values(dashboards)) {
    for (const { expr } of panels.flatMap(({ targets }) => targets)) {
      const answer = await ask(`/datasources/proxy/uid/prometheus/api/v1/query?query=${encodeURIComponent(expr)}`)
      t.is((answer as { status: string }).status, 'success', expr)
    }
  }
})

test.serial(
  'the password is in one file for Grafana alone, and Grafana reads no secret of the other daemons',
  async (t) => {
    t.timeout(300_000)
    const found = await on(
      `cat >/root/word; grep -rlFf /root/word /etc /var /run /usr/local /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; rm /root/word`,
      password,
    )
    t.is(found.stdout, '/etc/grafana/admin-password\n')
    t.is(
      await must('stat -c "%a %U %G" /etc/grafana/admin-password /etc/grafana/grafana.ini'),
      '640 root grafana\n640 root grafana\n',
    )
    t.is(await must('stat -c "%a %G" /etc/prometheus/grafana-tls/server.key'), '640 grafana\n')
    const groups = await must('grep ^Groups: /proc/$(systemctl show -P MainPID grafana-server)/status')
    t.false(groups.includes((await must('getent group prometheus | cut -d: -f3')).trim()), groups)
  },
)

test.serial('browsers reach it through the status page alone', async (t) => {
  t.timeout(120_000)
  const visit = (url: string) =>
    execFileSync(
      'curl',
      [
        '--silent',
        '--insecure',
        '--max-time',
        '10',
        '--output',
        join(folder, 'answer'),
        '--write-out',
        '%{http_code}',
        url,
      ],
      {
        encoding: 'utf8',
      },
    )
  t.is(visit(`https://${lab().address('mon1')}:9443/grafana/api/health`), '200')
  t.regex(readFileSync(join(folder, 'answer'), 'utf8'), /"database": "ok"/)
  t.is(visit(`https://${lab().address('mon1')}:9443/grafana/api/search`), '401')
  t.throws(() => visit(`http://${lab().address('mon1')}:3001/grafana/api/health`))
})

test.serial('the repository gives Grafana and nothing that Debian has, however new', async (t) => {
  t.timeout(120_000)
  const policy = await must('apt-cache policy curl')
  t.regex(policy, /99\.0 100/)
  t.notRegex(policy, /Candidate: 99/)
  t.regex(await must('apt-cache policy grafana'), /Candidate: 13\.0\.1/)
})

test.serial(
  'an upgrade of the package changes owners and modes, and the next run still has nothing to change',
  async (t) => {
    t.timeout(600_000)
    await serve('13.0.2', 'right')
    await must('apt-get -qq update && apt-get -qqy install --only-upgrade grafana >/dev/null 2>&1')
    t.regex(await must('dpkg -s grafana'), /^Version: 13\.0\.2$/m)
    await isSteady(t, run)
  },
)

test.serial('a renewed certificate restarts it, for it reads the key when it starts', async (t) => {
  t.timeout(300_000)
  const before = await processId()
  await must('rm /etc/prometheus/grafana-tls/server.pem')
  isConverged(t, await run())
  await isSteady(t, run)
  t.not(await processId(), before)
})

test.serial('what Grafana cannot read fails the run that wrote it', async (t) => {
  t.timeout(300_000)
  await must("printf '{' >/etc/grafana/provisioning/datasources/another.yaml; echo >>/etc/grafana/grafana.ini")
  const ran = await run()
  t.is(ran.result.outcome, 'failed')
  t.log(ran.errors.join('\n'))
  await must('rm /etc/grafana/provisioning/datasources/another.yaml')
  isConverged(t, await run())
  await isSteady(t, run)
})
