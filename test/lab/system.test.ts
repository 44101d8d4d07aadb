// The resources of the system on real hosts, Debian 12 and sid: check mode touches nothing, the second run changes nothing,
// and what goes wrong in practice (locks, killed package managers, services that die) goes as promised.
import anyTest, { type TestFn } from 'ava'
import type { Tasks } from '../../src/core/task.ts'
import {
  apt,
  assert,
  authorizedKey,
  cron,
  given,
  group,
  hosts,
  play,
  shell,
  sysctl,
  systemd,
  user,
  wait,
} from '../../src/index.ts'
import { useLab } from './harness.ts'

const test = anyTest as TestFn
const names = ['bk', 'sd']
const lab = useLab(test, 'system', ['bk:bookworm', 'sd:sid'])

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Q1n3QK0v9y3N2l2C8mB1x0Yb3b8mP1l7l2c1h0AbC ann "A" $B é'
const unit = `[Unit]
Description=A "b" $c é

[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
`
const hash = '$6$Qk2n5wzv$7Yx5l2m8mZ1nV7dP0r3Qm4y6b9fH2k1JtVxC5sL8eGdW0uRzA3oXhN6qTjYiK4pBvM7wEcFgSlDnUyZaQxRbO1'

const everything = (): Tasks => [
  apt.package({ pkg: ['nginx-light', 'cron', 'awk'] }),
  apt.package({ pkg: 'hello=2.1*' }),
  apt.package({ pkg: 'telnet', state: 'absent' }),
  group({ name: 'ops', gid: 2000 }),
  user({ name: 'dep', groups: ['ops'], comment: 'A "B" $C é', shell: '/bin/sh', passwordHash: hash, locked: true }),
  user({ name: 'svc', system: true, home: '/var/lib/svc/deep', createHome: true }),
  authorizedKey({ user: 'dep', key, options: 'no-pty,from="192.0.2.0/24"', exclusive: true }),
  systemd.unit({ name: 'nap.service', content: unit }),
  systemd.unit({ name: 'nap.service.d/10-limits.conf', content: '[Service]\nLimitNOFILE=4096\n' }),
  systemd.service({ unit: 'nap', state: 'started', enabled: true }),
  systemd.service({ unit: 'nginx', state: 'started', enabled: true }),
  systemd.service({ unit: 'apt-daily.timer', state: 'stopped', masked: true }),
  sysctl({ settings: { 'net.ipv4.tcp_rmem': '4096 131072\t6291456', 'kernel.kptr_restrict': 2 } }),
  hosts.entry({ block: 'peers', entries: [{ address: '192.0.2.8', names: ['peer1', 'p1'] }] }),
  cron({ name: 'tidy-up', schedule: '@daily', job: 'date "+%F" >/dev/null', user: 'dep' }),
  shell.command({ run: 'touch /root/made', creates: '/root/made' }),
  shell.script({ script: 'echo "$1" >/root/scripted', args: ['a "b"'], unless: 'test -s /root/scripted' }),
  shell.command({ run: 'cat /etc/hostname', probe: true }),
  wait.port({ port: 80 }),
  wait.http({ url: 'http://127.0.0.1/', contains: 'nginx' }),
  assert({ that: 'getent hosts peer1', expect: { contains: '192.0.2.8' } }),
]

const tasks = (list: Tasks) => [play({ hosts: 'all', tasks: list })]

/** What the play would write, as one text. */
const traces = (host: string) =>
  lab().must(
    host,
    `dpkg-query -W | sha256sum; cat /etc/passwd /etc/group /etc/hosts | sha256sum
     ls /etc/systemd/system /etc/sysctl.d /etc/cron.d /root /home 2>/dev/null | sha256sum`,
  )

test.serial('check mode touches nothing, then one run does it all and the next changes nothing', async (t) => {
  t.timeout(600_000)
  const before = await Promise.all(names.map(traces))
  const checked = await lab().run(tasks(everything()), { check: true })
  t.is(checked.result.outcome, 'ok', checked.errors.join('\n'))
  t.deepEqual(await Promise.all(names.map(traces)), before)

  const first = await lab().run(tasks(everything()))
  t.is(first.result.outcome, 'ok', first.errors.join('\n'))
  const second = await lab().run(tasks(everything()))
  t.is(second.result.outcome, 'ok', second.errors.join('\n'))
  for (const host of names) {
    t.is(second.result.hosts[host]?.changed, 0, second.log.filter((line) => line.includes(' changed ')).join('\n'))
    t.is(second.result.hosts[host]?.requests, 1, 'facts and probe in one request')
  }
})

test.serial('what was done is there, seen past the tool', async (t) => {
  for (const host of names) {
    const seen = (script: string) => lab().must(host, script)
    t.regex(await seen('id dep'), /2000\(ops\)/)
    t.regex(await seen('getent shadow dep'), /^dep:!\$6\$/)
    t.is(await seen('stat -c "%a %U" /home/dep/.ssh /home/dep/.ssh/authorized_keys'), '700 dep\n600 dep\n')
    t.is(await seen('cat /home/dep/.ssh/authorized_keys'), `no-pty,from="192.0.2.0/24" ${key}\n`)
    t.is(await seen('stat -c "%U" /var/lib/svc/deep'), 'svc\n')
    t.is(await seen('systemctl is-active nap nginx; systemctl is-enabled nap'), 'active\nactive\nenabled\n')
    t.is(await seen('systemctl show -p LimitNOFILE --value nap'), '4096\n')
    t.is(await seen('cat /proc/sys/net/ipv4/tcp_rmem'), '4096\t131072\t6291456\n')
    t.regex(await seen('cat /etc/sysctl.d/60-provision.conf'), /^kernel.kptr_restrict = 2$/m)
    t.regex(await seen('cat /etc/cron.d/tidy-up'), /^@daily dep date "\+\\%F" >\/dev\/null$/m)
    t.is(await seen('cat /root/scripted'), 'a "b"\n')
    t.regex(await seen('cat /etc/hosts'), /^127\.0\.0\.1\s+localhost$/m)
  }
})

test.serial('a held lock is waited for, and its holder is named', async (t) => {
  t.timeout(120_000)
  const holder = `cat >/root/hold.pl <<'END'
use Fcntl;
open(my $file, '>>', $ARGV[0]) or die;
my $lock = pack('ssx4qql', F_WRLCK, 0, 0, 0, 0);
fcntl($file, F_SETLK, $lock) or die;
open(my $ready, '>', '/root/held'); close($ready);
sleep $ARGV[1];
END
rm -f /root/held`
  const hold = (file: string, seconds: number) =>
    lab().must(
      'bk',
      `${holder}
setsid perl /root/hold.pl ${file} ${seconds} </dev/null >/dev/null 2>&1 &
n=0; until [ -e /root/held ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done`,
    )
  await hold('/var/lib/apt/lists/lock', 4)
  const refreshed = await lab().run([play({ hosts: 'bk', tasks: apt.package({ pkg: 'sl', updateCache: true }) })])
  t.is(refreshed.result.outcome, 'ok', refreshed.errors.join('\n'))
  const output = (ran: typeof refreshed) =>
    ran.events.flatMap((event) => (event.type === 'task:output' ? [event.text] : [])).join('\n')
  t.regex(output(refreshed), /waiting for \/var\/lib\/apt\/lists\/lock, held by process \d+ \(perl \/root\/hold\.pl/)

  await hold('/var/lib/dpkg/lock-frontend', 30)
  const given = await lab().run([
    play({ hosts: 'bk', tasks: apt.package({ pkg: 'sl', state: 'purged', lockTimeout: 1 }) }),
  ])
  t.is(given.result.outcome, 'failed')
  t.regex(
    given.errors.join('\n'),
    /gave up waiting for the lock of another package manager: \/var\/lib\/dpkg\/lock-frontend, held by process \d+ \(perl/,
  )
  await lab().must('bk', 'pkill -f "^perl /root/hold.pl"')
})

test.serial('what a killed apt left is repaired', async (t) => {
  t.timeout(300_000)
  for (const host of names) {
    // a kill between two packages leaves nothing to repair, so until it hits
    let left = 8
    do {
      await lab().must(
        host,
        `apt-get -qq update >/dev/null 2>&1; apt-get -qqy purge memcached redis-server redis-tools hello >/dev/null 2>&1
apt-get -qqy --no-install-recommends -d install memcached redis-server >/dev/null 2>&1
DEBIAN_FRONTEND=noninteractive setsid apt-get -y --no-install-recommends install memcached redis-server >/root/apt.log 2>&1 </dev/null &
n=0; until grep -q '^Unpacking' /root/apt.log; do n=$((n + 1)); [ $n -lt 400 ] || exit 1; sleep 0.05; done
pkill -KILL -x apt-get; pkill -KILL -x dpkg; true`,
      )
      t.true(left-- > 0, 'apt itself refuses to go on')
    } while ((await lab().on(host, 'apt-get -y install hello')).code === 0)
  }
  const repaired = await lab().run(tasks(apt.package({ pkg: ['memcached', 'redis-server'] })))
  t.is(repaired.result.outcome, 'ok', repaired.errors.join('\n'))
  for (const host of names) t.is(await lab().must(host, 'dpkg --audit'), '')
})

test.serial('no package goes that was not asked to go', async (t) => {
  t.timeout(120_000)
  const removal = await lab().run(tasks(apt.package({ pkg: 'redis-tools', state: 'absent' })), { check: true })
  t.deepEqual(
    removal.errors.map((error) => error.split('\n')[0]),
    names.map((host) => `${host}: removing redis-tools would remove redis-server too`),
  )
  const bystander = tasks(apt.package({ pkg: 'redis-tools', state: 'absent', allowRemove: ['redis-server'] }))
  t.is((await lab().run(bystander)).result.outcome, 'ok')
  t.is((await lab().run(bystander)).result.hosts.bk?.changed, 0)
})

test.serial('waiting for a port waits, changes nothing, and gives up with what was found', async (t) => {
  await lab().must(
    'bk',
    'systemctl stop nginx; systemd-run --quiet --on-active=2 --timer-property=AccuracySec=100ms systemctl start nginx',
  )
  const on = (list: Tasks) => [play({ hosts: 'bk', tasks: list })]
  const waited = await lab().run(
    on([wait.port({ port: 80, timeout: 20 }), wait.http({ url: 'http://127.0.0.1/', timeout: 20 })]),
  )
  t.is(waited.result.outcome, 'ok', waited.errors.join('\n'))
  t.is(waited.result.hosts.bk?.changed, 0)
  const inVain = await lab().run(on(wait.http({ url: 'http://127.0.0.1/nope', timeout: 1 })))
  t.regex(inVain.errors.join('\n'), /expected status 200 within 1 seconds, found status 404/)
})

test.serial('a service that dies at once fails with its journal', async (t) => {
  const ran = await lab().run(
    tasks([
      systemd.unit({
        name: 'crash.service',
        content: '[Service]\nExecStart=/bin/sh -c "echo the reason; exit 3"\n',
      }),
      systemd.service({ unit: 'crash', state: 'started' }),
    ]),
  )
  t.is(ran.result.outcome, 'failed')
  for (const host of names) {
    const error = ran.errors.find((text) => text.startsWith(`${host}: `)) ?? ''
    t.regex(error, /crash\.service did not stay up: failed/)
    t.regex(error, /the reason/)
  }
})

test.serial('results reach later tasks, and a command that fails says why', async (t) => {
  const version = shell.command({ run: 'echo 1; echo 2', probe: true })
  const made = shell.command({
    run: 'cat; exit 3',
    stdin: "it's $HOME",
    okCodes: [0, 3],
    failedWhen: (r) => r.code !== 3,
  })
  const ran = await lab().run([
    play({
      hosts: 'bk',
      tasks: [
        version,
        made,
        shell.command({ run: 'touch /root/seen', when: given(version, (r) => r.lines.length === 2) }),
        shell.command({ run: 'touch /root/unseen', when: given(made, (r) => r.stdout !== "it's $HOME") }),
        shell.command({ run: 'echo because >&2; exit 7' }),
      ],
    }),
  ])
  t.is(await lab().must('bk', 'ls /root/seen /root/unseen 2>/dev/null || true'), '/root/seen\n')
  t.regex(ran.errors.join('\n'), /because/)
  t.regex(ran.errors.join('\n'), /exit code:? 7/)
})

test.serial('services are held back while a package is installed, if asked', async (t) => {
  t.timeout(120_000)
  const ran = await lab().run(
    tasks([
      apt.package({ pkg: 'memcached', state: 'purged' }),
      apt.package({ pkg: 'memcached', startServices: false }),
    ]),
  )
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
  for (const host of names) {
    t.is((await lab().on(host, 'systemctl is-active memcached')).stdout, 'inactive\n')
    t.is((await lab().on(host, 'ls /usr/sbin/policy-rc.d')).stdout, '')
  }
})

test.serial('a unit file that systemd would not take is refused and the old one stays', async (t) => {
  const ran = await lab().run(
    tasks(systemd.unit({ name: 'nap.service', content: unit.replace('[Install]', 'Restrat=always\n[Install]') })),
  )
  t.is(ran.result.outcome, 'failed')
  t.regex(ran.errors.join('\n'), /Unknown key/)
  for (const host of names) t.is(await lab().must(host, 'cat /etc/systemd/system/nap.service'), unit)
})

test.serial('a repository and its key come and go', async (t) => {
  t.timeout(300_000)
  const packaged = await lab().run(tasks(apt.package({ pkg: ['gnupg', 'apt-utils'] })))
  t.is(packaged.result.outcome, 'ok', packaged.errors.join('\n'))
  const make = (version: string) => `set -eu
export GNUPGHOME=/root/keys
if [ ! -d "$GNUPGHOME" ]; then
  mkdir -m 0700 "$GNUPGHOME"
  gpg --batch --quiet --passphrase '' --quick-gen-key test@example.org ed25519 sign 0 2>/dev/null
fi
mkdir -p /srv/repo /root/demo/DEBIAN
printf 'Package: zz-demo\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' >/root/demo/DEBIAN/control
dpkg-deb -b /root/demo /srv/repo/zz-demo_${version}_all.deb >/dev/null
cd /srv/repo
apt-ftparchive packages . >Packages
apt-ftparchive release . >Release
rm -f InRelease
gpg --batch --quiet --clearsign -o InRelease Release
gpg --armor --export`
  const own = (key: string) => apt.repository({ name: 'demo', uris: 'file:/srv/repo', suites: './', key })
  const on = (list: Tasks) => [play({ hosts: 'sd', tasks: list })]
  const armored = await lab().must('sd', make('1.0-1'))
  const demo = (): Tasks => [own(armored), apt.package({ pkg: 'zz-demo' })]
  const first = await lab().run(on(demo()))
  t.is(first.result.outcome, 'ok', first.errors.join('\n'))
  t.is((await lab().run(on(demo()))).result.hosts.sd?.changed, 0)

  await lab().must('sd', make('1.1-1'))
  const latest = await lab().run(on(apt.package({ pkg: 'zz-demo', state: 'latest', updateCache: true })))
  t.is(latest.result.outcome, 'ok', latest.errors.join('\n'))
  t.is(await lab().must('sd', 'dpkg-query -W zz-demo'), 'zz-demo\t1.1-1\n')
  const older = await lab().run(on(apt.package({ pkg: 'zz-demo=1.0*' })))
  t.regex(older.errors.join('\n'), /zz-demo is 1\.1-1, newer than the wished 1\.0-1/)

  const gone = await lab().run(
    on([apt.repository({ name: 'demo', state: 'absent' }), apt.package({ pkg: 'zz-demo', state: 'purged' })]),
  )
  t.is(gone.result.outcome, 'ok', gone.errors.join('\n'))
  t.is((await lab().on('sd', 'ls /etc/apt/keyrings/demo.asc /etc/apt/sources.list.d/demo.sources')).stdout, '')
})
