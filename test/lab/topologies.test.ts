// Placement is the inventory's business alone: the same playbook on other inventories.
import { readFileSync } from 'node:fs'
import anyTest, { type TestFn } from 'ava'
import { request } from '../../scripts/site-client.ts'
import { useLab } from './harness.ts'
import { provision, recapOf } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'tiers', ['lb1:bookworm', 'web1:bookworm', 'web2:trixie', 'db1:trixie', 'db2:trixie'], {
  acme: true,
})
const run = (...more: string[]) =>
  provision(
    [
      '--inventory',
      'inventory/examples/separate-tiers.ts',
      '--output',
      'json',
      '--secrets',
      lab().secretsFile,
      ...more,
    ],
    { PROVISION_LAB: 't-tiers' },
  )

test.serial(
  'each tier on its own servers, MariaDB, active-passive: converges, and a rerun changes nothing',
  async (t) => {
    t.timeout(900_000)
    const first = await run()
    t.is(first.code, 0, `${first.stderr}\n${first.stdout.slice(-4000)}`)
    for (const [host, counts] of Object.entries(recapOf(await run()).hosts)) t.is(counts.changed, 0, host)
  },
)

const visited = () => ({
  address: lab().address('lb1'),
  domain: 'www.foobar.com',
  ca: readFileSync(lab().status.acme?.root ?? '', 'utf8'),
})

test.serial('the site serves, writes to db1 and reads from db2; only web1 answers while it is well', async (t) => {
  t.timeout(120_000)
  const site = visited()
  t.is((await request(site, 'POST', '/notes', 'tiers')).status, 200)
  const { json } = await request(site, 'GET', '/database')
  t.is(json.writes.host, 'db1')
  t.is(json.reads.host, 'db2')
  t.is(json.server, 'web1')
  await lab().must('web1', 'systemctl stop nginx')
  t.is((await request(site, 'GET', '/whoami')).json.server, 'web2')
})

test.serial(
  'a primary that was away for longer than the app waits: writes fail meanwhile, and go on when it is back',
  async (t) => {
    t.timeout(180_000)
    const write = async () => (await request(visited(), 'POST', '/notes', 'after a pause')).status
    await lab().must('db1', 'systemctl stop mariadb')
    t.is(await write(), 500)
    // the replica has lost its source, and answers
    t.is((await request(visited(), 'GET', '/notes')).status, 200)
    await lab().must('db1', 'systemctl start mariadb')
    const deadline = Date.now() + 120_000
    let status = await write()
    while (status !== 200 && Date.now() < deadline) status = await write()
    t.is(status, 200)
  },
)
