// Files, archives, checkouts and releases on real hosts, Debian 12 and sid: check mode touches nothing, the second run changes
// nothing, and a configuration that its own program refuses never stays.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import type { Tasks } from '../../src/core/task.ts'
import { apt, archive, file, git, play, release, secret, secretText, user } from '../../src/index.ts'
import { useLab } from './harness.ts'

const test = anyTest as TestFn
const names = ['bk', 'sd']
const lab = useLab(test, 'files', ['bk:bookworm', 'sd:sid'])

const local = mkdtempSync(join(tmpdir(), 'hostwright-files-'))
process.once('exit', () => rmSync(local, { recursive: true, force: true }))
const large = join(local, 'large')
const app = join(local, 'app')

function makeLocalFiles(): void {
  writeFileSync(
    large,
    Buffer.alloc(
      20_000_003,
      Uint8Array.from({ length: 253 }, (_, index) => index),
    ),
  )
  mkdirSync(join(app, 'bin'), { recursive: true })
  writeFileSync(join(app, 'bin/start'), '#!/bin/sh\necho started\n', { mode: 0o755 })
  writeFileSync(join(local, 'conf.ejs'), 'name=<%= name %>\npassword=<%= password %>\n')
  for (const [flag, ending] of [
    ['-z', 'gz'],
    ['-J', 'xz'],
  ])
    execFileSync('tar', [`-c${flag?.slice(1)}f`, join(local, `app.tar.${ending}`), '-C', local, 'app'])
}

const everything = (): Tasks => [
  apt.package({ pkg: ['git', 'xz-utils'] }),
  user({ name: 'web', system: true, home: '/srv/web', createHome: false }),
  file.directory({ path: '/srv/web/a b', mode: '02770', owner: 'web', group: 'web' }),
  file.directory({ path: '/srv/web', mode: '0755', owner: 'web' }),
  file.file({ dest: "/srv/web/a b/it's $x\nü", content: 'exact \\n %s "x"', mode: '0640' }),
  file.directory({ path: '/srv/web/a b', owner: 'web', group: 'web', recurse: true }),
  file.file({ dest: '/srv/web/large', src: large }),
  file.file({ dest: '/srv/web/secret', content: secretText`key=${secret('files.key')}\n`, group: 'web' }),
  file.template({
    src: join(local, 'conf.ejs'),
    dest: '/srv/web/conf',
    vars: { name: 'x', password: secret('files.db') },
    validate: 'grep -q name=x %s',
  }),
  file.file({
    dest: '/etc/ssh/sshd_config.d/60-test.conf',
    content: 'ClientAliveInterval 77\n',
    validate: 'sshd -t',
    backup: true,
  }),
  file.link({ path: '/srv/web/link', target: 'a b' }),
  file.file({ dest: '/srv/web/lines', content: 'a\nb\n', force: false }),
  file.line({ path: '/srv/web/lines', match: '^b', line: 'b $1' }),
  file.line({ path: '/srv/web/lines', line: 'c' }),
  file.block({ path: '/srv/web/lines', marker: 'one', block: 'x\ny' }),
  file.block({
    path: '/srv/web/lines',
    marker: 'two',
    block: secretText`pass ${secret('files.key')}`,
    insertAfter: '^a$',
  }),
  file.absent({ path: '/etc/motd' }),
  archive.unpack({ src: join(local, 'app.tar.gz'), dest: '/opt/app-gz', strip: 1, owner: 'web' }),
  archive.unpack({ src: join(local, 'app.tar.xz'), dest: '/usr/local', creates: 'app/bin/start' }),
  release.deploy({ path: '/srv/app', source: { directory: app }, group: 'web', shared: ['uploads'] }),
]

const on = (list: Tasks, hosts = 'all') => [play({ hosts, tasks: list })]

const traces = (host: string) =>
  lab().must(
    host,
    'cd /; find etc srv opt usr/local -type f -o -type l | sort | sha256sum; dpkg-query -W | sha256sum; cat etc/passwd',
  )

test.serial('check mode touches nothing, one run does it all, and the next changes nothing', async (t) => {
  t.timeout(600_000)
  makeLocalFiles()
  const before = await Promise.all(names.map(traces))
  const checked = await lab().run(on(everything()), { check: true })
  t.is(checked.result.outcome, 'ok', checked.errors.join('\n'))
  t.deepEqual(await Promise.all(names.map(traces)), before)
  const first = await lab().run(on(everything()))
  t.is(first.result.outcome, 'ok', first.errors.join('\n'))
  t.false(JSON.stringify(first.events).includes('pass value'), 'no secret in any event')
  const second = await lab().run(on(everything()))
  t.is(second.result.outcome, 'ok', second.errors.join('\n'))
  for (const host of names) {
    t.is(second.result.hosts[host]?.changed, 0, second.log.filter((line) => line.includes(' changed ')).join('\n'))
    t.is(second.result.hosts[host]?.requests, 1, 'facts and probe in one request')
  }
})

test.serial('what was done is there, seen past the tool', async (t) => {
  const sum = execFileSync('sha256sum', [large], { encoding: 'utf8' }).slice(0, 64)
  for (const host of names) {
    const seen = (script: string) => lab().must(host, script)
    t.is(await seen('stat -c "%a %U %G" "/srv/web/a b" /srv/web'), '2770 web web\n755 web root\n')
    t.is(await seen('cd "/srv/web/a b"; stat -c "%a %U" *; cat *'), '640 web\nexact \\n %s "x"')
    t.is(await seen('sha256sum </srv/web/large'), `${sum}  -\n`)
    t.is(await seen('stat -c "%a %U %G" /srv/web/secret'), '600 root web\n')
    t.regex(await seen('cat /srv/web/conf'), /^name=x\npassword=.{8,}\n$/)
    t.regex(await seen('sshd -T'), /^clientaliveinterval 77$/im)
    t.regex(
      await seen('cat /srv/web/lines'),
      /^a\n# BEGIN provision two\npass .+\n# END provision two\nb \$1\nc\n# BEGIN provision one\nx\ny\n# END provision one\n$/,
    )
    t.is(
      await seen('/srv/app/current/bin/start; /opt/app-gz/bin/start; /usr/local/app/bin/start'),
      'started\n'.repeat(3),
    )
    t.is(
      await seen('stat -c "%a %G" /srv/app/current/uploads/. /usr/local; stat -c %U /opt/app-gz/bin/start'),
      `2775 web\n${await seen('stat -c "%a %G" /usr/local')}web\n`,
    )
    t.is(await seen('find / -xdev -name "*.provision-*" 2>/dev/null | grep -v provision-archive; true'), '')
  }
})

test.serial('a configuration that sshd refuses never stays, and the reason is told', async (t) => {
  const bad = (dest: string) => file.file({ dest, content: 'NoSuchOption yes\n', validate: 'sshd -t' })
  const ran = await lab().run(on(bad('/etc/ssh/sshd_config.d/60-test.conf')))
  t.is(ran.result.outcome, 'failed')
  t.regex(ran.errors.join('\n'), /Validation failed: sshd -t exited with 255\. The previous file is back in place\./)
  t.regex(ran.errors.join('\n'), /Bad configuration option: NoSuchOption/)
  const fresh = await lab().run(on(bad('/etc/ssh/sshd_config.d/61-test.conf')))
  t.regex(fresh.errors.join('\n'), /The new file is gone again; there was none before\./)
  for (const host of names) {
    t.is(
      await lab().must(host, 'cd /etc/ssh/sshd_config.d; cat 60-test.conf; ls -A | grep -c test'),
      'ClientAliveInterval 77\n1\n',
    )
  }
})

test.serial('a validation that was killed with the host is made up for by the next run', async (t) => {
  // what is there when the machine dies between the rename and the end of `sshd -t`
  await lab().must(
    'bk',
    'cd /etc/ssh/sshd_config.d; ln 60-test.conf .60-test.conf.provision-old; echo "NoSuchOption yes" >new; mv new 60-test.conf',
  )
  const same = (content: string) =>
    file.file({ dest: '/etc/ssh/sshd_config.d/60-test.conf', content, validate: 'sshd -t' })
  const checked = await lab().run(on(same('NoSuchOption yes\n'), 'bk'), { check: true })
  t.is(checked.result.hosts.bk?.changed, 1)
  const refused = await lab().run(on(same('NoSuchOption yes\n'), 'bk'))
  t.is(refused.result.outcome, 'failed')
  t.is(await lab().must('bk', 'cat /etc/ssh/sshd_config.d/60-test.conf; sshd -t'), 'ClientAliveInterval 77\n')
  t.is((await lab().run(on(same('ClientAliveInterval 77\n'), 'bk'))).result.hosts.bk?.changed, 0)
})

test.serial(
  'a file that is a mount is rewritten in place; what is mounted below a directory is not removed',
  async (t) => {
    await lab().must(
      'bk',
      'mkdir -p /srv/m/below; echo old >/srv/real; : >/srv/m/f; mount --bind /srv/real /srv/m/f; mount -t tmpfs none /srv/m/below; echo x >/srv/m/below/x',
    )
    const write = on(file.file({ dest: '/srv/m/f', content: 'new\n' }), 'bk')
    t.is((await lab().run(write)).result.outcome, 'ok')
    t.is(await lab().must('bk', 'cat /srv/real'), 'new\n')
    t.is((await lab().run(write)).result.hosts.bk?.changed, 0)
    const gone = await lab().run(on(file.absent({ path: '/srv/m' }), 'bk'))
    t.regex(gone.errors.join('\n'), /\/srv\/m is not removed, since something is mounted on \/srv\/m\/(f|below)/)
    t.is(await lab().must('bk', 'cat /srv/m/below/x; umount /srv/m/f /srv/m/below'), 'x\n')
    t.is((await lab().run(on(file.absent({ path: '/srv/m' }), 'bk'))).result.hosts.bk?.changed, 1)
  },
)

test.serial('access lists and attributes of a file outlive a new content', async (t) => {
  await lab().run(on(apt.package({ pkg: 'acl' }), 'bk'))
  await lab().must('bk', 'echo old >/srv/acl; setfacl -m u:web:rw /srv/acl')
  const before = await lab().must('bk', 'getfacl -p /srv/acl')
  t.is((await lab().run(on(file.file({ dest: '/srv/acl', content: 'new\n' }), 'bk'))).result.outcome, 'ok')
  t.is(await lab().must('bk', 'getfacl -p /srv/acl'), before)
})

test.serial('another user writes what is its own, and is told what it may not see', async (t) => {
  const mine = () => file.file({ dest: '/srv/web/mine', content: 'x\n', become: 'web' })
  t.is((await lab().run(on(mine(), 'bk'))).result.outcome, 'ok')
  t.is(await lab().must('bk', 'stat -c "%U %G" /srv/web/mine'), 'web web\n')
  t.is((await lab().run(on(mine(), 'bk'))).result.hosts.bk?.changed, 0)
  const denied = await lab().run(on(file.file({ dest: '/root/x/y', content: 'x', become: 'web' }), 'bk'))
  t.regex(denied.errors.join('\n'), /\/root\/x\/y cannot be looked at: a directory above it is closed to this user/)
})

test.serial('a checkout as its owner follows a branch; a release from git is shipped once', async (t) => {
  t.timeout(120_000)
  const commit = (text: string) =>
    lab().must(
      'bk',
      `cd /srv/web && { [ -d repo ] || runuser -u web -- git init -q -b main repo; } && cd repo && echo ${text} >f &&
runuser -u web -- git add f && runuser -u web -- git -c user.name=t -c user.email=t@example.org commit -qm ${text} && runuser -u web -- git rev-parse HEAD`,
    )
  await commit('one')
  const checkout = () => git.checkout({ repo: '/srv/web/repo', dest: '/srv/tree', version: 'main', owner: 'web' })
  const made = await lab().run(on(checkout(), 'bk'))
  t.is(made.result.outcome, 'ok', made.errors.join('\n'))
  t.is((await lab().run(on(checkout(), 'bk'))).result.hosts.bk?.changed, 0)
  const second = await commit('two')
  t.is((await lab().run(on(checkout(), 'bk'), { check: true })).result.hosts.bk?.changed, 1)
  t.is((await lab().run(on(checkout(), 'bk'))).result.outcome, 'ok')
  t.is(await lab().must('bk', 'cat /srv/tree/f; stat -c %U /srv/tree/f /srv/tree/.git/HEAD'), 'two\nweb\nweb\n')
  await lab().must('bk', 'echo mine >/srv/tree/f')
  await commit('three')
  const refused = await lab().run(on(checkout(), 'bk'))
  t.regex(refused.errors.join('\n'), /\/srv\/tree has local changes/)
  t.is(await lab().must('bk', 'cat /srv/tree/f'), 'mine\n')

  await lab().must('bk', 'git config --system --add safe.directory /srv/web/repo/.git')
  const deploy = (version: string) =>
    release.deploy({ path: '/srv/rel', source: { git: '/srv/web/repo', version }, keep: 2 })
  const shipped = await lab().run(on(deploy(second.trim()), 'bk'))
  t.is(shipped.result.outcome, 'ok', shipped.errors.join('\n'))
  t.is(await lab().must('bk', 'readlink /srv/rel/current; cat /srv/rel/current/f'), `releases/${second.trim()}\ntwo\n`)
  t.is((await lab().run(on(deploy(second.trim()), 'bk'))).result.hosts.bk?.changed, 0)
})
