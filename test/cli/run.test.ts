// Whole runs through the command line on this machine (connection: 'local', in a folder of the test's own): exit codes,
// where output goes, what Ctrl-C does.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ava, { type ExecutionContext } from 'ava'
import { localSite, provision, testTerminal } from './stand-in.ts'

// the agent reads /proc
const test = process.platform === 'linux' ? ava : ava.skip

const here = ['--limit', 'here']
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is the playbook's own template
const note = "file.file({ dest: `${folder}note`, content: 'hello\\n', mode: '0600' })"
const failing = "shell.command({ name: 'a step that fails', run: 'echo oops >&2; exit 7' })"
const waiting =
  "shell.command({ name: 'a long step', run: 'echo begun; n=0; until [ -e ' + folder + 'go ] || [ $n = 400 ]; do n=$((n+1)); sleep 0.05; done' })"

function withoutTimes(text: string): string {
  return text.replace(/\bin [\d.]+ (ms|s)\b/g, 'in TIME').replace(/"elapsedMs":[\d.]+/g, '"elapsedMs":0')
}

test('a first run changes, a second does not', async (t) => {
  const cwd = localSite(t, note)
  const first = await provision(here, { cwd })
  t.deepEqual([first.code, first.stderr], [0, ''])
  t.is(
    withoutTimes(first.stdout),
    `Local (here)
here  changed  file.file ${cwd}/note  (absent → present)

      ok  changed  failed  skipped  unreachable  requests
here   0        1       0        0            0         2

1 changed in TIME
`,
  )
  t.is(readFileSync(join(cwd, 'note'), 'utf8'), 'hello\n')
  const second = await provision(here, { cwd })
  t.is(
    withoutTimes(second.stdout),
    `Local (here)

      ok  changed  failed  skipped  unreachable  requests
here   1        0       0        0            0         1

nothing to change in TIME
`,
  )
})

test('check mode changes nothing; pending changes are 4 only with --detailed-exitcode', async (t) => {
  const cwd = localSite(t, note)
  const check = await provision([...here, '--check', '--diff'], { cwd })
  t.is(check.code, 0)
  t.true(check.stdout.includes('    @@ -0,0 +1,1 @@\n    +hello\n'))
  t.is((await provision([...here, '--check', '--detailed-exitcode'], { cwd })).code, 4)
  t.false(existsSync(join(cwd, 'note')))
  t.is((await provision(here, { cwd })).code, 0)
  t.is((await provision([...here, '--check', '--detailed-exitcode'], { cwd })).code, 0)
})

test('a failed task is 2, and its block says what ran', async (t) => {
  const cwd = localSite(t, failing)
  const { code, stdout } = await provision(here, { cwd })
  t.is(code, 2)
  const user = /user: (.*)/.exec(stdout)?.[1]
  t.true(
    stdout.includes(`✗ here · a step that fails${' '.repeat(52)}playbooks/site.ts:3:82
  failed with exit code 7

    host: here
    user: ${user}
    command: a step that fails
    exit code: 7
    oops
`),
    stdout,
  )
})

test('an unreachable host is 3, unless a task failed too', async (t) => {
  const good = await provision([], { cwd: localSite(t, note) })
  t.is(good.code, 3)
  t.regex(good.stdout, /✗ gone · unreachable/)
  t.regex(good.stdout, /1 host unreachable, 1 changed in /)
  const bad = await provision([], { cwd: localSite(t, failing) })
  t.is(bad.code, 2)
  t.regex(bad.stdout, /failed on 1 host, 1 host unreachable in /)
})

test('--output json: data on stdout, one object a line, the recap last; what people read on stderr', async (t) => {
  const { code, stdout, stderr } = await provision([...here, '--output', 'json'], { cwd: localSite(t, note) })
  t.is(code, 0)
  const lines = stdout.trimEnd().split('\n')
  t.deepEqual(
    lines.map((line) => JSON.parse(line).type),
    [
      'run:start',
      'play:start',
      'host:connecting',
      'host:connected',
      'host:play',
      'task:start',
      'task:end',
      'host:play:end',
      'play:end',
      'recap',
    ].filter((type) => lines.some((line) => JSON.parse(line).type === type)),
  )
  t.is(
    withoutTimes(lines.at(-1) ?? ''),
    '{"type":"recap","hosts":{"here":{"ok":0,"changed":1,"failed":0,"skipped":0,"ignored":0,"unknown":0,"unreachable":false,"requests":2}},"elapsedMs":0,"check":false}',
  )
  t.true(stderr.startsWith('Local (here)\nhere  changed  file.file '))
})

test('--output json: an error before any host is data too', async (t) => {
  const cwd = localSite(t, "file.template({ src: 'missing.ejs', dest: '/tmp/x' })")
  const { code, stdout, stderr } = await provision([...here, '--output', 'json'], { cwd })
  t.is(code, 1)
  const { type, error } = JSON.parse(stdout)
  t.is(type, 'error')
  t.regex(error.message, /missing\.ejs/)
  t.true(stderr.startsWith(`✗ ${error.message}`))
})

test('--output junit --output-file: XML in the file, people read stdout', async (t) => {
  const cwd = localSite(t, note)
  const result = await provision([...here, '--output', 'junit', '--output-file', 'report.xml'], { cwd })
  t.is(result.code, 0)
  t.true(result.stdout.startsWith('Local (here)\nhere  changed'))
  t.regex(
    readFileSync(join(cwd, 'report.xml'), 'utf8'),
    /^<\?xml .*<testsuite name="here" tests="1" failures="0" .*<\/testsuites>\n$/s,
  )
})

test('an output file that cannot be written is found before any host', async (t) => {
  const cwd = localSite(t, note)
  const result = await provision([...here, '--output', 'json', '--output-file', 'no/such/folder'], { cwd })
  t.is(result.code, 1)
  t.true(result.stderr.startsWith('✗ --output-file no/such/folder cannot be written: there is no folder no/such\n'))
  t.false(existsSync(join(cwd, 'note')))
})

test('a terminal gets the live view and ends with the recap; CI and NO_COLOR get plain lines', async (t) => {
  const cwd = localSite(t, note)
  const terminal = testTerminal(100)
  t.is((await provision(here, { cwd, terminal })).code, 0)
  t.true(terminal.writes.some((text) => text.includes('\u001b[?25l')))
  t.true(terminal.cursorShown())
  t.regex(terminal.lines().at(-1) ?? '', /^1 changed in /)
  for (const env of [{ CI: 'true' }, { NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    const plain = testTerminal(100)
    t.is((await provision(here, { cwd, terminal: plain, env })).code, 0)
    t.false(plain.writes.some((text) => text.includes('\u001b[?25l')))
    t.is(plain.writes.join('').includes('\u001b'), 'CI' in env)
  }
})

function interruptedRun(t: ExecutionContext, signals: readonly ('SIGINT' | 'SIGTERM' | 'SIGPIPE')[], finish: boolean) {
  const cwd = localSite(t, `${waiting}, ${note}`)
  const left = [...signals]
  return provision([...here, '-vv'], {
    cwd,
    onOutput: (text, send) => {
      if (!text.includes('begun')) return
      const signal = left.shift()
      if (signal) send(signal)
      if (signal === 'SIGPIPE')
        send(signal) // the next write fails too
      else if (!signal && finish) writeFileSync(join(cwd, 'go'), '')
    },
  }).then((result) => ({ ...result, noted: existsSync(join(cwd, 'note')) }))
}

test('the first Ctrl-C finishes the running step and stops', async (t) => {
  const { code, stdout, noted } = await interruptedRun(t, ['SIGINT'], true)
  t.is(code, 130)
  t.false(noted)
  t.true(stdout.includes('finishing the running step; press Ctrl-C again to give up\n'))
  t.true(stdout.includes('here  changed  a long step'))
  t.regex(stdout, /\ninterrupted, 1 changed in .*\n$/)
})

test('the second Ctrl-C gives up at once', async (t) => {
  const { code, stdout, noted } = await interruptedRun(t, ['SIGINT', 'SIGINT'], false)
  t.is(code, 130)
  t.false(noted)
  t.true(stdout.includes('\ngiving up\n'))
  t.regex(stdout, /\ninterrupted.*\n$/)
})

test('the third Ctrl-C leaves', async (t) => {
  const { exits } = await interruptedRun(t, ['SIGINT', 'SIGINT', 'SIGINT'], false)
  t.deepEqual(exits, [130])
})

test('SIGTERM gives up at once', async (t) => {
  const { code, stdout } = await interruptedRun(t, ['SIGTERM'], false)
  t.is(code, 130)
  t.false(stdout.includes('finishing'))
  t.true(stdout.includes('\ngiving up\n'))
})

test('a reader that left stops the run after the running step', async (t) => {
  const { code, noted } = await interruptedRun(t, ['SIGPIPE'], true)
  t.is(code, 130)
  t.false(noted)
})

test('verify runs only what roles promise, and tells what is kept', async (t) => {
  const cwd = localSite(t, note)
  writeFileSync(
    join(cwd, 'verify.ts'),
    `import { definePlaybook, play, role, shell } from 'hostwright'
const promise = role('promise', { verify: () => [shell.command({ name: 'the shell works', run: 'true', changedWhen: false })] }, () => [shell.command({ run: 'touch ${cwd}/touched' })])
export default definePlaybook([play({ name: 'All', hosts: 'here', roles: [promise()] })])
`,
  )
  const { code, stdout } = await provision(['verify', 'verify.ts'], { cwd })
  t.is(code, 0, stdout)
  t.regex(stdout, /\npromise {2}the shell works {2}kept on here\n\n1 promise kept\n$/)
  t.false(existsSync(join(cwd, 'touched')))
})

test('verify looks at every promise, also behind a broken one and in later plays', async (t) => {
  const cwd = localSite(t, note)
  writeFileSync(
    join(cwd, 'verify.ts'),
    `import { definePlaybook, play, role, shell } from 'hostwright'
const check = (name, run) => shell.command({ name, run, changedWhen: false })
const one = role('one', { params: {}, verify: () => [check('broken', 'exit 3'), check('kept', 'true')] }, () => [])
const two = role('second', { params: {}, verify: () => [check('also kept', 'true')] }, () => [])
export default definePlaybook([play({ hosts: 'here', roles: [one()] }), play({ hosts: 'here', roles: [two()] })])
`,
  )
  const { code, stdout } = await provision(['verify', 'verify.ts'], { cwd })
  t.is(code, 2, stdout)
  t.true(
    stdout.endsWith(
      `\none     broken     broken on here\n        kept       kept on here\nsecond  also kept  kept on here\n\n2 promises kept, 1 broken\n`,
    ),
    stdout,
  )
})

test('a tag that may exist behind a branch is a warning, not an error', async (t) => {
  const cwd = localSite(t, note)
  writeFileSync(
    join(cwd, 'playbooks/site.ts'),
    `import { after, definePlaybook, play, shell } from 'hostwright'
const first = shell.command({ run: 'true', changedWhen: false })
export default definePlaybook([play({ name: 'Local', hosts: 'here', tasks: [first, after(first, () => [])] })])
`,
  )
  const { code, stdout } = await provision(['--tags', 'later'], { cwd })
  t.is(code, 0)
  t.true(stdout.startsWith('! --tags later: no task is known to have this tag\n'))
})

test('exec runs on each host, prefixes its output and tells exit codes', async (t) => {
  const cwd = localSite(t, note)
  const good = await provision(['exec', 'here', '--', 'echo "a b"; echo err >&2'], { cwd })
  t.deepEqual(good, { code: 0, stdout: 'here  a b\n', stderr: 'here  err\n', exits: [] })
  const words = await provision(['exec', 'here', '--', 'printf', '%s|', 'a b', "it's", '$HOME', '-n'], { cwd })
  t.is(words.stdout, "here  a b|it's|$HOME|-n|\n")
  const bad = await provision(['exec', 'here', '--', 'exit 3'], { cwd })
  t.deepEqual(bad, { code: 2, stdout: '', stderr: 'here  exit code 3\n', exits: [] })
  const gone = await provision(['exec', 'all', '--', 'true'], { cwd })
  t.is(gone.code, 3)
  t.regex(gone.stderr, /^✗ gone/)
})

test('ping and facts', async (t) => {
  const cwd = localSite(t, note)
  t.regex((await provision(['ping', 'here'], { cwd })).stdout, /^here {2}ok {2}as \S+ {2}\d+ ms\n$/)
  const facts = JSON.parse((await provision(['facts', 'here'], { cwd })).stdout)
  t.is(facts.host, 'here')
  t.is(facts.kernel, readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim())
})
