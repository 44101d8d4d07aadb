// `provision watch` on this machine (connection: 'local'): rounds, what is told of them, how it ends.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ava from 'ava'
import type { Signal } from '../../src/cli/io.ts'
import { localSite, provision } from './stand-in.ts'

// the agent reads /proc
const test = process.platform === 'linux' ? ava : ava.skip

const note = "file.template({ src: 'note.ejs', dest: folder + 'note' })"

type Step = readonly [text: string | RegExp, then: (send: (signal: Signal) => void) => void]

/** Watches, and does each step as soon as its text has come once more than it had when the step before was done. */
async function watch(cwd: string, args: readonly string[], steps: readonly Step[]) {
  const seen = (text: string): number[] => steps.map(([wanted]) => text.split(wanted).length)
  let before = seen('')
  let next = 0
  const result = await provision(['watch', '--limit', 'here', ...args], {
    cwd,
    onOutput: (text, send) => {
      const step = steps[next]
      const now = seen(text)
      if (!step || (now[next] ?? 0) <= (before[next] ?? 0)) return
      before = now
      next++
      // after this write, so that the round is over as far as it tells
      setImmediate(() => step[1](send))
    },
  })
  return { ...result, left: steps.slice(next).map(([text]) => text) }
}

const stop = (send: (signal: Signal) => void): void => send('SIGINT')
const round = /^\d\d:\d\d:\d\d {2}(?:nothing|drift|changed|failed)/m

/** Saves as editors do: a new file that takes the place of the old one. */
function save(cwd: string, name: string, text: string): void {
  writeFileSync(join(cwd, `${name}~`), text)
  renameSync(join(cwd, `${name}~`), join(cwd, name))
}

function templateSite(t: Parameters<typeof localSite>[0], tasks = note): string {
  const cwd = localSite(t, tasks)
  save(cwd, 'playbooks/note.ejs', 'one\n')
  return cwd
}

test('it looks and changes nothing; a template that is saved is seen, with its include', async (t) => {
  const cwd = templateSite(t)
  const { code, stdout, left } = await watch(
    cwd,
    ['--interval', 'off', '--diff'],
    [
      [round, () => save(cwd, 'playbooks/note.ejs', "<%- include('more.ejs') %>")],
      ['✗', () => save(cwd, 'playbooks/more.ejs', 'included\n')],
      [round, () => save(cwd, 'playbooks/more.ejs', 'two\n')],
      [round, stop],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 0)
  t.false(existsSync(join(cwd, 'note')))
  t.true(stdout.includes('playbooks/note.ejs changed\n'))
  t.true(stdout.includes('playbooks/more.ejs changed\n'))
  t.true(stdout.includes('    +two\n'))
  t.false(existsSync(join(cwd, '.provision/runs')))
})

test('drift appears by the interval, and is not told twice', async (t) => {
  const cwd = templateSite(t)
  await provision(['--limit', 'here'], { cwd })
  const { code, stdout, left } = await watch(
    cwd,
    ['--interval', '1s'],
    [
      ['nothing to change', () => writeFileSync(join(cwd, 'note'), 'by hand\n')],
      ['drift on here (1 task) in', () => undefined],
      ['drift on here (1 task), as before', () => writeFileSync(join(cwd, 'note'), 'one\n')],
      [/mended {3}file.template/, stop],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 0)
  t.is(stdout.split('here  changed').length, 2)
})

test('with --apply it converges, and leaves a record of the rounds that changed something', async (t) => {
  const cwd = templateSite(t)
  const { code, left } = await watch(
    cwd,
    ['--interval', '1s', '--apply'],
    [
      ['changed on here (1 task)', () => undefined],
      ['nothing to change', () => writeFileSync(join(cwd, 'note'), 'by hand\n')],
      ['changed on here (1 task)', stop],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 0)
  t.is(readFileSync(join(cwd, 'note'), 'utf8'), 'one\n')
  t.is(readdirSync(join(cwd, '.provision/runs')).length, 2)
})

test('a broken edit is shown, and its mending is seen', async (t) => {
  const cwd = templateSite(t)
  const playbook = readFileSync(join(cwd, 'playbooks/site.ts'), 'utf8')
  const { code, stderr, left } = await watch(
    cwd,
    ['--interval', 'off'],
    [
      [round, () => save(cwd, 'playbooks/site.ts', `import './part.ts'\n${playbook}`)],
      [/✗ .*part/, () => save(cwd, 'playbooks/part.ts', 'export const broken = \n')],
      [/✗ .*part/, () => save(cwd, 'playbooks/part.ts', 'export const broken = 1\n')],
      [round, () => rmSync(join(cwd, 'playbooks/note.ejs'))],
      [/✗ .*note.ejs/, () => save(cwd, 'playbooks/note.ejs', 'three\n')],
      [round, stop],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 0)
  t.true(stderr.includes('part.ts'))
})

test('--output json: each round has a head, its events and its recap', async (t) => {
  const cwd = templateSite(t)
  const { code, stdout, left } = await watch(
    cwd,
    ['--interval', 'off', '--output', 'json'],
    [
      ['"recap"', () => save(cwd, 'playbooks/site.ts', 'export default 1\n')],
      ['"error"', stop],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 0)
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(
    lines
      .filter(({ type }) => ['watch:round', 'recap', 'error'].includes(type))
      .map(({ type, cause, files }) => [type, cause, files]),
    [
      ['watch:round', 'start', []],
      ['recap', undefined, undefined],
      ['watch:round', 'files', ['playbooks/site.ts']],
      ['error', undefined, undefined],
    ],
  )
  t.is(lines.filter(({ type }) => type === 'task:end').length, 1)
})

test('--metrics writes drift for a monitor, and that a round could not be', async (t) => {
  const cwd = templateSite(t)
  const read = () => readFileSync(join(cwd, 'drift.prom'), 'utf8')
  const seen: string[] = []
  const { left } = await watch(
    cwd,
    ['--interval', 'off', '--metrics', 'drift.prom'],
    [
      [round, () => save(cwd, 'playbooks/note.ejs', 'two\n')],
      [
        round,
        () => {
          seen.push(read())
          save(cwd, 'playbooks/site.ts', 'export default 1\n')
        },
      ],
      ['✗', stop],
    ],
  )
  t.deepEqual(left, [])
  t.true(seen[0]?.includes('hostwright_drifted_tasks{host="here"} 1\n'))
  t.true(read().includes('hostwright_last_run_valid 0\n'))
  t.deepEqual(
    readdirSync(cwd).filter((name) => name.startsWith('drift')),
    ['drift.prom'],
  )
})

test('--metrics PATTERN:PATH writes it on hosts of the inventory', async (t) => {
  const cwd = templateSite(t)
  const file = join(cwd, 'on-host.prom')
  const seen: string[] = []
  const { left, stderr } = await watch(
    cwd,
    ['--interval', 'off', '--metrics', `here:${file}`],
    [
      [round, () => save(cwd, 'playbooks/note.ejs', 'two\n')],
      // a round begins when the figures of the one before are written
      [
        round,
        (send) => {
          seen.push(readFileSync(file, 'utf8'))
          stop(send)
        },
      ],
    ],
  )
  t.deepEqual(left, [])
  t.true(seen[0]?.includes('hostwright_drifted_tasks{host="here"} 1\n'), stderr)
})

test('what is wrong at the start is 1, before any round', async (t) => {
  const cwd = templateSite(t)
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['--limit', 'web9'], "✗ no host or group 'web9' in the inventory\n"],
    [
      ['--output', 'junit'],
      '✗ --output junit: expected live, plain or json; a watch has no end that a JUnit report could tell of\n',
    ],
    [['--output-file', 'x.json'], '✗ --output-file x.json: expected stdout; a watch writes as long as it lasts\n'],
    [
      ['--metrics', 'drift.txt'],
      "✗ --metrics drift.txt: expected a name that ends in .prom: node_exporter's textfile collector reads no other\n",
    ],
    [
      ['--metrics', 'here:/var/drift.txt'],
      "✗ --metrics here:/var/drift.txt: expected a name that ends in .prom: node_exporter's textfile collector reads no other\n",
    ],
    [['--metrics', 'no/drift.prom'], `✗ --metrics no/drift.prom: the folder ${cwd}/no does not exist\n`],
    [
      ['--interval', '5 minutes'],
      "error: option '--interval <time>' argument '5 minutes' is invalid. Expected a time such as 30s, 5m or 1h, or off.\n",
    ],
  ]
  for (const [args, message] of rows) {
    const { code, stderr, stdout } = await provision(['watch', ...args], { cwd })
    t.is(code, 1, args.join(' '))
    t.true(stderr.startsWith(message), stderr)
    t.is(stdout, '')
  }
})

test('Ctrl-C in a round lets the running step end: 130', async (t) => {
  const wait =
    "shell.command({ name: 'long', run: 'echo begun; n=0; until [ -e ' + folder + 'go ] || [ $n = 400 ]; do n=$((n+1)); sleep 0.05; done' }), shell.command({ name: 'next', run: 'touch ' + folder + 'next' })"
  const cwd = localSite(t, wait)
  const { code, left, stdout } = await watch(
    cwd,
    ['--apply', '-vv'],
    [
      [
        'begun',
        (send) => {
          send('SIGINT')
          writeFileSync(join(cwd, 'go'), '')
        },
      ],
    ],
  )
  t.deepEqual(left, [])
  t.is(code, 130)
  t.false(existsSync(join(cwd, 'next')))
  t.true(stdout.includes('interrupted'))
})
