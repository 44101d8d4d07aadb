import test from 'ava'
import { base } from '../../roles/base.ts'
import { type HardeningParams, hardening } from '../../roles/hardening.ts'
import { rebootTime } from '../../roles/hardening-upgrades.ts'
import { renderSandbox, sandboxes } from '../../roles/sandbox.ts'
import { type PlanOfOptions, planOf } from '../../src/testing/plan-of.ts'

const others = { lb: ['lb1'], web: ['web1', 'web2'] }
const tasks = (params: HardeningParams = {}, options: PlanOfOptions = {}) =>
  planOf(hardening(params), { name: 'web1', groups: ['web'], others, ...options })
function varsOf(dest: string, params: HardeningParams = {}, options: PlanOfOptions = {}) {
  return tasks(params, options).find((task) => task.args.dest === dest)?.args.vars as
    | Record<string, unknown>
    | undefined
}
const jail = '/etc/fail2ban/jail.d/10-provision.local'
const upgrades = '/etc/apt/apt.conf.d/90provision-unattended-upgrades'

test('the hosts of the inventory and the controller are never banned; with allowed sources those stand for the controller', (t) => {
  const facts = { controllerAddress: '198.51.100.7' }
  t.deepEqual(varsOf(jail, {}, { facts })?.ignored, [
    '127.0.0.0/8',
    '::1',
    '192.0.2.11',
    '192.0.2.12',
    '192.0.2.13',
    '198.51.100.7',
  ])
  const vars = { site: { allowedSources: ['198.51.100.0/24'] } }
  const named = varsOf(jail, { bans: { ignore: ['203.0.113.9'] } }, { facts, vars })?.ignored
  t.deepEqual((named as string[]).slice(-2), ['198.51.100.0/24', '203.0.113.9'])
})

test('the level of flood protection says how patient fail2ban is, and own numbers win', (t) => {
  const at = (level: string, params: HardeningParams = {}) =>
    varsOf(jail, params, { vars: { site: { ddosProtection: level } } })
  t.like(at('standard'), { maxRetry: 5, findTime: 600, banTime: 3600, maxBanTime: 604_800 })
  t.like(at('strict'), { maxRetry: 3, findTime: 3600, banTime: 86_400 })
  t.like(at('strict', { bans: { maxRetry: 9, banTime: 1_000_000 } }), { maxRetry: 9, maxBanTime: 1_000_000 })
  t.is(at('off'), undefined)
  t.false(tasks({ bans: false }).some((task) => task.title.includes('fail2ban')))
})

test('nginx is watched only where clients reach it themselves', (t) => {
  t.is(varsOf(jail)?.nginx, false)
  t.is(varsOf(jail, {}, { others: { db: ['db1'] } })?.nginx, true)
})

test('hosts reboot one after the other, past midnight too', (t) => {
  const hosts = ['a', 'b', 'c'].map((name) => ({ name }))
  const at = (name: string) => rebootTime({ from: '23:50', apart: 15 }, { name, inventory: { hosts } })
  t.deepEqual(['a', 'b', 'c'].map(at), ['23:50', '00:05', '00:20'])
  t.is(varsOf(upgrades)?.reboot, '')
  t.is(varsOf(upgrades, { upgrades: { reboot: { from: '03:00' } } })?.reboot, '03:00')
})

test('values that would end a line of a configuration file are refused', (t) => {
  const refused = (params: unknown) => t.throws(() => tasks(params as HardeningParams))?.message
  t.is(
    refused({ upgrades: { mail: 'root\n";' } }),
    `role hardening on web1: parameter 'upgrades.mail': expected a mail address, found 'root\n";'`,
  )
  t.regex(refused({ upgrades: { blacklist: ['a"b'] } }) ?? '', /expected a regular expression of package names/)
  t.regex(refused({ bans: { ignore: ['1.2.3.4 0.0.0.0/0'] } }) ?? '', /expected an address or a network/)
  t.regex(refused({ blockedModules: ['a b'] }) ?? '', /expected the name of a kernel module/)
})

test('sshd spares the same addresses where the host has the role', (t) => {
  const exempt = (vars: Record<string, unknown>) => {
    const task = planOf(base(), { name: 'web1', others, vars }).find((entry) => entry.resource === 'sshd.config')
    return JSON.stringify(task?.args.newer)
  }
  t.false(exempt({}).includes('PerSourcePenaltyExemptList'))
  t.true(exempt({ base: { ssh: { exemptSources: ['192.0.2.0/24'] } } }).includes('"192.0.2.0/24"'))
})

test('a sandbox says what is left, and nothing that a service must be restarted for by the way', (t) => {
  const lines = renderSandbox({
    system: 'strict',
    writable: ['/var/log'],
    capabilities: ['CAP_KILL'],
    systemCalls: ['chroot'],
  })
    .trim()
    .split('\n')
  t.deepEqual(lines.slice(1, 4), ['[Service]', 'ProtectSystem=strict', 'ReadWritePaths=/var/log'])
  t.true(lines.includes('CapabilityBoundingSet=CAP_KILL'))
  t.true(lines.includes('SystemCallFilter=@system-service chroot'))
  t.false(renderSandbox({}).includes('SystemCallFilter'), 'no filter unless it is asked for')
  const units = tasks().filter((task) => task.resource === 'systemd.unit')
  t.deepEqual(
    units.map((task) => [task.args.name, task.notifies]),
    [['fail2ban.service.d/50-provision-sandbox.conf', []]],
  )
  t.false(tasks({ sandboxes: false }).some((task) => task.resource === 'systemd.unit'))
  for (const { sandbox } of Object.values(sandboxes).flat()) t.regex(renderSandbox(sandbox), /^NoNewPrivileges=yes$/m)
})
