// Backups of a replication group: a secondary makes them, one database comes back, and a restore of all data is refused.
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { backup, backupStore, isBackedUp } from '../../roles/backup.ts'
import { mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from '../lab/harness.ts'
import { provision } from '../lab/provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'backup-group', ['db1:sid', 'db2:sid', 'db3:sid', 'store1:bookworm'])

async function converge(verify = false): Promise<Ran> {
  const inventory = lab().inventory({
    groups: { db: ['db1', 'db2', 'db3'], backup: ['store1'] },
    vars: { mysql: { topology: 'group', databases: ['shop'] } },
  })
  return await lab().run(
    [
      play({ hosts: 'db', roles: [mysql()] }),
      play({ hosts: 'db', roles: [mysqlReplica()] }),
      play({ hosts: 'all', roles: (host) => [host.isIn('backup') && backupStore()] }),
      play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] }),
    ],
    { inventory, verify },
  )
}

function converged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
}

const sql = (host: string, text: string) =>
  lab()
    .on(host, 'mysql --batch --skip-column-names', text)
    .then(({ stdout, stderr }) => stdout.trim() || stderr)
const restore = (...more: string[]) =>
  provision(
    ['db', 'restore', '--inventory', 'inventory/examples/backup-group.ts', '--secrets', lab().secretsFile, ...more],
    { PROVISION_LAB: 't-backup-group' },
  )

test.serial('a secondary makes the dump, and a restore of it is whole', async (t) => {
  t.timeout(900_000)
  converged(t, await converge())
  converged(t, await converge(true))
  const primary = await sql(
    'db1',
    "SELECT MEMBER_HOST FROM performance_schema.replication_group_members WHERE MEMBER_ROLE = 'PRIMARY'",
  )
  t.is(primary, lab().address('db1'))
  const makers = await lab().must(
    'db1',
    "/usr/local/lib/backup/restic store1 databases snapshots --json --tag database | jq -r '.[].hostname'",
  )
  t.regex(makers, /^(db2|db3)\n((db2|db3)\n)*$/)
})

test.serial('all data is not replaced, one database is, and the group goes on', async (t) => {
  t.timeout(300_000)
  await sql('db1', "CREATE TABLE shop.t (id INT PRIMARY KEY, text VARCHAR(50)); INSERT INTO shop.t VALUES (1, 'one')")
  await lab().must('db1', '/usr/local/lib/backup/database now')
  await sql('db1', 'DELETE FROM shop.t')
  const all = await restore('--confirm', 'db1')
  t.is(all.code, 1)
  t.regex(all.stderr, /this server belongs to a replication group.* restore the databases one by one, with --database/)
  t.notRegex(all.stderr, /stop following/)
  const one = await restore('--database', 'shop', '--confirm', 'db1')
  t.is(one.code, 0, one.stderr)
  t.is(await sql('db1', 'SELECT text FROM shop.t'), 'one')
  const whole = 'ONLINE PRIMARY,ONLINE SECONDARY,ONLINE SECONDARY'
  const states =
    "SELECT GROUP_CONCAT(MEMBER_STATE, ' ', MEMBER_ROLE ORDER BY MEMBER_ROLE) FROM performance_schema.replication_group_members"
  for (const host of ['db1', 'db2', 'db3']) t.is(await sql(host, states), whole)
  const again = await converge()
  converged(t, again)
  t.deepEqual(
    again.log.filter((line) => / changed /.test(line)),
    [],
  )
  t.is(await sql('db3', 'SELECT text FROM shop.t'), 'one')
})
