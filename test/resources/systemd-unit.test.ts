import test from 'ava'
import { systemdUnit } from '../../src/resources/systemd-unit.ts'
import { facts, planOne, planTable } from './table.ts'

const path = '/etc/systemd/system/app.service'
const content = '[Service]\nExecStart=/bin/echo "a b" $HOME é\n'
const file = (text: string, mode = '644 root:root') =>
  `file\t${path}\t${mode}\t${Buffer.from(text).toString('base64')}\n`

planTable([
  {
    title: 'nothing to do for the same text; a missing last line break does not count',
    task: systemdUnit({ name: 'app.service', content: content.trimEnd() }),
    probe: `${file(content)}outdated\tno\n`,
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'writes a new unit',
    task: systemdUnit({ name: 'app.service', content }),
    probe: `absent\t${path}\noutdated\tno\n`,
    expect: { changes: ['absent → present'] },
  },
  {
    title: 'names each difference',
    task: systemdUnit({ name: 'app.service', content }),
    probe: `${file('[Service]\n', '600 app:app')}outdated\tno\n`,
    expect: { changes: ['content differs, mode 0600 → 0644, owner app:app → root:root'] },
  },
  {
    title: 'a run killed between writing and rereading is finished',
    task: systemdUnit({ name: 'app.service', content }),
    probe: `${file(content)}outdated\tyes\n`,
    expect: { changes: ['changed on disk: read again by systemd'] },
    scripts: ['systemctl daemon-reload'],
  },
  {
    title: 'a mask is not overwritten',
    task: systemdUnit({ name: 'app.service', content }),
    probe: `link\t${path}\t/dev/null\noutdated\tno\n`,
    expect: { refused: '/etc/systemd/system/app.service is masked, expected a file' },
  },
  {
    title: 'removing a unit stops and disables it',
    task: systemdUnit({ name: 'app.service', state: 'absent' }),
    probe: `${file(content)}outdated\tno\n`,
    expect: { changes: ['present → absent'] },
    scripts: [
      `systemctl disable '--now' -- app.service || true
rm -f -- ${path}
systemctl daemon-reload
systemctl reset-failed -- app.service 2>/dev/null || true`,
    ],
  },
  {
    title: 'removing a drop-in leaves the unit alone',
    task: systemdUnit({ name: 'app.service.d/10-x.conf', state: 'absent' }),
    probe: `file\t${path}.d/10-x.conf\t644 root:root\tYQ==\noutdated\tno\n`,
    expect: { changes: ['present → absent'] },
    scripts: [
      `rm -f -- ${path}.d/10-x.conf
rmdir -- ${path}.d 2>/dev/null || true
systemctl daemon-reload`,
    ],
  },
  {
    title: 'a template is not asked for by its own name',
    task: systemdUnit({ name: 'app@.service', state: 'absent' }),
    probe: 'absent\t/etc/systemd/system/app@.service\n',
    expect: { unchanged: 'absent' },
  },
])

test('the text travels as input, is verified first and never stands in a script', (t) => {
  const plan = planOne(systemdUnit({ name: 'app.service', content }), `absent\t${path}\noutdated\tno\n`, {
    facts,
    check: false,
  })
  const steps = 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : []
  t.is(steps.length, 3)
  t.deepEqual(
    steps.map((step) => step.input),
    [content, content, undefined],
  )
  t.regex(steps[0]?.script ?? '', /systemd-analyze --man=no verify "\$check\/"app\.service/)
  t.false(steps.some((step) => step.script.includes('ExecStart')))
  const unverified = planOne(
    systemdUnit({ name: 'app.service', content, verify: false }),
    `absent\t${path}\noutdated\tno\n`,
    { facts, check: false },
  )
  t.is('changes' in unverified ? unverified.changes[0].steps.length : 0, 2)
})

test('a probe that says nothing is an error, not an absent file', (t) => {
  const error = t.throws(() =>
    planOne(systemdUnit({ name: 'app.service', content }), 'outdated\tno\n', { facts, check: false }),
  )
  t.is(error?.message, `the probe said nothing of ${path}`)
})

test('odd names are refused', (t) => {
  for (const name of ['app', '../x.service', 'app.service/x', 'app.service.d/x', '-x.service/..'])
    t.throws(() => systemdUnit({ name, content }), { message: /expected a unit file/ }, name)
  t.throws(() => systemdUnit({ name: 'app.service' }), { message: /option 'content' is missing/ })
})
