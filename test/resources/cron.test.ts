import test from 'ava'
import { cron } from '../../src/resources/cron.ts'
import { facts, planOne, planTable } from './table.ts'

const path = '/etc/cron.d/back-up'
const text = `# Made by provision; changes are lost.\nMAILTO=""\n*/5 0-6,22 * * mon-fri root date "+\\%F" >"/tmp/it's é"\n`
const wish = {
  name: 'back-up',
  schedule: '*/5 0-6,22 * * mon-fri',
  job: `date "+%F" >"/tmp/it's é"`,
  env: { MAILTO: '' },
}
const around = 'folder\nuser\troot\n'
const file = (content: string, mode = '644') =>
  `file\t${path}\t${mode} root:root\t${Buffer.from(content).toString('base64')}\n`

planTable([
  {
    title: 'nothing to do for the same job',
    task: cron(wish),
    probe: file(text) + around,
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'writes a new job',
    task: cron(wish),
    probe: `absent\t${path}\n${around}`,
    expect: { changes: ['absent → present'] },
  },
  {
    title: 'a mode that cron ignores is mended',
    task: cron(wish),
    probe: file(text, '666') + around,
    expect: { changes: ['mode 0666 → 0644'] },
  },
  {
    title: 'removes the file',
    task: cron({ name: 'back-up', state: 'absent' }),
    probe: file(text) + around,
    expect: { changes: ['present → absent'] },
    scripts: [`rm -f -- ${path}`],
  },
  {
    title: 'without cron it is unknown',
    task: cron(wish),
    probe: `absent\t${path}\nuser\troot\n`,
    expect: { unknown: 'there is no /etc/cron.d: the package cron is not installed' },
  },
  {
    title: 'without its user it is unknown',
    task: cron({ ...wish, user: 'backup' }),
    probe: `absent\t${path}\nfolder\n`,
    expect: { unknown: 'there is no user backup, and cron would ignore the job' },
  },
])

test('a percent sign is escaped, the user is named, the last line ends', (t) => {
  const plan = planOne(cron(wish), `absent\t${path}\n${around}`, { facts, check: false })
  t.is('changes' in plan ? plan.changes[0].steps[0]?.input : undefined, text)
})

test('schedules are checked at load', (t) => {
  for (const schedule of ['@daily', '0 3 * * *', '*/15 * 1,15 jan-mar 0', '0-30/5 * * * sun'])
    t.notThrows(() => cron({ name: 'x', schedule, job: 'true' }), schedule)
  for (const schedule of ['* * * *', '* * * * * *', '@daly', '*/x * * * *', '0 3 * * * root'])
    t.throws(() => cron({ name: 'x', schedule, job: 'true' }), { message: /expected five fields/ }, schedule)
  t.throws(() => cron({ name: 'a.b', schedule: '@daily', job: 'true' }), {
    message: /cron ignores file names with a dot/,
  })
  t.throws(() => cron({ name: 'x', schedule: '@daily', job: 'a\nb' }), { message: /expected a command in one line/ })
  t.throws(() => cron({ name: 'x', schedule: '@daily' }), { message: "cron: option 'job' is missing" })
})
