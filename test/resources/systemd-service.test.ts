import test from 'ava'
import { systemdService, unitName } from '../../src/resources/systemd-service.ts'
import { facts, planOne, planTable } from './table.ts'

const show = (properties: Record<string, string> = {}): string =>
  Object.entries({
    LoadState: 'loaded',
    ActiveState: 'active',
    SubState: 'running',
    UnitFileState: 'enabled',
    NeedDaemonReload: 'no',
    Type: 'simple',
    RemainAfterExit: 'no',
    CanReload: 'yes',
    FragmentPath: '/lib/systemd/system/nginx.service',
    ...properties,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
const answer = (properties: Record<string, string> = {}, unit = 'nginx.service') =>
  `unit=${unit}\n\n${show(properties)}\n`
const stopped = { ActiveState: 'inactive', SubState: 'dead' }
const running = { unit: 'nginx', state: 'started', enabled: true } as const

planTable([
  {
    title: 'nothing to do for a running, enabled unit',
    task: systemdService(running),
    probe: answer(),
    expect: { unchanged: 'active (running), enabled' },
  },
  {
    title: 'enables and starts',
    task: systemdService(running),
    probe: answer({ ...stopped, UnitFileState: 'disabled' }),
    expect: { changes: ['disabled → enabled', 'inactive (dead) → started'] },
  },
  {
    title: 'an odd unit name is quoted',
    task: systemdService({ unit: 'dev-disk-by\\x2dlabel.swap', enabled: true }),
    probe: answer({ UnitFileState: 'disabled' }, 'dev-disk-by\\x2dlabel.swap'),
    expect: { changes: ['disabled → enabled'] },
    scripts: ["export LC_ALL=C\nsystemctl enable -- 'dev-disk-by\\x2dlabel.swap'"],
  },
  {
    title: 'a unit that waits between crashes is not started',
    task: systemdService({ unit: 'nginx', state: 'started' }),
    probe: answer({ ActiveState: 'activating', SubState: 'auto-restart' }),
    expect: { changes: ['activating (auto-restart) → started'] },
  },
  {
    title: 'a oneshot that remains counts as started',
    task: systemdService({ unit: 'nginx', state: 'started' }),
    probe: answer({ Type: 'oneshot', RemainAfterExit: 'yes', SubState: 'exited' }),
    expect: { unchanged: 'active (exited)' },
  },
  {
    title: 'a oneshot that ends cannot stay started',
    task: systemdService({ unit: 'nginx', state: 'started' }),
    probe: answer({ ...stopped, Type: 'oneshot' }),
    expect: { refused: 'nginx.service runs once and ends (Type=oneshot), so it cannot stay started' },
  },
  {
    title: 'a failed unit counts as stopped',
    task: systemdService({ unit: 'nginx', state: 'stopped' }),
    probe: answer({ ActiveState: 'failed', SubState: 'failed' }),
    expect: { unchanged: 'failed (failed)' },
  },
  {
    title: 'stops and disables',
    task: systemdService({ unit: 'nginx', state: 'stopped', enabled: false }),
    probe: answer(),
    expect: { changes: ['enabled → disabled', 'active (running) → stopped'] },
    scripts: [
      'export LC_ALL=C\nsystemctl disable -- nginx.service',
      'export LC_ALL=C\nsystemctl stop -- nginx.service',
    ],
  },
  {
    title: 'enabled until the next boot only is not enabled',
    task: systemdService({ unit: 'nginx', enabled: true }),
    probe: answer({ UnitFileState: 'enabled-runtime' }),
    expect: { changes: ['enabled-runtime → enabled'] },
  },
  {
    title: 'a static unit cannot be enabled',
    task: systemdService({ unit: 'nginx', enabled: true }),
    probe: answer({ UnitFileState: 'static' }),
    expect: { refused: 'nginx.service is static: it has no [Install] section and cannot be enabled' },
  },
  {
    title: 'a static unit is as good as disabled',
    task: systemdService({ unit: 'nginx', enabled: false }),
    probe: answer({ UnitFileState: 'static' }),
    expect: { unchanged: 'static' },
  },
  ...(['alias', 'indirect'] as const).map((state) => ({
    title: `${state} counts as enabled`,
    task: systemdService({ unit: 'nginx', enabled: true }),
    probe: answer({ UnitFileState: state }),
    expect: { unchanged: state },
  })),
  {
    title: 'a SysV script is enabled if systemctl says so',
    task: systemdService({ unit: 'nginx', enabled: true }),
    probe: `${answer({ UnitFileState: 'generated' })}\nunit=nginx.service\nenabled=enabled\n`,
    expect: { unchanged: 'generated, enabled' },
  },
  {
    title: 'a SysV script that is disabled gets enabled',
    task: systemdService({ unit: 'nginx', enabled: true }),
    probe: `${answer({ UnitFileState: 'generated' })}\nunit=nginx.service\nenabled=disabled\n`,
    expect: { changes: ['generated, disabled → enabled'] },
  },
  {
    title: 'a changed unit file is read again, although the unit runs',
    task: systemdService(running),
    probe: answer({ NeedDaemonReload: 'yes' }),
    expect: { changes: ['unit file changed on disk: read again'] },
    scripts: ['export LC_ALL=C\nsystemctl daemon-reload'],
  },
  {
    title: 'a unit that is not there is unknown',
    task: systemdService(running),
    probe: answer({ LoadState: 'not-found', ...stopped, UnitFileState: '' }),
    expect: { unknown: 'there is no unit nginx.service on this host' },
  },
  {
    title: 'a unit that is not there is stopped and disabled',
    task: systemdService({ unit: 'nginx', state: 'stopped', enabled: false }),
    probe: answer({ LoadState: 'not-found', ...stopped, UnitFileState: '' }),
    expect: { unchanged: 'there is no such unit' },
  },
  {
    title: 'a masked unit is not silently unmasked',
    task: systemdService(running),
    probe: answer({ LoadState: 'masked', ...stopped, UnitFileState: 'masked' }),
    expect: { refused: 'nginx.service is masked, expected one that can start' },
  },
  {
    title: 'unmasks before it enables and starts',
    task: systemdService({ ...running, masked: false }),
    probe: answer({ LoadState: 'masked', ...stopped, UnitFileState: 'masked' }),
    expect: { changes: ['masked → not masked', '→ enabled', 'inactive (dead) → started'] },
  },
  {
    title: 'a mask until the next boot is lifted where it is',
    task: systemdService({ unit: 'nginx', masked: false }),
    probe: answer({ LoadState: 'masked', ...stopped, UnitFileState: 'masked-runtime' }),
    expect: { changes: ['masked → not masked'] },
    scripts: ["export LC_ALL=C\nsystemctl unmask '--runtime' -- nginx.service"],
  },
  {
    title: 'stops before it masks',
    task: systemdService({ unit: 'nginx', state: 'stopped', masked: true }),
    probe: answer(),
    expect: { changes: ['active (running) → stopped', 'not masked → masked'] },
  },
  {
    title: 'a unit made in /etc cannot be masked',
    task: systemdService({ unit: 'nginx', masked: true }),
    probe: answer({ FragmentPath: '/etc/systemd/system/nginx.service' }),
    expect: {
      refused:
        'nginx.service cannot be masked: its own file is where the mask would be, /etc/systemd/system/nginx.service',
    },
  },
  {
    title: 'a broken unit is refused with what systemd says',
    task: systemdService(running),
    probe: answer({ LoadState: 'bad-setting', LoadError: 'org.freedesktop.systemd1.BadUnitSetting "…"', ...stopped }),
    expect: { refused: 'nginx.service cannot be loaded (bad-setting)' },
  },
  {
    title: 'a reload always acts',
    task: systemdService({ unit: 'nginx', state: 'reloaded' }),
    probe: answer(),
    expect: { changes: ['reload'] },
  },
  {
    title: 'a reload starts a unit that does not run',
    task: systemdService({ unit: 'nginx', state: 'reloaded' }),
    probe: answer(stopped),
    expect: { changes: ['inactive (dead) → started'] },
  },
  {
    title: 'a unit that cannot reload is refused',
    task: systemdService({ unit: 'nginx', state: 'reloaded' }),
    probe: answer({ CanReload: 'no' }),
    expect: { refused: 'nginx.service cannot reload' },
  },
  {
    title: 'or restarts one that cannot reload, if asked so',
    task: systemdService({ unit: 'nginx', state: 'reloaded-or-restarted' }),
    probe: answer({ CanReload: 'no' }),
    expect: { changes: ['reload or restart'] },
  },
])

test('several units are told apart, also when two tasks name the same', (t) => {
  const { resource } = systemdService(running)
  const wishes = [{ unit: 'a' }, { unit: 'b.timer' }, { unit: 'a' }]
  const states = resource.parse(
    `unit=a.service\nunit=b.timer\n\n${show()}\n\n${show({ ...stopped, SubState: 'waiting' })}\n`,
    wishes,
  )
  t.deepEqual(
    states.map((state) => state.SubState),
    ['running', 'waiting', 'running'],
  )
})

test('a missing answer is an error, not a stopped unit', (t) => {
  const task = systemdService(running)
  const error = (probe: string) => t.throws(() => planOne(task, probe, { facts, check: false }))?.message
  t.is(error('unit=nginx.service\n\n'), 'systemctl show answered for 0 of 1 units')
  t.is(
    error('unit=nginx.service\n\nFailed to connect to bus\n'),
    "systemctl show: expected LoadState and ActiveState, found 'Failed to connect to bus'",
  )
})

test('only acting states skip the second look', (t) => {
  const converges = (state: string) => {
    const { resource } = systemdService(running)
    return typeof resource.converges === 'function' ? resource.converges({ unit: 'x', state }) : resource.converges
  }
  t.is(converges('started'), 'state')
  t.is(converges('restarted'), 'none')
  t.is(converges('reloaded'), 'none')
})

test('a name without a suffix is a service', (t) => {
  t.is(unitName('nginx'), 'nginx.service')
  t.is(unitName('php8.2-fpm'), 'php8.2-fpm.service')
  t.is(unitName('app@1.socket'), 'app@1.socket')
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => systemdService({ unit: 'ngin*', state: 'started' })),
    "systemd.service: option 'unit': expected the name of one unit, for example 'nginx' or 'backup.timer', found 'ngin*'",
  )
  t.is(
    message(() => systemdService({ unit: 'nginx' })),
    "systemd.service: expected at least one of 'state', 'enabled' and 'masked'",
  )
  t.is(
    message(() => systemdService({ unit: 'nginx', masked: true, enabled: true })),
    'systemd.service: a masked unit can be neither enabled nor started',
  )
})
