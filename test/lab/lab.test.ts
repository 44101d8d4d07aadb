import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import { promisify } from 'node:util'
import test from 'ava'
import { labPlace } from '../../src/lab/home.ts'
import {
  type LabStatus,
  labDown,
  labKill,
  labLink,
  labReset,
  labStart,
  labStatus,
  labUp,
  parseLabHost,
  sshArguments,
} from '../../src/lab/lab.ts'

const run = promisify(execFile)
const first = 'labtest-one'
const second = 'labtest-two'

let one: LabStatus
let two: LabStatus

test.before(async () => {
  await labDown(first)
  await labDown(second)
})

test.after.always(async () => {
  await labDown(first)
  await labDown(second)
})

test.serial('two labs come up side by side', async (t) => {
  t.timeout(300_000, 'the base images may have to be built first')
  const hosts = ['lb1:bookworm', 'web1:sid'].map(parseLabHost)
  ;[one, two] = await Promise.all([
    labUp({ name: first, hosts }),
    labUp({ name: second, hosts: [parseLabHost('lb1')], acme: false, user: 'admin', aliases: {} }),
  ])
  t.deepEqual(
    one.hosts.map(({ name, user, suite, running }) => ({ name, user, suite, running })),
    [
      { name: 'lb1', user: 'debian', suite: 'bookworm', running: true },
      { name: 'web1', user: 'debian', suite: 'sid', running: true },
    ],
  )
  t.is(two.hosts[0]?.user, 'admin')
  t.is(two.acme, null)
  t.not(one.network.subnet, two.network.subnet)
  t.deepEqual(await labStatus(first), one)
})

test.serial('a host is Debian with the lab user, sudo, its own name and a public name that leads to lb1', async (t) => {
  const answer = await ssh(
    one,
    'web1',
    'hostname; id -un; sudo -n id -un; getent hosts www.foobar.com; systemctl --failed -q',
  )
  t.deepEqual(answer.split(/\s+/), ['web1', 'debian', 'root', addressOf(one, 'lb1'), 'www.foobar.com', ''])
  t.is(await ssh(two, 'lb1', 'id -un; hostname'), 'admin\nlb1\n')
  t.is(await ssh(one, 'lb1', 'getent hosts web1 || echo unknown'), 'unknown\n')
})

test.serial('every host has a machine id and host keys of its own, and root opens with the same key', async (t) => {
  const ids = await Promise.all(['lb1', 'web1'].map((host) => ssh(one, host, 'cat /etc/machine-id', 'root')))
  t.is(new Set(ids).size, 2)
  const keys = (await readFile(one.knownHosts, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[2])
  t.is(new Set(keys).size, 4)
})

test.serial('apt-get updates and installs from the mirror of this machine', async (t) => {
  t.timeout(120_000)
  const install =
    'sudo apt-get -qq update && sudo DEBIAN_FRONTEND=noninteractive apt-get -qqy install tree >/dev/null 2>&1'
  await Promise.all([ssh(one, 'lb1', install), ssh(one, 'web1', install)])
  t.regex(await ssh(one, 'web1', 'tree --version'), /^tree v2/)
})

test.serial('killing a unit on one host leaves the same unit of other hosts alone', async (t) => {
  const before = await ssh(one, 'web1', 'systemctl show -P MainPID systemd-journald')
  await ssh(one, 'lb1', 'sudo systemctl kill -s KILL systemd-journald')
  t.is(await ssh(one, 'web1', 'systemctl show -P MainPID systemd-journald'), before)
})

test.serial('the ACME directory and an issuing root answer to the certificates in the status', async (t) => {
  const { directory = '', root = '', caFile = '' } = one.acme ?? {}
  t.is(JSON.parse(await fetchText(directory, await readFile(caFile, 'utf8'))).newOrder.startsWith('https://'), true)
  t.is(JSON.parse(await fetchText(directory, await readFile(root, 'utf8'))).newOrder.startsWith('https://'), true)
  const subjects = await run('sh', [
    '-c',
    'openssl crl2pkcs7 -nocrl -certfile "$1" | openssl pkcs7 -print_certs -noout',
    'sh',
    root,
  ])
  t.regex(subjects.stdout, /Pebble Root CA[\s\S]*provision lab labtest-one CA/)
})

test.serial('a host that lost its power is found dead and labUp boots it with its disk', async (t) => {
  await ssh(one, 'web1', 'echo kept > kept; sudo sysctl -qw net.ipv4.ip_nonlocal_bind=1')
  await labKill(first, 'web1')
  t.is(runningOf(await labStatus(first), 'web1'), false)
  t.is(runningOf(await labUp({ name: first }), 'web1'), true)
  t.is(await ssh(one, 'web1', 'cat kept; cat /proc/sys/net/ipv4/ip_nonlocal_bind'), 'kept\n0\n')
  await labKill(first, 'web1')
  t.is(runningOf(await labStart(first, 'web1'), 'web1'), true)
})

test.serial('a cut network cable keeps everybody out until it is mended', async (t) => {
  await labLink(first, 'lb1', 'down')
  await t.throwsAsync(ssh(one, 'lb1', 'true'), { message: /No route to host|timed out/ })
  await labLink(first, 'lb1', 'up')
  t.is(await ssh(one, 'lb1', 'echo back'), 'back\n')
})

test.serial('what is missing in the network or among the services is repaired by labUp', async (t) => {
  const { id } = labPlace(first)
  await run('ip', ['link', 'delete', `plb${id}`])
  await run('ip', ['link', 'delete', `plv${id}-0`])
  await run('nft', ['delete', 'table', 'ip', `provision-lab-${id}`])
  await labKill(first, 'web1')
  await labUp({ name: first })
  t.is(await ssh(one, 'lb1', 'echo back'), 'back\n')
  const check = 'sudo apt-get -qq update && getent hosts www.foobar.com'
  t.regex(await ssh(one, 'web1', check), /www\.foobar\.com/)
})

test.serial('reset gives fresh disks under the same names, keys and addresses', async (t) => {
  const knownHosts = await readFile(one.knownHosts, 'utf8')
  t.deepEqual((await labReset(first)).hosts, one.hosts)
  t.is(await readFile(one.knownHosts, 'utf8'), knownHosts)
  const check = 'test ! -e kept && ! command -v tree && ls /var/cache/apt/archives'
  t.regex(await ssh(one, 'web1', check), /^tree_.*deb$/m, 'downloaded packages are kept for fresh disks')
})

test.serial('an interrupted labUp says so, and the next one finishes the work', async (t) => {
  const interrupt = new AbortController()
  const hosts = ['lb1', 'web1', 'web9:bookworm'].map(parseLabHost)
  const onProgress = (message: string) => message.startsWith('starting web9') && interrupt.abort()
  const error = await t.throwsAsync(labUp({ name: first, hosts, signal: interrupt.signal, onProgress }))
  t.like(error, { code: 'interrupted' })
  t.is(
    (await labUp({ name: first })).hosts.every(({ running }) => running),
    true,
  )
})

test.serial('another release for a known host is refused', async (t) => {
  const error = await t.throwsAsync(labUp({ name: first, hosts: [parseLabHost('lb1:sid')] }))
  t.is(error?.message, 'The lab host "lb1" exists with bookworm; sid is asked for now.')
})

test.serial('down leaves nothing behind', async (t) => {
  t.not(await traces(first), '')
  await labDown(first)
  await labDown(second)
  t.is(await traces(first), '')
  t.is(await traces(second), '')
  const error = await t.throwsAsync(labStatus(first))
  t.like(error, { code: 'lab', hint: `provision lab up --name ${first}` })
})

/** Everything of a lab that this machine knows: interfaces, namespaces, mounts, tables, control groups, processes, folders. */
async function traces(name: string): Promise<string> {
  const { id, folder, home } = labPlace(name)
  const found = await Promise.all([
    run('ip', ['-o', 'link']),
    run('ip', ['netns']),
    run('cat', ['/proc/self/mounts']),
    run('nft', ['list', 'tables']),
    run('find', ['/sys/fs/cgroup', '-name', `${name}*`]),
    run('ps', ['axww', '-o', 'args']),
    run('find', ['/run/systemd/nspawn', '/run/netns', home.labs, home.locks, '-name', `*${name}*`]).catch(() => ({
      stdout: '',
    })),
  ])
  const lines = found.flatMap(({ stdout }) => stdout.split('\n'))
  const ours = lines.filter((line) => line.includes(id) || line.includes(folder) || line.includes(`/${name}`))
  return ours.filter((line) => !line.startsWith('find ')).join('\n')
}

function addressOf(status: LabStatus, host: string): string {
  return status.hosts.find(({ name }) => name === host)?.address ?? 'no such host'
}

function runningOf(status: LabStatus, host: string): boolean | undefined {
  return status.hosts.find(({ name }) => name === host)?.running
}

async function ssh(
  status: LabStatus,
  host: string,
  command: string,
  user = status.hosts[0]?.user ?? '',
): Promise<string> {
  const { stdout } = await run('ssh', [...sshArguments(labPlace(status.name), user, addressOf(status, host)), command])
  return stdout
}

async function fetchText(address: string, ca: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const headers = { 'User-Agent': 'provision-lab-test' }
    get(address, { ca, headers }, async (response) => {
      resolve(Buffer.concat(await response.toArray()).toString('utf8'))
    }).on('error', reject)
  })
}
