// node --import tsx scripts/run-suite.ts NAME [ava's arguments]: one of the two suites, counted by its TAP output.
// Tests on real hosts can lose a race on a machine that is busy with something else. So up to three files in which a test
// failed run once more, each alone; what fails then is failed, and what passes then is named as flaky, with its first failure above.
// A fault of more files is no race, and is not tried again. The last line is "-- NAME: N passed, N failed".
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

const filesOnceMore = 3

interface Outcome {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  readonly exitCode: number
}

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Runs ava; what its tests say about failures goes to the screen as it comes. */
async function ava(args: readonly string[]): Promise<Outcome> {
  const child = spawn('npx', ['ava', '--tap', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const passed: string[] = []
  const failed: string[] = []
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [, not, title] = /^(not )?ok \d+ - (.*)$/.exec(line) ?? []
    if (title !== undefined) (not ? failed : passed).push(title)
    if (!/^(ok|#| {4}#|1\.\.|TAP|$)/.test(line)) say(line)
  }
  return { passed, failed, exitCode: await ended }
}

/** The files of a suite by the name that ava puts before their tests' titles. */
function filesByTitle(root: string): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
  return new Map(files.map((file) => [file.slice(0, -'.test.ts'.length).replaceAll('/', ' › '), `${root}/${file}`]))
}

const [name = '', ...args] = process.argv.slice(2)
const first = await ava(args)
const passed = new Set(first.passed)
const failed = new Set(first.failed)
const config = args.find((arg) => /^ava\..*\.config\.js$/.test(arg)) // ava.lab.config.js: the tests of test/lab
const files = filesByTitle(config === undefined ? 'test' : `test/${config.split('.')[1]}`)
const fileOf = (title: string) => [...files.keys()].filter((prefix) => title.startsWith(`${prefix} › `)).at(-1)
const again = new Set(first.failed.map(fileOf))
if (again.size > 0 && again.size <= filesOnceMore && !again.has(undefined)) {
  for (const prefix of again) {
    const file = files.get(prefix ?? '') ?? ''
    say(`== once more, alone: ${file}`)
    const second = await ava([...args.filter((arg) => !arg.endsWith('.test.ts')), file])
    const before = [...failed].filter((title) => fileOf(title) === prefix)
    for (const titles of [passed, failed])
      for (const title of titles) if (fileOf(title) === prefix) titles.delete(title)
    for (const title of second.passed) passed.add(`${prefix} › ${title}`)
    for (const title of second.failed) failed.add(`${prefix} › ${title}`)
    if (second.exitCode !== 0 && second.failed.length === 0) failed.add(`${file} ended with ${second.exitCode}`)
    for (const title of before) if (passed.has(title)) say(`flaky: ${title}`)
  }
} else if (first.exitCode !== 0 && failed.size === 0) failed.add(`ava ended with ${first.exitCode}`)
if (passed.size === 0 && failed.size === 0) failed.add('no test ran')
say(`-- ${name}: ${passed.size} passed, ${failed.size} failed`)
process.exitCode = failed.size > 0 ? 1 : 0
