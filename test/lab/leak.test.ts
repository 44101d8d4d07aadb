// The whole site with secrets that are easy to find, told to say everything: nothing that it prints, writes or starts may
// hold one of them, on this machine or on a host.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { createVault, generateVaultKey, readVault, writeVault } from '../../src/secrets/vault.ts'
import { useLab } from './harness.ts'
import { encodedForms, findIn, type ProcessWatch, watchProcesses } from './leak-search.ts'
import { type CommandRun, provision, root } from './provision.ts'

const test = anyTest as TestFn
const hosts = ['lb1', 'web1', 'web2']
const lab = useLab(test, 'leak', ['lb1:bookworm', 'web1:sid', 'web2:sid'], { acme: true })

// The odd characters make the forms differ, and show where a value is put into a text without being quoted.
const canaries: Record<string, string> = {
  'db.app': 'Canary1-app/"&$x+%41 ü',
  'mysql.replication': 'Canary2-repl/"&$x+%42',
  'mysql.salt': 'Canary3-salt/"&$x+%43 ü',
  'tls.ca': 'Canary4-tls/"&$x+%44 ü',
}
const rotated = 'Canary5-new/"&$x+%45 ü'
const control = 'Canary6-control/"&$x+%46'
const forms = [...Object.values(canaries), rotated].flatMap(encodedForms)

const folder = mkdtempSync(join(tmpdir(), 'provision-leak-'))
const file = join(folder, 'secrets.age')
const keyFile = join(folder, 'key')
const runs: Record<string, CommandRun> = {}
let key = ''
let watch: ProcessWatch | undefined
test.after.always(async () => {
  await watch?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const env = { PROVISION_LAB: 't-leak' }
const site = [
  ...['--inventory', 'inventory/lab.ts', '--vault', file, '--vault-key-file', keyFile],
  ...['--secrets', join(folder, 'none.json')],
]
const run = (...more: string[]) => provision([...site, '-vvv', '--diff', ...more], env)

/** systemd gives the app its database password in its environment, which only the app's user and root may read. */
function isApp(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes('/app.service')
  } catch {
    return false
  }
}

test.serial('the site comes up with every secret from the vault, and is changed with new ones', async (t) => {
  t.timeout(900_000)
  const { identity, recipient } = await generateVaultKey()
  key = identity
  writeFileSync(keyFile, identity, { mode: 0o600 })
  await createVault({ file, recipients: [recipient], values: canaries })
  for (const host of hosts) await lab().must(host, 'touch /root/before')
  watch = watchProcesses([...forms, key], isApp)

  runs.first = await run('--output', 'json')
  t.is(runs.first.code, 0, runs.first.stderr + runs.first.stdout.slice(-4000))
  await writeVault({ file, key, values: { 'db.app': rotated } })
  runs.check = await run('--output', 'junit', '--output-file', join(folder, 'check.xml'), '--check')
  t.is(runs.check.code, 0, runs.check.stderr)
  const plan = await provision(['plan', ...site, '-vvv', '--diff', '-o', join(folder, 'site.plan')], env)
  t.is(plan.code, 0, plan.stderr)
  runs.plan = plan
  runs.show = await provision(['plan', 'show', join(folder, 'site.plan')], env)
  t.is(runs.show.code, 0, runs.show.stderr)
  runs.rotation = await provision(
    ['apply', join(folder, 'site.plan'), '--vault-key-file', keyFile, '-vvv', '--diff', '--output', 'plain'],
    env,
  )
  t.is(runs.rotation.code, 0, runs.rotation.stderr + runs.rotation.stdout)
  t.regex(runs.rotation.stdout, /app\.env {2}\(content differs \(secret\)\)/)
  // what goes wrong is told at length, too
  runs.failed = await run('--output', 'plain', '--limit', 'web2', '--extra-vars', 'mysql.package=no-such-package')
  t.not(runs.failed.code, 0)
  t.deepEqual(
    Object.keys(await readVault({ file, key })).filter((name) => !(name in canaries)),
    [],
    'a secret that has no canary',
  )
})

test.serial('no process, here or on a host, had a secret in its arguments or its environment', async (t) => {
  await watch?.stop()
  t.true((watch?.looks() ?? 0) > 20, `${watch?.looks()} looks`)
  t.deepEqual(
    watch?.found().filter((entry) => !entry.includes('sleep 60')),
    [],
  )
})

test.serial('the search finds what is there: in arguments, in an environment, in a file, encoded', async (t) => {
  const controlWatch = watchProcesses(encodedForms(control), () => false)
  const encoded = Buffer.from(control).toString('base64')
  const started = lab().on('web1', `CONTROL=${encoded} timeout 60 tail -f /dev/null '${control}' 2>/dev/null`)
  const wanted = ['cmdline of tail -f /dev/null', 'environ of tail -f /dev/null']
  const missing = () => wanted.filter((want) => !controlWatch.found().some((entry) => entry.startsWith(want)))
  const deadline = Date.now() + 40_000
  while (missing().length > 0 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  await controlWatch.stop()
  t.deepEqual(missing(), [], 'not seen though it runs on a host')
  await lab().on('web1', 'pkill -x tail')
  await started
  await lab().must('web1', `printf '%s' '${Buffer.from(control).toString('hex')}' > /srv/control`)
  const places = await searchHost('web1', encodedForms(control))
  t.true(places.some((place) => place.includes('/srv/control')))
  await lab().must('web1', 'rm /srv/control')
})

/** Where this machine could hold a secret after a run; a new kind of output is a new line. */
const placesHere: Record<string, () => readonly (readonly [name: string, text: string])[]> = {
  'stdout and stderr': () => Object.entries(runs).map(([name, { stdout, stderr }]) => [name, stdout + stderr]),
  JUnit: () => [['check.xml', readFileSync(join(folder, 'check.xml'), 'utf8')]],
  'a plan': () => [['site.plan', readFileSync(join(folder, 'site.plan'), 'utf8')]],
  'records and caches in .provision': () => filesUnder(join(root, '.provision')),
  'what lies beside the vault': () => filesUnder(folder).filter(([name]) => name !== keyFile),
}
for (const [what, texts] of Object.entries(placesHere)) {
  test.serial(`no secret in ${what}`, (t) => {
    for (const [name, text] of texts()) t.is(findIn(text, [...forms, key]), undefined, name)
  })
}

for (const host of hosts) {
  test.serial(`no secret in a log, a shell's history or a world-readable file of ${host}`, async (t) => {
    t.timeout(180_000)
    t.deepEqual(await searchHost(host), [])
  })
}

/** The files of a host that others may read and that the runs made or changed, its logs and its histories. */
async function searchHost(host: string, sought: readonly string[] = forms): Promise<readonly string[]> {
  const script = `
    umask 077; cat > /root/forms; trap 'rm -f /root/forms' EXIT
    journalctl --no-pager -o cat -a > /root/journal 2>/dev/null; mv /root/journal /root/journal.txt
    {
      find / /run /tmp /dev/shm -xdev -type f -perm -o=r -cnewer /root/before -print0
      find /var/log /var/spool -xdev -type f -print0
      find /root /home /srv -xdev -name '.*history' -print0
      printf '/root/journal.txt\\0'
    } | xargs -0 grep -laFf /root/forms
    rm -f /root/journal.txt`
  const result = await lab().on(host, script, `${sought.join('\n')}\n`)
  if (result.stderr.trim() !== '') throw new Error(`${host}: ${result.stderr}`)
  return [...new Set(result.stdout.split('\n').filter(Boolean))]
}

function filesUnder(path: string): readonly (readonly [string, string])[] {
  if (!statSync(path, { throwIfNoEntry: false })) return []
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const name = join(entry.parentPath, entry.name)
      return [name, readFileSync(name, 'latin1')] as const
    })
}
