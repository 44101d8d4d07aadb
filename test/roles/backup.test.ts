import test from 'ava'
import { type BackupParams, backup, backupStore } from '../../roles/backup.ts'
import { planOf } from '../../src/testing/plan-of.ts'

const others = { db: ['db1', 'db2'], backup: ['store1'] }

function plan(name: string, groups: string[], params: Partial<BackupParams> = {}, vars: object = {}) {
  const use = groups.includes('backup') ? backupStore(params) : backup(params)
  return planOf(use, { name, groups, others, vars: { backup: params, ...vars } })
}

const fileOf = (tasks: ReturnType<typeof plan>, dest: string) => tasks.find(({ args }) => args.dest === dest)?.args
const unitOf = (tasks: ReturnType<typeof plan>, name: string) =>
  String(tasks.find((task) => task.resource === 'systemd.unit' && task.args.name === name)?.args.content)

test('a store accepts only the key it knows: the host key in known_hosts is the one that the run has seen', (t) => {
  const tasks = plan('db1', ['db'])
  t.regex(String(fileOf(tasks, '/etc/backup/known_hosts')?.content), /^store1 ssh-ed25519 A+\n$/)
})

test('secrets are in files of root alone, never in units or scripts', (t) => {
  const tasks = plan('db1', ['db'])
  for (const dest of ['/etc/backup/identity', '/etc/backup/databases.password']) {
    const file = fileOf(tasks, dest)
    t.is(file?.mode, '0600', dest)
    t.is(String(file?.content), '‹secret›', dest)
  }
  for (const name of ['backup-database.service', 'backup-restore-test.service', 'backup-scratch.service'])
    t.notRegex(unitOf(tasks, name), /password|secret/i)
})

test('the timer has the schedule, catches up on what was missed, and a failure starts what was asked for', (t) => {
  const tasks = plan('db1', ['db'], { schedule: 'hourly', delay: '5min', onFailure: ['mail@%n.service'] })
  t.regex(unitOf(tasks, 'backup-database.timer'), /OnCalendar=hourly\nRandomizedDelaySec=5min\nPersistent=true\n/)
  t.regex(unitOf(tasks, 'backup-database.service'), /^OnFailure=mail@%n\.service$/m)
})

test('the scratch server has no network and a limit of memory', (t) => {
  const unit = unitOf(plan('db1', ['db'], { testMemory: '2G' }), 'backup-scratch.service')
  t.regex(unit, /^PrivateNetwork=yes$/m)
  t.regex(unit, /^MemoryMax=2G$/m)
})

test('files are kept in a repository of the host alone; without paths there is none', (t) => {
  t.is(fileOf(plan('db1', ['db']), '/etc/backup/paths'), undefined)
  const tasks = plan('db1', ['db'], { paths: ['/etc', "/srv/it's here"] })
  t.is(fileOf(tasks, '/etc/backup/paths')?.content, "/etc\n/srv/it's here\n")
  t.is(fileOf(tasks, '/etc/backup/files-db1.password')?.mode, '0600')
})

test('what could break a script or a unit is refused before a host is touched', (t) => {
  const refused = (params: Partial<BackupParams>, message: RegExp) =>
    t.throws(() => plan('db1', ['db'], params), { message })
  refused({ paths: ['/etc\n/root'] }, /expected a text of one line/)
  refused({ paths: ['etc'] }, /expected an absolute path/)
  refused({ schedule: 'daily\nExecStart=/bin/sh' }, /expected a calendar event/)
  refused({ repository: "s3:https://x/'; rm -rf /" }, /expected a repository of restic/)
  refused({ repository: 'rest:https://site:open@example.com/' }, /expected an address without credentials/)
  refused({ keep: { within: '7 d' } }, /expected a time such as/)
})

test('address and credentials of a repository outside are in a file of root alone, and in no argument', (t) => {
  const tasks = plan('db1', ['db'], {
    repository: 'rest:https://example.com/site/',
    environment: { RESTIC_REST_USERNAME: 'site', RESTIC_REST_PASSWORD: 'open sesame' },
  })
  const file = fileOf(tasks, '/etc/backup/external.env')
  t.is(file?.mode, '0600')
  t.is(String(file?.content), '‹secret›')
  t.deepEqual(
    tasks.filter((task) => JSON.stringify(task).includes('sesame')),
    [],
  )
})

test('a store runs one program for a key, with the repositories of that host', (t) => {
  const tasks = plan('store1', ['backup'])
  t.deepEqual(
    tasks
      .filter(({ resource }) => resource === 'file.directory')
      .map(({ args }) => args.path)
      .filter((path) => String(path).startsWith('/srv')),
    ['/srv/backup', '/srv/backup/databases'],
  )
  t.regex(unitOf(tasks, 'backup-retention.service'), /^LoadCredential=databases:\/etc\/backup-store\/databases$/m)
  t.regex(unitOf(tasks, 'backup-retention.service'), /^User=backup-store$/m)
})
