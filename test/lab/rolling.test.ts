// Rolling changes of a web tier that serves: a new release and the way back under load, a release that does not come up,
// a controller that is killed while a server is drained. The real roles and playbooks, with an app of a few lines.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { useLab } from './harness.ts'
import { jsonLines, provision, recapOf, root, startProvision } from './provision.ts'
import { writeReleaseApp } from './release-app.ts'
import { type Load, startLoad } from './steady-load.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'rolling', ['lb1:bookworm', 'web1:bookworm', 'web2:bookworm'], { acme: true })
const folder = mkdtempSync(join(root, '.provision-test-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const domain = 'www.foobar.com'
function load(t: ExecutionContext): Load {
  const clients = startLoad(lab().address('lb1'), domain)
  t.teardown(() => clients.end(0))
  return clients
}

const writeApp = (release: string, healthy?: string) => writeReleaseApp(join(folder, 'app'), release, healthy)

const common = () => {
  const vars = {
    app: { source: { directory: join(folder, 'app') } },
    nginx: { requestsPerSecond: 100_000, burst: 100_000, connectionsPerClient: 1000 },
  }
  writeFileSync(join(folder, 'vars.json'), JSON.stringify(vars))
  return [
    '--inventory',
    'inventory/lab.ts',
    '--output',
    'json',
    '--secrets',
    lab().secretsFile,
    '-e',
    `@${folder}/vars.json`,
  ]
}
const env = { PROVISION_LAB: 't-rolling' }
const deploy = (...more: string[]) => provision(['playbooks/deploy.ts', ...common(), ...more], env)
const rollback = (...more: string[]) => provision(['rollback', 'app', ...common(), ...more], env)

/** What HAProxy says of the servers: `web1 ready`. */
async function states(): Promise<string[]> {
  const text = await lab().must('lb1', `echo 'show servers state web' | socat - /run/haproxy/admin.sock`)
  const modes: Record<string, string> = { '0': 'ready', '8': 'drain' }
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[1] === 'web')
    .map((fields) => `${fields[3]} ${modes[fields[6] ?? ''] ?? fields[6]}`)
}
const current = async () =>
  await Promise.all(['web1', 'web2'].map((host) => lab().must(host, 'readlink /srv/app/current')))
const said = (run: { stdout: string; stderr: string }) => run.stderr + run.stdout.slice(-3000)

test.serial(
  'three bare hosts become the tiers, and a deployment has nothing to do and leaves HAProxy alone',
  async (t) => {
    t.timeout(900_000)
    writeApp('one')
    const first = await provision([...common(), '--tags', 'app,nginx,haproxy'], env)
    t.is(first.code, 0, said(first))
    const rerun = await deploy()
    t.is(rerun.code, 0, said(rerun))
    const { hosts } = recapOf(rerun)
    t.deepEqual(Object.keys(hosts), ['web1', 'web2'])
    for (const counts of Object.values(hosts)) t.deepEqual([counts.changed, counts.requests], [0, 1])
  },
)

test.serial('check mode announces the roll and touches nothing', async (t) => {
  t.timeout(300_000)
  writeApp('two')
  const before = await current()
  const check = await deploy('--check')
  t.is(check.code, 0, said(check))
  const announced = jsonLines(check).flatMap((line) =>
    line.type === 'task:end' && line.status === 'changed' ? [(line.task as { title: string }).title] : [],
  )
  for (const title of ['haproxy.server web/web1 drain', 'haproxy.server web/web2 drain'])
    t.true(announced.includes(title))
  t.deepEqual(await current(), before)
  t.deepEqual(await states(), ['web1 ready', 'web2 ready'])
})

test.serial('no request of 10,000 fails during a rolling deployment', async (t) => {
  t.timeout(900_000)
  const clients = load(t)
  const run = await deploy()
  t.is(run.code, 0, said(run))
  const tally = await clients.end(10_000)
  t.deepEqual(tally.failures, [])
  t.true(tally.requests >= 10_000)
  t.deepEqual(tally.releases, ['one', 'two'])
  t.deepEqual([...tally.servers].sort(), ['web1', 'web2'])
  t.deepEqual(await states(), ['web1 ready', 'web2 ready'])
  t.is(recapOf(await deploy()).hosts.web1?.changed, 0)
})

test.serial('no request of 10,000 fails during a rollback; a second one has nowhere to go', async (t) => {
  t.timeout(900_000)
  const before = await current()
  const check = await rollback('--check')
  t.is(check.code, 0, said(check))
  t.deepEqual(await current(), before)

  const clients = load(t)
  const run = await rollback()
  t.is(run.code, 0, said(run))
  const tally = await clients.end(10_000)
  t.deepEqual(tally.failures, [])
  t.deepEqual(tally.releases, ['two', 'one'])
  t.deepEqual(await states(), ['web1 ready', 'web2 ready'])

  const again = await rollback()
  t.is(again.code, 1, said(again))
  t.regex(again.stderr, /app: there is no previous release to go back to/)
  const wrong = await rollback('--to', 'ffff')
  t.is(wrong.code, 1, said(wrong))
  t.regex(wrong.stderr, /no host has a release 'ffff'/)
  const other = await provision(['rollback', 'nginx', ...common()], env)
  t.is(other.code, 1, said(other))
  t.regex(other.stderr, /role nginx has no way back[\s\S]*Roles that can go back: app\./)
  const kept = await rollback('--to', before[0]?.trim().replace('releases/', '').slice(0, 8) ?? '')
  t.is(kept.code, 0, said(kept))
  t.deepEqual(await current(), before)
})

test.serial(
  'a release that does not come up stops the roll on its server, and a rollback mends that one alone',
  async (t) => {
    t.timeout(900_000)
    const before = await current()
    writeApp('broken', 'false')
    const clients = load(t)
    const run = await deploy()
    t.is(run.code, 2, said(run))
    t.deepEqual(await states(), ['web1 drain', 'web2 ready'])
    const warnings = jsonLines(run).flatMap((line) => (line.type === 'warning' ? [String(line.message)] : []))
    t.true(
      warnings.some((text) =>
        /afterChanges of play application did not run.*haproxy.server web\/web1 drain/.test(text),
      ),
    )
    t.true(warnings.some((text) => /nothing was changed by it on web2/.test(text)))

    const back = await rollback()
    t.is(back.code, 0, said(back))
    t.is(recapOf(back).hosts.web2?.changed, 0)
    t.deepEqual(await current(), before)
    t.deepEqual(await states(), ['web1 ready', 'web2 ready'])
    const tally = await clients.end(0)
    t.deepEqual(tally.failures, [])
    t.deepEqual(tally.releases, ['two'])
  },
)

test.serial('killed while a server is drained, the next run goes on and puts it back', async (t) => {
  t.timeout(900_000)
  // it is well only when we say so, so the controller waits for it
  writeApp('gated', `existsSync('/etc/app/go')`)
  const { child, done } = startProvision(['playbooks/deploy.ts', ...common()], env)
  const waiting = `systemctl is-active --quiet app && grep -q gated /srv/app/current/server.js && [ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:3000/healthz)" = 503 ]`
  const deadline = Date.now() + 300_000
  while ((await lab().on('web1', waiting)).code !== 0) t.true(Date.now() < deadline, 'the release never came')
  child.kill('SIGKILL')
  await done
  t.deepEqual(await states(), ['web1 drain', 'web2 ready'])

  for (const host of ['web1', 'web2']) await lab().must(host, 'touch /etc/app/go')
  const run = await deploy()
  t.is(run.code, 0, said(run))
  t.deepEqual(await states(), ['web1 ready', 'web2 ready'])
  t.deepEqual(await lab().must('web1', 'ls -A /var/lib/hostwright/pending'), '')
  for (const host of ['web1', 'web2']) t.regex(await lab().must(host, 'cat /srv/app/current/server.js'), /gated/)
  const again = recapOf(await deploy())
  for (const counts of Object.values(again.hosts)) t.deepEqual([counts.changed, counts.requests], [0, 1])
})
