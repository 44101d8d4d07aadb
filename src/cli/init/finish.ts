// After the files: the packages, the lab, a check run, the real one, the proof; each is a command that one could type.
import { rmSync } from 'node:fs'
import { ProvisionError } from '../../core/error.ts'
import { labUp, parseLabHost } from '../../lab/lab.ts'
import type { Answers } from '../../wizard/answers.ts'
import { placementOf } from '../../wizard/answers.ts'
import { exitCode, type Io } from '../io.ts'
import { runTerminal } from '../run-terminal.ts'
import type { Ask } from './ask.ts'
import { provisionCommand } from './project.ts'

/** Releases of Debian that have the database: MySQL is in sid only. */
function suiteOf(name: string, answers: Answers): string {
  return answers.database === 'mysql' && placementOf(answers).db.includes(name) ? 'sid' : 'bookworm'
}

/** The commands to go on with. */
export function nextCommands(answers: Answers, folder: string): readonly string[] {
  const lab = `npx provision lab up ${answers.hosts.map(({ name }) => `--host ${name}:${suiteOf(name, answers)}`).join(' ')}`
  return [
    ...(folder === '.' ? [] : [`cd ${folder}`]),
    'npm install',
    ...(answers.app === 'sample' ? ['npm ci --prefix app'] : []),
    ...(answers.where === 'lab' ? [lab] : []),
    ...(answers.where === 'vagrant' ? ['vagrant up'] : []),
    'npx provision --check --diff',
    'npx provision',
    'npx provision verify',
  ]
}

/** Runs what is wanted: with `ask` each step is a question, without all of them run. Resolves to the exit code. */
export async function runSteps(io: Io, answers: Answers, folder: string, ask: Ask | undefined): Promise<number> {
  const here: Io = { ...io, cwd: folder }
  const wants = async (question: string): Promise<boolean> => ask === undefined || (await ask.yes(question, true))
  const first =
    answers.where === 'lab'
      ? 'Bring the lab up now and check what would change on it?'
      : 'Check now what would change (changes nothing)?'
  if (!(await wants(first))) return exitCode.ok
  if (answers.app === 'sample') {
    const installed = await runTerminal(here, 'npm', [
      'ci',
      '--prefix',
      'app',
      '--no-fund',
      '--no-audit',
      '--no-progress',
    ])
    if (installed !== 0) {
      rmSync(`${folder}/app/node_modules`, { recursive: true, force: true })
      throw new ProvisionError({
        code: 'input',
        message: `npm ci --prefix app ended with exit code ${installed}: the sample app needs its packages`,
        hint: 'npm ci --prefix app, then npx provision',
      })
    }
  }
  if (answers.where === 'lab') await bringUp(io, answers)
  const run = (...words: string[]) =>
    runTerminal(here, process.execPath, [...process.execArgv, provisionCommand, ...words])
  const checked = await run('--check')
  if (checked !== exitCode.ok) return checked
  if (!(await wants('Make these changes now?'))) return exitCode.ok
  const changed = await run()
  return changed === exitCode.ok ? await run('verify') : changed
}

async function bringUp(io: Io, answers: Answers): Promise<void> {
  const [balancer = 'lb1'] = placementOf(answers).lb
  await labUp({
    name: io.env.PROVISION_LAB || 'lab',
    hosts: answers.hosts.map(({ name }) => parseLabHost(`${name}:${suiteOf(name, answers)}`)),
    aliases: Object.fromEntries(answers.domains.map((domain) => [domain, balancer])),
    onProgress: (message) => void io.stderr.write(`lab: ${message}\n`),
  })
}
