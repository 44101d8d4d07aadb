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

test.serial('the site serves, writes to db1 and reads from db2; only web1 answers while it is well', async (t) => {
  t.timeout(120_000)
  const site = {
    address: lab().address('lb1'),
    domain: 'www.foobar.com',
    ca: readFileSync(lab().status.acme?.root ?? '', 'utf8'),
  }
  t.is((await request(site, 'POST', '/notes', 'tiers')).status, 200)
  const { json } = await request(site, 'GET', '/database')
  t.is(json.writes.host, 'db1')
  t.is(json.reads.host, 'db2')
  t.is(json.server, 'web1')
  await lab().must('web1', 'systemctl stop nginx')
  t.is((await request(site, 'GET', '/whoami')).json.server, 'web2')
})
