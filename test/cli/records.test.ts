// Records of runs, seen from the command line: who failed last time, and the page.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ava from 'ava'
import { localSite, provision } from './stand-in.ts'

// the agent reads /proc
const test = process.platform === 'linux' ? ava : ava.skip

const failing =
  "shell.command({ name: 'works once it may', run: 'test -e ' + folder + 'may' }), file.file({ dest: folder + 'note', content: 'x' })"

test('--retry-failed and --limit @failed take the hosts that failed or were out of reach', async (t) => {
  const cwd = localSite(t, failing)
  const without = await provision(['--limit', '@failed'], { cwd })
  t.is(without.code, 1)
  t.true(
    without.stderr.startsWith(
      `✗ @failed: no record of a run of playbooks/site.ts with the inventory inventory/hosts.ts in ${cwd}/.provision/runs`,
    ),
  )
  t.is((await provision([], { cwd })).code, 2)
  writeFileSync(join(cwd, 'may'), '')
  const listed = await provision(['--list-hosts', '--limit', '@failed'], { cwd })
  t.is(listed.stdout, 'Local (here, gone)\n')
  t.is((await provision(['--list-hosts', '--limit', '@failed:!gone'], { cwd })).stdout, 'Local (here)\n')
  // a check is no run: it does not count as the last one
  t.is((await provision(['--check', '--limit', 'here'], { cwd })).code, 0)
  t.is((await provision(['--limit', 'here', '--retry-failed'], { cwd })).code, 0)
  const nothing = await provision(['--retry-failed'], { cwd })
  t.is(nothing.code, 0)
  t.regex(nothing.stderr, /^no host failed in the last run \(\d{8}T\d{6}Z-[0-9a-f]{6}\): nothing to retry\n$/)
  const empty = await provision(['--limit', '@failed'], { cwd })
  t.is(empty.code, 1)
  t.regex(empty.stderr, /^✗ --limit '@failed' selects no host: in the last run \(.*\) no host failed\n/)
})

test('a secret of the command line or of a host is in no file of a record', async (t) => {
  const cwd = localSite(t, "shell.command({ run: 'echo $CANARY', env: { CANARY: secret('canary') } })")
  const playbook = join(cwd, 'playbooks/site.ts')
  writeFileSync(
    playbook,
    readFileSync(playbook, 'utf8')
      .replace('{ definePlaybook,', '{ definePlaybook, role, secret, v,')
      .replace(
        "hosts: 'all',",
        "hosts: 'all', roles: [role('r', { params: { token: v.optional(v.string()) } }, () => [])({})],",
      ),
  )
  const env = { PROVISION_SECRET_CANARY: 'canary-7d1f0c' }
  const { code, stderr } = await provision(['--limit', 'here', '-e', 'r.token=extra-93ab'], { cwd, env })
  t.is(code, 0, stderr)
  await provision(['report'], { cwd })
  const [id = ''] = readdirSync(join(cwd, '.provision/runs'))
  const folder = join(cwd, '.provision/runs', id)
  t.deepEqual(readdirSync(folder).sort(), ['events.jsonl', 'meta.json', 'report.html'])
  for (const name of readdirSync(folder)) {
    t.notRegex(readFileSync(join(folder, name), 'utf8'), /canary-7d1f0c|extra-93ab/, name)
    t.is(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  }
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')).extraVars, ['r.token'])
})

test('--keep-runs 0 leaves no record; --keep-runs 1 the last', async (t) => {
  const cwd = localSite(t, '')
  const runs = () =>
    readdirSync(join(cwd, '.provision')).includes('runs') ? readdirSync(join(cwd, '.provision/runs')).length : 0
  for (const [keep, left] of [
    ['0', 0],
    ['5', 1],
    ['5', 2],
    ['1', 1],
  ] as const) {
    t.is((await provision(['--limit', 'here', '--keep-runs', keep], { cwd })).code, 0)
    t.is(runs(), left)
  }
})

test('report makes a page, lists runs, and names what it does not find', async (t) => {
  const cwd = localSite(t, failing)
  t.regex((await provision(['report'], { cwd })).stderr, /^✗ no record of a run in /)
  await provision(['--limit', 'here'], { cwd })
  const list = await provision(['report', '--list'], { cwd })
  t.regex(list.stdout, /^\S+Z-\S{6} {2}failed {7}run {13}playbooks\/site\.ts {2}\(here\)\n$/)
  const { stdout } = await provision(['report'], { cwd })
  t.regex(stdout, /^\.provision\/runs\/\S+\/report\.html\n$/)
  t.true(readFileSync(join(cwd, stdout.trim()), 'utf8').startsWith('<!DOCTYPE html>'))
  t.true((await provision(['report', 'last', '--output-file', '-'], { cwd })).stdout.startsWith('<!DOCTYPE html>'))
  t.is((await provision(['report', '1999'], { cwd })).code, 1)
})
