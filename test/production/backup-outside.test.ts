// Repositories outside, on a server that this project did not write: restic's own REST server, over TLS, with a password. Files of an old
// Debian release go to one that lets nothing be removed, a database to one that does.
import { writeFileSync } from 'node:fs'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { backup, isBackedUp } from '../../roles/backup.ts'
import { mysql, mysqlReplica } from '../../roles/mysql.ts'
import { play } from '../../src/core/play.ts'
import { secret } from '../../src/core/secret.ts'
import * as apt from '../../src/resources/apt.ts'
import * as tls from '../../src/resources/tls.ts'
import type { Ran } from '../../src/testing/runner.ts'
import { useLab } from '../lab/harness.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'backup-outside', ['out1:sid', 'db1:trixie', 'app1:bookworm'])
const tools = '/usr/local/lib/backup'
const secrets = { 'outside.files': `it's a pass/word: 100% @home`, 'outside.database': 'another "password"' }

async function converge(more: { verify?: boolean } = {}): Promise<Ran> {
  const repository = (port: number) => `rest:https://${lab().address('out1')}:${port}/site/`
  const login = (name: keyof typeof secrets) => ({ RESTIC_REST_USERNAME: 'site', RESTIC_REST_PASSWORD: secret(name) })
  const files = {
    repository: repository(8000),
    environment: login('outside.files'),
    removeOutside: false,
    paths: ["/srv/it's here"],
    exclude: ['*.cache'],
  }
  const database = { repository: repository(9000), environment: login('outside.database') }
  const inventory = lab().inventory({
    groups: { db: ['db1'] },
    hosts: { db1: { vars: { backup: database } }, app1: { vars: { backup: files } } },
    vars: { mysql: { databases: ['shop'] } },
  })
  return await lab().run(
    [
      play({ hosts: 'db', roles: [mysql()] }),
      play({ hosts: 'db', roles: [mysqlReplica()] }),
      play({ hosts: 'all', roles: (host) => [isBackedUp(host) && backup()] }),
    ],
    { inventory, ...more },
  )
}

function converged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
  for (const password of Object.values(secrets)) t.false(ran.log.join('\n').includes(password))
}

/** Names, kinds, modes, owners, times and contents of what is below a folder. */
const contentOf = (folder: string) =>
  lab().must(
    'app1',
    `cd "${folder}" && find . -printf '%P|%y|%m|%U:%G|%l|%TY-%Tm-%Td %TT\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`,
  )

test.serial('two REST servers, over TLS', async (t) => {
  t.timeout(600_000)
  writeFileSync(lab().secretsFile, JSON.stringify(secrets), { mode: 0o600 })
  const certificate = tls.internal({
    directory: '/etc/outside',
    subject: 'out1',
    names: ['out1'],
    addresses: [lab().address('out1')],
    group: 'restic-rest-server',
    ca: secret('tls.ca'),
  })
  const servers = [apt.package({ pkg: ['restic-rest-server', 'openssl', 'curl'] }), certificate]
  converged(t, await lab().run([play({ hosts: 'out1', tasks: servers })]))
  const { on, must } = lab()
  for (const [name, password] of Object.entries(secrets)) await on('out1', `umask 077; cat >/root/${name}`, password)
  const tlsOptions = '--tls --tls-cert /etc/outside/server.pem --tls-key /etc/outside/server.key'
  const server = (port: number, name: string, more: string) => `install -d -o restic-rest-server /srv/${name}
printf 'site:{SHA}%s\\n' "$(openssl dgst -sha1 -binary /root/${name} | base64)" >/etc/restic-rest-server/${name}
systemd-run --quiet --unit=${name} --uid=restic-rest-server --property=Restart=on-failure restic-rest-server --path /srv/${name} \\
  --listen :${port} --private-repos ${tlsOptions} --htpasswd-file /etc/restic-rest-server/${name} ${more}`
  await must(
    'out1',
    `${server(8000, 'outside.files', '--append-only')}
${server(9000, 'outside.database', '')}
for try in $(seq 300); do
  curl --silent --cacert /etc/outside/ca.pem --output /dev/null https://out1:8000/ && curl --silent --cacert /etc/outside/ca.pem --output /dev/null https://out1:9000/ && exit
  sleep 0.1
done
journalctl -u outside.files -u outside.database >&2; exit 1`,
  )
  const ca = await must('out1', 'cat /etc/outside/ca.pem')
  for (const host of ['db1', 'app1']) {
    await must(host, 'apt-get install --yes --quiet ca-certificates >/dev/null 2>&1')
    await on(host, 'cat >/usr/local/share/ca-certificates/outside.crt && update-ca-certificates >/dev/null 2>&1', ca)
  }
  await must(
    'app1',
    `mkdir -p "/srv/it's here/empty" && cd "/srv/it's here"
printf 'one\\n' >plain; printf 'secret' >'of root'; chmod 0640 'of root'; chown 1:2 plain; head -c 3000000 /dev/urandom >large
ln -s ../nowhere link; echo gone >left.cache; touch -d 2001-02-03T04:05:06 plain`,
  )
  t.pass()
})

test.serial('both are made and filled; a rerun changes nothing; the promises are kept', async (t) => {
  t.timeout(600_000)
  converged(t, await converge())
  converged(t, await converge({ verify: true }))
  const again = await converge()
  converged(t, again)
  t.deepEqual(
    again.log.filter((line) => / changed /.test(line)),
    [],
  )
})

test.serial('files come back as they were, and as they were before the last change', async (t) => {
  t.timeout(300_000)
  const source = "/srv/it's here"
  const before = await contentOf(source)
  await lab().must('app1', `echo two >"${source}/plain"; rm "${source}/large"; systemctl start backup-files.service`)
  const after = await contentOf(source)
  const ids = await lab().must(
    'app1',
    `${tools}/restic external files-app1 snapshots --json --tag files | jq -r 'sort_by(.time) | .[].id'`,
  )
  const [first, second] = ids.trim().split('\n')
  for (const [id, content] of [
    [first, before],
    [second, after],
  ]) {
    await lab().must('app1', `${tools}/restic external files-app1 restore ${id} --target /root/${id} >/dev/null`)
    const lines = (text = '') => text.split('\n').filter((line) => !line.includes('left.cache'))
    t.deepEqual(lines(await contentOf(`/root/${id}${source}`)), lines(content))
    t.is((await lab().on('app1', `test -e "/root/${id}${source}/left.cache"`)).code, 1)
  }
})

test.serial('a path that is not there fails the job, and all else is kept', async (t) => {
  const job = await lab().on(
    'app1',
    `echo /srv/nowhere >>/etc/backup/paths
systemctl start backup-files.service; code=$?; journalctl --sync; journalctl -o cat -u backup-files.service | tail -n 20
sed -i '$d' /etc/backup/paths; exit $code`,
  )
  t.not(job.code, 0)
  t.regex(job.stdout, /error: not there, all else is kept: \/srv\/nowhere\n/)
})

test.serial('nobody on a host sees the credentials, and a wrong one opens nothing', async (t) => {
  t.timeout(300_000)
  for (const [host, repository, password] of [
    ['app1', 'files-app1', secrets['outside.files']],
    ['db1', 'databases', secrets['outside.database']],
  ] as const) {
    const seen = await lab().must(
      host,
      `mkfifo /root/hold; ${tools}/restic external ${repository} backup --quiet --tag seen --stdin --stdin-filename seen </root/hold &
exec 7>/root/hold; for try in $(seq 600); do pgrep -x restic >/dev/null && break; sleep 0.1; done
pgrep -a -x restic; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; exec 7>&-; wait; rm /root/hold
cat /etc/systemd/system/backup-* ${tools}/*; journalctl -o cat`,
    )
    t.regex(seen, /^\d+ restic .*--stdin/m)
    for (const text of [password, encodeURIComponent(password)]) t.false(seen.includes(text), text)
    t.is(await lab().must(host, 'stat -c "%a %U" /etc/backup /etc/backup/external.env'), '700 root\n600 root\n')
    const wrong = await lab().on(
      host,
      `sed 's/pass/nothing/g' /etc/backup/external.env >/root/wrong.env
sed 's,/etc/backup/external.env,/root/wrong.env,' ${tools}/restic >/root/restic
sh /root/restic external ${repository} snapshots --no-lock 2>&1 & echo; for try in $(seq 600); do kill -0 $! 2>/dev/null || break; sleep 0.1; done; kill $! && exit 9; wait $!`,
    )
    t.not(wrong.code, 0)
    t.false(wrong.stdout.includes(password))
  }
})

test.serial('what may only add removes nothing', async (t) => {
  const count = () => lab().must('app1', `${tools}/restic external files-app1 snapshots --json | jq length`)
  const before = await count()
  const forget = await lab().on(
    'app1',
    `${tools}/restic external files-app1 forget --keep-last 1 --group-by '' --prune 2>&1`,
  )
  t.not(forget.code, 0)
  t.is(await count(), before)
  t.is((await lab().on('app1', 'test -e /etc/systemd/system/backup-retention.timer')).code, 1)
})

test.serial(
  'where it may, old backups are removed and the rest is read again; what was damaged is found',
  async (t) => {
    t.timeout(300_000)
    const job = (name: string) =>
      lab().on(
        'db1',
        `systemctl start ${name}.service; code=$?; journalctl --sync; journalctl -o cat -u ${name}; exit $code`,
      )
    const kept = await job('backup-retention')
    t.is(kept.code, 0, kept.stdout)
    t.regex(
      await lab().must('db1', 'cat /var/lib/prometheus/node-exporter/backup-backup-retention.prom'),
      /snapshots\{repository="databases"\} [2-9]/,
    )
    t.regex(
      await lab().must('db1', `${tools}/database now && ${tools}/restore now`),
      /in external: 0 tables, 0 rows, checksums/,
    )
    await lab().must(
      'out1',
      `for pack in $(find /srv/outside.database/site/databases/data -type f); do printf damaged | dd of="$pack" bs=1 seek=100 conv=notrunc status=none; done`,
    )
    const damaged = await lab().on('db1', `rm -rf /var/cache/backup/*; ${tools}/restore now`)
    t.not(damaged.code, 0)
    t.regex(damaged.stderr, /error: snapshot \w+ of external cannot be read whole/)
  },
)
