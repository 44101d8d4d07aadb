// The backup roles on real servers: who makes the dump, what a client can and cannot do to a store, a restore test that tells a good
// backup from a broken one, and the way back to a backup. The same for MySQL and MariaDB.
import type { ExecutionContext, TestFn } from 'ava'
import { backup, backupStore, isBackedUp } from '../../roles/backup.ts'
import { mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { type CommandResult, useLab } from '../lab/harness.ts'
import { provision } from '../lab/provision.ts'

const tools = '/usr/local/lib/backup'

/** The tests of a pair and a store, in the order in which they build on each other. */
export function backupTests(test: TestFn, flavour: 'mysql' | 'mariadb', name: string): void {
  const suite = flavour === 'mysql' ? 'sid' : 'trixie'
  const lab = useLab(test, name, [`db1:${suite}`, `db2:${suite}`, 'store1:bookworm'])

  async function converge({
    allowReseed = false,
    ...more
  }: {
    verify?: boolean
    allowReseed?: boolean
  } = {}): Promise<Ran> {
    const inventory = lab().inventory({
      groups: { db: ['db1', 'db2'], backup: ['store1'] },
      hosts: { db1: { vars: { backup: { paths: ['/etc/mysql'] } } } },
      vars: { mysql: { databases: ['shop', 'stays'], allowReseed } },
    })
    return await lab().run(
      [
        play({ hosts: 'db', roles: [mysql()] }),
        play({ hosts: 'db', roles: [mysqlReplica()] }),
        play({ hosts: 'all', roles: (host) => [host.isIn('backup') && backupStore()] }),
        play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] }),
      ],
      { inventory, ...more },
    )
  }

  async function changesNothing(t: ExecutionContext): Promise<void> {
    const again = await converge()
    converged(t, again)
    t.deepEqual(
      again.log.filter((line) => / changed /.test(line)),
      [],
    )
  }

  /** Starts a job and waits for its end; its own words. */
  async function job(host: string, name: string): Promise<CommandResult> {
    return await lab().on(
      host,
      `cursor=$(journalctl --show-cursor -n 0 | sed -n 's/^-- cursor: //p')
code=0; systemctl start ${name}.service 2>/dev/null || code=$?
journalctl --sync; journalctl --after-cursor="$cursor" -u ${name}.service -o cat; exit $code`,
    )
  }

  const figure = (host: string, name: string) =>
    lab().must(host, `sed -n 's/^hostwright_backup_${name}{[^}]*} //p' /var/lib/prometheus/node-exporter/backup-*.prom`)

  async function sql(host: string, text: string): Promise<string> {
    const result = await lab().on(host, `${flavour} --batch --skip-column-names`, text)
    if (result.code !== 0) throw new Error(`${host}: ${text}\n${result.stderr}`)
    return result.stdout
  }

  /** Waits until a question gets this answer. */
  async function becomes(t: ExecutionContext, host: string, question: string, answer: string): Promise<void> {
    const deadline = Date.now() + 120_000
    let last = ''
    while (last !== answer && Date.now() < deadline) last = await sql(host, question)
    t.is(last, answer, question)
  }

  test.serial('a bare pair and a store converge; a rerun changes nothing; the promises are kept', async (t) => {
    t.timeout(600_000)
    converged(t, await converge())
    converged(t, await converge({ verify: true })) // waits for the first backup and the first test of a restore
    await changesNothing(t)
  })

  test.serial(
    'the replica makes the dump, the primary sees that it is done, and a restore of it is whole',
    async (t) => {
      t.timeout(300_000)
      const first = await lab().must(
        'db1',
        `${tools}/restic store1 databases snapshots --json --tag database | jq -r '.[].hostname'`,
      )
      t.is(first, 'db2\n')
      await sql(
        'db1',
        `CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50), data BLOB);
INSERT INTO shop.t (text, data) VALUES ('it''s "one"', X'00FF0A27'), ('two', NULL);
CREATE TRIGGER shop.before_insert BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.text = UPPER(NEW.text);`,
      )
      await becomes(t, 'db2', "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'", '1\n')
      await lab().must('db2', `${tools}/database now`)
      t.regex((await job('db1', 'backup-database')).stdout, /another server made a backup \d+ seconds ago/)
      t.regex(await lab().must('db2', `${tools}/restore now`), /1 tables, 2 rows, checksums and GTIDs as they were/)
      t.is(await lab().must('db2', 'ls -d /var/lib/mysql-files/* /var/lib/mysql-restore 2>/dev/null || true'), '')
    },
  )

  test.serial('a client cannot remove or change what it has given away, nor read what is not its own', async (t) => {
    const forget = await lab().on(
      'db2',
      `${tools}/restic store1 databases forget --keep-last 1 --group-by '' --prune 2>&1`,
    )
    t.not(forget.code, 0)
    t.is(await lab().must('db2', `${tools}/restic store1 databases snapshots --json --tag database | jq length`), '2\n')
    const foreign = await lab().on(
      'db2',
      `cp /etc/backup/databases.password /etc/backup/files-db1.password; ${tools}/restic store1 files-db1 snapshots 2>&1; code=$?; rm /etc/backup/files-db1.password; exit $code`,
    )
    t.not(foreign.code, 0)
    t.regex(foreign.stdout, /this key is for: databases/)
    const shell = await lab().on('db2', `$(sed -n "s/.*rclone.program='\\(.*\\)' --repo.*/\\1/p" ${tools}/restic) id`)
    t.is(shell.stdout, '')
    t.not(shell.code, 0)
  })

  test.serial(
    'a truncated dump and a changed row are found, and the figures keep the time of the last good test',
    async (t) => {
      t.timeout(300_000)
      const before = await figure('db2', 'last_restore_test_timestamp_seconds')
      const spoil = (change: string) =>
        lab().must(
          'db2',
          `rm -rf /var/backups/database; ${tools}/restic store1 databases restore --target / --tag database latest >/dev/null
  cd /var/backups/database; ${change}
  ${tools}/restic store1 databases backup --quiet --tag database "$PWD/dump.sql" "$PWD/content" "$PWD/version"; cd /; rm -rf /var/backups/database`,
        )
      const forgetLast = async () => {
        const id = await lab().must(
          'db2',
          `${tools}/restic store1 databases snapshots --json --tag database | jq -r 'max_by(.time).short_id'`,
        )
        await lab().must(
          'store1',
          `cd /; RESTIC_PASSWORD=$(cat /etc/backup-store/databases) runuser -u backup-store -- restic -r /srv/backup/databases --no-cache forget --quiet ${id.trim()}`,
        )
      }
      await spoil("sed -i '$d' dump.sql")
      const truncated = await lab().on('db2', `${tools}/restore now`)
      t.not(truncated.code, 0)
      t.regex(truncated.stderr, /the dump in snapshot \w+ of store1 is not complete/)
      await forgetLast()
      await spoil("sed -i \"s/'two'/'tow'/\" dump.sql")
      const changed = await lab().on('db2', `${tools}/restore now`)
      t.not(changed.code, 0)
      t.regex(changed.stderr, /-shop\.t\t\d+\n\+shop\.t\t\d+\n/)
      await forgetLast()
      t.is(await figure('db2', 'last_restore_test_timestamp_seconds'), before)
    },
  )

  const restore = (...more: string[]) =>
    provision(
      ['db', 'restore', '--inventory', 'inventory/examples/backup.ts', '--secrets', lab().secretsFile, ...more],
      {
        PROVISION_LAB: `t-${name}`,
      },
    )

  test.serial('provision db restore brings back a dropped database, up to the moment before', async (t) => {
    t.timeout(300_000)
    await sql('db1', "INSERT INTO shop.t (text) VALUES ('after the backup');")
    // binary logs tell time by the second
    const until = await lab().must(
      'db1',
      `now=$(date +%s); while [ "$(date +%s)" = "$now" ]; do sleep 0.1; done; date -u +%FT%TZ; now=$(date +%s); while [ "$(date +%s)" = "$now" ]; do sleep 0.1; done; ${flavour} -e 'DROP DATABASE shop'`,
    )
    const careless = await restore('--until', until.trim())
    t.is(careless.code, 1)
    t.regex(careless.stderr, /the data of db1 would be replaced, so it must be confirmed/)
    const done = await restore('--until', until.trim(), '--confirm', 'db1')
    t.is(done.code, 0, done.stderr)
    t.is(
      await sql('db1', 'SELECT text FROM shop.t ORDER BY id; SELECT @@GLOBAL.read_only;'),
      `it's "one"\ntwo\nAFTER THE BACKUP\n0\n`,
    )
    t.is(await sql('db2', 'SHOW REPLICA STATUS;'), '', 'the replica goes on with data that the primary does not have')
  })

  test.serial('what followed is refused until its data may go, and follows the restored data then', async (t) => {
    t.timeout(300_000)
    await sql('db1', "INSERT INTO shop.t (text) VALUES ('after the restore');")
    const refused = await converge()
    t.is(refused.result.outcome, 'failed')
    t.regex(refused.errors.join('\n'), /this server is no replica and has its own schemas \(stays\)/)
    converged(t, await converge({ allowReseed: true }))
    const texts = "SELECT GROUP_CONCAT(text ORDER BY id SEPARATOR '|') FROM shop.t;"
    await becomes(t, 'db2', texts, `it's "one"|two|AFTER THE BACKUP|AFTER THE RESTORE\n`)
    await sql('db1', "INSERT INTO shop.t (text) VALUES ('followed');")
    await becomes(t, 'db2', texts, `it's "one"|two|AFTER THE BACKUP|AFTER THE RESTORE|FOLLOWED\n`)
    await changesNothing(t)
    t.is(await lab().must('db2', `${tools}/database role`), 'replica\n')
    t.regex(await lab().must('db2', `${tools}/database now && ${tools}/restore now`), /1 tables, 5 rows, checksums/)
  })

  test.serial('one database is restored beside the present one, and in its place; the replica follows', async (t) => {
    t.timeout(300_000)
    await sql('db1', 'DELETE FROM shop.t;')
    const beside = await restore('--database', 'shop', '--as', 'shop_before')
    t.is(beside.code, 0, beside.stderr)
    await becomes(t, 'db2', 'SELECT COUNT(*) FROM shop_before.t;', '5\n')
    await sql('db1', "INSERT INTO shop_before.t (text) VALUES ('as it is');")
    t.is(await sql('db1', 'SELECT text FROM shop_before.t ORDER BY id DESC LIMIT 1;'), 'as it is\n', 'it has a trigger')
    t.is(await sql('db1', 'SELECT COUNT(*) FROM shop.t;'), '0\n')
    const instead = await restore('--database', 'shop', '--confirm', 'db1')
    t.is(instead.code, 0, instead.stderr)
    await sql('db1', "INSERT INTO shop.t (text) VALUES ('with its trigger');")
    const last = 'SELECT COUNT(*), (SELECT text FROM shop.t ORDER BY id DESC LIMIT 1) FROM shop.t;'
    await becomes(t, 'db2', last, '6\tWITH ITS TRIGGER\n')
    await changesNothing(t)
  })

  test.serial('a damaged repository fails the check of the store and the test of the restore', async (t) => {
    t.timeout(300_000)
    t.is((await job('store1', 'backup-retention')).code, 0)
    t.is((await figure('store1', 'last_run_success')).trim(), '1')
    await lab().must(
      'store1',
      `for pack in $(find /srv/backup/databases/data -type f); do printf damaged | dd of="$pack" bs=1 seek=100 conv=notrunc status=none; done`,
    )
    const restore = await lab().on('db2', `rm -rf /var/cache/backup/*; ${tools}/restore now`)
    t.not(restore.code, 0)
    t.regex(restore.stderr, /error: snapshot \w+ of store1 cannot be read whole/)
    const check = await job('store1', 'backup-retention')
    t.not(check.code, 0)
    t.regex(check.stdout, /error: not in order: databases/)
    t.is((await figure('store1', 'last_run_success')).trim(), '0')
  })
}

function converged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
}
