// The hardening role on real hosts of all three suites: what auditors find, who is banned and who never is, and that apt takes nothing away.
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import anyTest, { type TestFn } from 'ava'
import { base } from '../../roles/base.ts'
import { firewall } from '../../roles/firewall.ts'
import { hardening } from '../../roles/hardening.ts'
import { definePlaybook, play } from '../../src/core/play.ts'
import { type AptPackageArgs, aptPackage } from '../../src/resources/apt-package.ts'
import { useLab } from '../lab/harness.ts'

const test = anyTest as TestFn
const hosts = ['hard1', 'hard2', 'hard3'] as const
const lab = useLab(test, 'hard', ['hard1:bookworm', 'hard2:trixie', 'hard3:sid'])

const role = () => hardening({ bans: { maxRetry: 4 } })
const site = () => [
  play({ hosts: 'all', roles: [base(), firewall(), role()] }),
  // the server that the packages below would push off the host
  play({ hosts: 'hard3', after: [], tasks: aptPackage({ pkg: 'mysql-server' }) }),
]
const state =
  'ls -lR --time-style=full-iso /etc/fail2ban /etc/apt /etc/audit /etc/ssh /etc/modprobe.d /etc/issue /etc/login.defs 2>&1 || true'

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited three minutes in vain: ${what}`)
    await delay(300)
  }
}

/** Somebody without a key, from an address that is no host of the inventory. */
const stranger = () =>
  lab()
    .address('hard2')
    .replace(/\.\d+$/, '.99')
const knock = (from: string, to: string) =>
  lab().on(
    'hard2',
    `timeout 20 ssh -F none -b ${from} -o BatchMode=yes -o IdentityFile=none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 nobody@${lab().address(to)} 2>&1`,
  )
const knockFromHere = (to: string) =>
  new Promise<void>((resolve) => {
    const options = ['BatchMode=yes', 'IdentityFile=none', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null']
    const args = ['-F', 'none', ...options.flatMap((option) => ['-o', option]), `nobody@${lab().address(to)}`]
    execFile('ssh', args, { timeout: 20_000 }, () => resolve())
  })
const banned = async (host: string) => (await lab().must(host, 'fail2ban-client get sshd banip')).split(/\s+/)

test.serial('check mode touches nothing', async (t) => {
  t.timeout(300_000)
  const before = await Promise.all(hosts.map((host) => lab().must(host, state)))
  t.deepEqual((await lab().run(site(), { check: true })).errors, [])
  t.deepEqual(await Promise.all(hosts.map((host) => lab().must(host, state))), before)
})

test.serial('the role converges on all suites, keeps its promises, and a second run changes nothing', async (t) => {
  t.timeout(900_000)
  t.deepEqual((await lab().run(site(), { playbook: definePlaybook(site(), { packagesFirst: true }) })).errors, [])
  const second = await lab().run(site())
  t.deepEqual(second.errors, [])
  for (const host of hosts) t.is(second.result.hosts[host]?.changed, 0, host)
  t.deepEqual((await lab().run(site(), { verify: true })).errors, [])
})

test.serial('ssh-audit has no finding on any suite', async (t) => {
  t.timeout(300_000)
  await lab().must('hard2', 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ssh-audit')
  for (const host of hosts) {
    const { code, stdout } = await lab().on('hard2', `ssh-audit -b -l warn ${lab().address(host)}`)
    t.is(code, 0, `${host}: ${stdout}`)
  }
})

test.serial('a short RSA host key is made anew, and sshd offers it', async (t) => {
  t.timeout(300_000)
  await lab().must('hard1', "ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/ssh_host_rsa_key")
  t.deepEqual((await lab().run([play({ hosts: 'hard1', roles: [role()] })])).errors, [])
  t.regex(await lab().must('hard1', 'ssh-keygen -lf /etc/ssh/ssh_host_rsa_key.pub'), /^4096 /)
  const scan = await lab().must('hard2', `ssh-keyscan -t rsa ${lab().address('hard1')}`)
  const key = (await lab().must('hard1', 'cat /etc/ssh/ssh_host_rsa_key.pub')).split(' ')[1]
  t.true(scan.includes(` ssh-rsa ${key}`), scan)
})

test.serial('who fails to log in is banned; the controller and the hosts of the site are not', async (t) => {
  t.timeout(600_000)
  const device = (await lab().must('hard2', 'ip -o -4 route show default')).split(/\s+/)[4] ?? ''
  await lab().must('hard2', `ip address add ${stranger()}/24 dev ${device}`)
  for (const host of ['hard1', 'hard3']) {
    for (let tries = 0; tries < 8; tries++) await knock(lab().address('hard2'), host)
    await until(`a ban of ${stranger()} on ${host}`, async () => {
      await knock(stranger(), host)
      return (await banned(host)).includes(stranger())
    })
    t.deepEqual((await banned(host)).filter(Boolean), [stranger()], 'hard2 failed as often')
    t.regex((await knock(stranger(), host)).stdout, /Connection refused|timed out/)
    t.regex((await knock(lab().address('hard2'), host)).stdout, /Permission denied/)
    for (let tries = 0; tries < 8; tries++) await knockFromHere(host)
    t.deepEqual((await banned(host)).filter(Boolean), [stranger()], 'the controller failed too')
    t.is((await lab().on(host, 'true')).code, 0)
  }
})

test.serial(
  'unattended-upgrades takes security updates only, and neither databases nor balancers, and removes nothing',
  async (t) => {
    t.timeout(300_000)
    const look = async (host: string) => {
      const { code, stdout, stderr } = await lab().on(host, 'unattended-upgrade --dry-run --verbose')
      t.is(code, 0, stderr)
      t.regex(stdout, /^Allowed origins are: origin=Debian,codename=\w+-security,label=Debian-Security$/m, host)
      t.regex(stdout, /^Initial blacklist: \^mysql- \^mariadb- .*\^haproxy\$ \^keepalived\$$/m, host)
      const removing = await lab().must(host, "apt-config dump Unattended-Upgrade | grep -- '::Remove-'")
      t.deepEqual(
        [
          ...new Set(
            removing
              .trim()
              .split('\n')
              .map((line) => line.split(' ')[1]),
          ),
        ],
        ['"false";'],
        host,
      )
    }
    await Promise.all(hosts.map(look))
  },
)

test.serial('apt never removes a server that was not asked to go, whatever path leads there', async (t) => {
  t.timeout(600_000)
  const versions = "dpkg -l 'mysql-server*' 'mysql-client*'; systemctl show -p MainPID mysql"
  const before = await lab().must('hard3', `systemctl start mysql; ${versions}`)
  const cases: { args: AptPackageArgs; packagesFirst: boolean }[] = [
    { args: { pkg: 'percona-toolkit', recommends: true }, packagesFirst: false },
    { args: { pkg: ['pwgen', 'sysbench'] }, packagesFirst: true },
    { args: { pkg: 'sysbench', state: 'latest' }, packagesFirst: false },
  ]
  for (const { args, packagesFirst } of cases) {
    const plays = [play({ hosts: 'hard3', tasks: aptPackage(args) })]
    const ran = await lab().run(plays, { playbook: definePlaybook(plays, { packagesFirst }) })
    t.is(ran.result.outcome, 'failed')
    t.regex(ran.errors.join('\n'), /installing .* would remove mysql-server/)
    t.regex(ran.errors.join('\n'), /allowRemove/)
  }
  t.is(await lab().must('hard3', versions), before, 'the same packages, the same process')
  t.is((await lab().must('hard3', "echo 'SELECT 42' | mysql --batch --skip-column-names")).trim(), '42')
})
