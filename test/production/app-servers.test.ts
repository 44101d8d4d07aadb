// Apps on servers of their own: nginx reaches them over TLS that both ends verify, and takes them out of rotation while they change.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { request } from '../../scripts/site-client.ts'
import { useLab } from '../lab/harness.ts'
import { type CommandRun, provision, recapOf, root } from '../lab/provision.ts'
import { writeReleaseApp } from '../lab/release-app.ts'
import { startLoad } from '../lab/steady-load.ts'

const test = anyTest as TestFn
const hosts = ['lb1:bookworm', 'web1:bookworm', 'web2:trixie', 'app1:bookworm', 'app2:sid', 'db1:trixie'] as const
const lab = useLab(test, 'apps', [...hosts], { acme: true })
const names = hosts.map((host) => host.split(':')[0] ?? '')
const folder = mkdtempSync(join(root, '.provision-test-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const writeApp = (release: string) => writeReleaseApp(join(folder, 'app'), release)
const run = (...args: string[]) => {
  const vars = { app: { source: { directory: join(folder, 'app') } } }
  writeFileSync(join(folder, 'vars.json'), JSON.stringify(vars))
  const common = ['--inventory', 'inventory/examples/app-servers.ts', '--secrets', lab().secretsFile]
  return provision([...args, ...common, '--output', 'json', '-e', `@${folder}/vars.json`], { PROVISION_LAB: 't-apps' })
}
const site = (...more: string[]) => run('playbooks/site.ts', ...more)
const deploy = (...more: string[]) => run('playbooks/deploy.ts', ...more)
function converged(t: ExecutionContext, ran: CommandRun): void {
  t.is(ran.code, 0, ran.stderr + ran.stdout.slice(-3000))
}
function changed(ran: CommandRun): Record<string, number> {
  const counts = Object.entries(recapOf(ran).hosts).map(([host, counts]) => [host, counts.changed] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

const visit = (path: string) =>
  request(
    {
      address: lab().address('lb1'),
      domain: 'www.foobar.com',
      ca: readFileSync(lab().status.acme?.root ?? '', 'utf8'),
    },
    'GET',
    path,
  )
/** Who answers a number of requests. */
async function answering(): Promise<string[]> {
  const answers = new Set<string>()
  for (let count = 0; count < 12; count++) {
    const { status, body } = await visit('/')
    answers.add(status === 200 ? (body.split(' ')[1] ?? '') : String(status))
  }
  return [...answers].sort()
}
const marked = async () =>
  (
    await Promise.all(
      ['web1', 'web2'].map((web) => lab().must(web, "grep -c ' down;' /etc/nginx/conf.d/site.conf || :")),
    )
  ).map((count) => count.trim())

/** What an interrupted deployment leaves. */
const markOnWeb1 = () => {
  const app2 = lab().address('app2').replaceAll('.', '\\.')
  return lab().must(
    'web1',
    `sed -i '/server ${app2}:/ s/;/ down;/' /etc/nginx/conf.d/site.conf; systemctl reload nginx`,
  )
}

test.serial('check mode touches nothing', async (t) => {
  t.timeout(300_000)
  writeApp('one')
  const look = () =>
    Promise.all(
      names.map((host) => lab().must(host, 'ls -lR --time-style=full-iso /etc /srv | sha256sum; dpkg -l | sha256sum')),
    )
  const before = await look()
  converged(t, await site('--check'))
  t.deepEqual(await look(), before)
})

test.serial('six bare hosts become the tiers; a second run changes nothing; every promise is kept', async (t) => {
  t.timeout(900_000)
  converged(t, await site())
  const second = await site()
  converged(t, second)
  t.deepEqual(changed(second), {})
  converged(t, await run('verify', 'playbooks/site.ts'))
})

test.serial('nginx serves the static files of the release, both apps answer the rest', async (t) => {
  const { status, headers } = await visit('/static/robots.txt')
  t.is(status, 200)
  t.regex(String(headers['x-served-by']), /^web[12]$/)
  t.deepEqual(await answering(), ['app1', 'app2'])
})

test.serial('the app is reached over TLS only, and by nobody without a certificate of the internal CA', async (t) => {
  const ask = (more: string, url: string) => lab().on('web1', `curl -sS --max-time 5 ${more} ${url}`)
  const app1 = lab().address('app1')
  t.not((await ask('', `http://${app1}:3000/`)).code, 0)
  const there = `--cacert /etc/nginx/tls/ca.pem --connect-to app:3443:${app1}:3443`
  t.not((await ask(there, 'https://app:3443/')).code, 0)
  const own = '--cert /etc/nginx/tls/server.pem --key /etc/nginx/tls/server.key'
  t.is((await ask(`${there} ${own}`, 'https://app:3443/')).stdout, 'one app1')
})

test.serial('an app server that shows another name gets no request, and a run mends it', async (t) => {
  t.timeout(300_000)
  // a certificate of the internal CA, without the name that all app servers share
  await lab().must(
    'app1',
    'cp /etc/app/tls/server.pem /etc/stunnel/app/server.pem; cp /etc/app/tls/server.key /etc/stunnel/app/server.key; systemctl restart app-tls',
  )
  t.deepEqual(await answering(), ['app2'])
  t.regex(await lab().must('web1', 'cat /var/log/nginx/error.log'), /upstream SSL certificate does not match "app"/)
  const mended = await site()
  converged(t, mended)
  t.deepEqual(Object.keys(changed(mended)), ['app1'])
  t.deepEqual(await answering(), ['app1', 'app2'])
})

test.serial('no request fails while the apps get another release, one after the other', async (t) => {
  t.timeout(900_000)
  writeApp('two')
  const clients = startLoad(lab().address('lb1'), 'www.foobar.com')
  t.teardown(() => clients.end(0))
  converged(t, await deploy())
  const tally = await clients.end(6000)
  t.deepEqual(tally.failures, [])
  t.deepEqual(tally.releases, ['one', 'two'])
  t.deepEqual([...tally.servers].sort(), ['app1', 'app2'])
  t.deepEqual(await marked(), ['0', '0'])
  t.deepEqual(changed(await deploy()), {})
})

test.serial(
  'a rollback takes the apps and the static files of the web servers back, and no request fails',
  async (t) => {
    t.timeout(900_000)
    const releases = async () =>
      new Set(
        await Promise.all(
          ['web1', 'web2', 'app1', 'app2'].map((host) => lab().must(host, 'readlink /srv/app/current')),
        ),
      )
    const [two] = await releases()
    const clients = startLoad(lab().address('lb1'), 'www.foobar.com')
    t.teardown(() => clients.end(0))
    converged(t, await run('rollback', 'app'))
    const tally = await clients.end(2000)
    t.deepEqual(tally.failures, [])
    t.deepEqual(tally.releases, ['two', 'one'])
    const after = [...(await releases())]
    t.is(after.length, 1)
    t.not(after[0], two)
    t.deepEqual(await marked(), ['0', '0'])
  },
)

test.serial('the last app server that takes requests is not taken out', async (t) => {
  t.timeout(300_000)
  writeApp('three')
  await markOnWeb1()
  const refused = await deploy()
  t.not(refused.code, 0)
  t.regex(refused.stderr + refused.stdout, /is the last app server that takes requests/)
  t.deepEqual(await marked(), ['1', '0'])
  // nginx' own role mends the file; then the same deployment goes through
  converged(t, await site('--tags', 'nginx'))
  converged(t, await deploy())
  t.deepEqual(await marked(), ['0', '0'])
  t.regex((await visit('/')).body, /^three /)
})

test.serial('an app server that was left marked is changed without a wait, and comes back', async (t) => {
  t.timeout(300_000)
  writeApp('four')
  await markOnWeb1()
  converged(t, await deploy('--limit', 'app2'))
  t.deepEqual(await marked(), ['0', '0'])
  converged(t, await deploy())
  t.regex((await visit('/')).body, /^four /)
})
