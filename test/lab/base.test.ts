// The base role on real hosts: converges, hardens the ssh daemon and still lets us in, and goes back when it would not.
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type BaseParams, base } from '../../roles/base.ts'
import { play } from '../../src/core/play.ts'
import type { Task } from '../../src/core/task.ts'
import { sshdConfig } from '../../src/resources/sshd-config.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from './harness.ts'

const hosts = ['base1', 'base2'] as const
const lab = useLab(test, 'base', ['base1:bookworm', 'base2:trixie'])

const folder = mkdtempSync(join(tmpdir(), 'hostwright-base-'))
const keyFile = join(folder, 'ann')
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ann', '-f', keyFile])
const publicKey = readFileSync(`${keyFile}.pub`, 'utf8').trim()
test.after.always(() => rmSync(folder, { recursive: true }))

const controller = () =>
  lab()
    .address('base1')
    .replace(/\.\d+$/, '.0/24')
const params = (): Partial<BaseParams> => ({
  timezone: 'Europe/Vienna',
  admins: [{ name: 'ann', keys: [publicKey] }],
  ssh: { exemptSources: [controller()], banner: 'Authorised use only.' },
})
const site = (more: Partial<BaseParams> = {}) => [play({ hosts: 'all', roles: [base({ ...params(), ...more })] })]
const only = (host: string, tasks: Task) => [play({ hosts: host, tasks })]
const summaries = (ran: Ran) =>
  ran.events.flatMap((event) => (event.type === 'task:end' ? event.changes.map((change) => change.summary) : []))
const configuration = 'cat /etc/ssh/sshd_config.d/*; ls -l --time-style=full-iso /etc/ssh/sshd_config.d; sshd -T'

/** Logs in with OpenSSH, past our own transport. */
function login(user: string, address: string, ...options: string[]): Promise<{ code: number; output: string }> {
  const common = ['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${lab().status.knownHosts}`]
  return new Promise((resolve) => {
    execFile(
      'ssh',
      [...common, '-i', keyFile, ...options, `${user}@${address}`, 'sudo -n id -un'],
      { timeout: 20_000 },
      (error, stdout, stderr) => resolve({ code: error ? 1 : 0, output: stdout + stderr }),
    )
  })
}

test.serial('check mode touches nothing', async (t) => {
  const state = `${configuration}; cat /etc/hosts /etc/passwd /proc/sys/net/ipv4/conf/all/send_redirects; ls /etc/sudoers.d /etc/sysctl.d; readlink /etc/localtime`
  const before = await Promise.all(hosts.map((host) => lab().must(host, state)))
  const ran = await lab().run(site(), { check: true })
  t.deepEqual(ran.errors, [])
  t.true(summaries(ran).includes('PasswordAuthentication yes → no') || summaries(ran).includes('MaxAuthTries 6 → 3'))
  t.deepEqual(await Promise.all(hosts.map((host) => lab().must(host, state))), before)
})

test.serial('the role converges on both suites, and a second run changes nothing', async (t) => {
  t.deepEqual((await lab().run(site())).errors, [])
  const second = await lab().run(site())
  t.deepEqual(second.errors, [])
  for (const host of hosts) {
    t.is(second.result.hosts[host]?.changed, 0)
    t.is(second.result.hosts[host]?.requests, 1, 'facts and probe in one request')
  }
  t.deepEqual((await lab().run(site(), { verify: true })).errors, [])
})

test.serial('a container keeps the clock of its machine, and the report says so', async (t) => {
  const ran = await lab().run(site())
  const reasons = ran.events.flatMap((event) =>
    event.type === 'task:end' && event.status === 'skipped' ? [event.reason] : [],
  )
  t.true(reasons.length >= hosts.length)
  t.true(reasons.every((reason) => reason === 'a container has the clock of its machine'))
})

test.serial('what was promised is so', async (t) => {
  for (const host of hosts) {
    const peers = await lab().must(host, 'getent hosts base1 base2')
    for (const peer of hosts) t.true(peers.includes(lab().address(peer)) || peer === host)
    t.is(await lab().must(host, 'readlink -f /etc/localtime'), '/usr/share/zoneinfo/Europe/Vienna\n')
    t.is(await lab().must(host, 'cat /proc/sys/net/ipv4/conf/all/send_redirects'), '0\n')
    t.is(await lab().must(host, 'grep -c = /etc/sysctl.d/60-provision.conf'), '26\n')
    t.is(await lab().must(host, 'stat -c %a /etc/sudoers.d/90-provision-ann'), '440\n')
    const effective = await lab().must(host, 'sshd -T')
    for (const line of ['passwordauthentication no', 'maxauthtries 3', 'x11forwarding no', 'allowtcpforwarding no'])
      t.true(effective.includes(`${line}\n`), line)
    t.is(effective.includes('mlkem768x25519-sha256'), host === 'base2', 'only OpenSSH 9.9 and later know it')
    t.is(effective.includes(`persourcepenaltyexemptlist ${controller()}`), host === 'base2')
    const ann = await login('ann', lab().address(host))
    t.is(ann.code, 0, ann.output)
    t.true(ann.output.includes('root\n') && ann.output.includes('Authorised use only.'))
    const password = await login('ann', lab().address(host), '-o', 'PubkeyAuthentication=no')
    t.regex(password.output, /Permission denied \(publickey\)/)
  }
})

test.serial('the daemon that runs offers only what is allowed', async (t) => {
  for (const [option, value] of [
    ['KexAlgorithms', 'ecdh-sha2-nistp256'],
    ['Ciphers', 'aes128-cbc'],
    ['MACs', 'hmac-sha1'],
    ['HostKeyAlgorithms', 'ecdsa-sha2-nistp256'],
  ]) {
    for (const host of hosts) {
      // An AEAD cipher needs no MAC, so the MAC is tried with another.
      const more = option === 'MACs' ? ['-o', 'Ciphers=aes256-ctr'] : []
      const refused = await login('ann', lab().address(host), '-o', `${option}=${value}`, ...more)
      t.regex(refused.output, /Unable to negotiate|no matching/, `${option} ${value}`)
    }
  }
})

test.serial('settings that another file overrules are a failure that names the keyword', async (t) => {
  await lab().must(
    'base2',
    "printf 'AllowUsers debian ann\\n' >/etc/ssh/sshd_config.d/01-other.conf; systemctl reload ssh",
  )
  const ran = await lab().run(only('base2', sshdConfig({ file: '20-late', options: { AllowUsers: ['debian'] } })))
  t.regex(ran.errors[0] ?? '', /did not converge[\s\S]*AllowUsers is 'debian ann debian' in effect, expected 'debian'/)
  await lab().must(
    'base2',
    'rm -f /etc/ssh/sshd_config.d/01-other.conf /etc/ssh/sshd_config.d/20-late.conf; systemctl reload ssh',
  )
  t.is((await lab().run(site())).result.hosts.base2?.changed, 0)
})

test.serial('a file that the daemon has not read is noticed and read', async (t) => {
  await lab().must('base1', 'sleep 1; touch /etc/ssh/sshd_config.d/10-provision.conf')
  const ran = await lab().run(site())
  t.deepEqual(summaries(ran), ['written, but not read by the daemon → reload'])
  t.is((await lab().run(site())).result.hosts.base1?.changed, 0)
})

test.serial('a password-only login is not locked out by the default settings', async (t) => {
  await lab().must(
    'base1',
    "echo 'debian:correct horse' | chpasswd; printf 'PasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/10-provision.conf; systemctl reload ssh",
  )
  const inventory = lab().inventory({ hosts: { base1: { password: 'correct horse', identityFile: keyFile } } })
  const tried = await lab().run([play({ hosts: 'base1', roles: [base(params())] })], { inventory })
  t.regex(tried.errors[0] ?? '', /the new settings of sshd would have locked us out, so the previous state is back/)
  t.is(await lab().must('base1', 'cat /etc/ssh/sshd_config.d/10-provision.conf'), 'PasswordAuthentication yes\n')
  t.deepEqual((await lab().run(site())).errors, [])
})

test.serial('a jump host needs allowTcpForwarding', async (t) => {
  const through = () => {
    const [first] = lab().status.hosts
    return lab().inventory({ hosts: { base2: { proxyJump: `${first?.user}@${lab().address('base1')}` } } })
  }
  const reach = () => lab().run([play({ hosts: 'base2', tasks: [] })], { inventory: through() })
  const closed = await reach()
  t.true(closed.result.hosts.base2?.unreachable, 'the default forbids forwarding')
  const open = { ssh: { ...params().ssh, allowTcpForwarding: true } }
  t.deepEqual((await lab().run([play({ hosts: 'base1', roles: [base({ ...params(), ...open })] })])).errors, [])
  const opened = await reach()
  t.deepEqual(opened.errors, [])
  t.false(opened.result.hosts.base2?.unreachable)
})
