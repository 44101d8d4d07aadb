// provision init: questions (or a file of answers) to a project. Nothing is written before the review was confirmed.
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { isProvisionError, ProvisionError } from '../core/error.ts'
import { makePaint } from '../report/paint.ts'
import { generateSecret } from '../secrets/generate.ts'
import { createVault } from '../secrets/vault.ts'
import { hostsInSshConfig } from '../transport/ssh-config.ts'
import { type Answers, answersFile, checkAnswers, defaultAnswers, placementOf, usualHosts } from '../wizard/answers.ts'
import { secretNames } from '../wizard/files.ts'
import { type FilePlan, planFiles } from '../wizard/plan.ts'
import { type Ask, makeAsk } from './init/ask.ts'
import { checkDomains } from './init/check-domains.ts'
import { nextCommands, runSteps } from './init/finish.ts'
import { keysHere } from './init/keys-here.ts'
import { contextOf, parseJson, presentAnswers, readIn, writeIn } from './init/project.ts'
import { askAnswers } from './init/questions.ts'
import { renderReview } from './init/review.ts'
import { makeTryHost } from './init/try-host.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { ownRecipients } from './vault-key-command.ts'

export interface InitOptions {
  readonly answers?: string
  readonly yes?: boolean
  readonly run?: boolean
}

/** `provision init [folder]`. */
export async function initProject(io: Io, given: string | undefined, options: InitOptions): Promise<number> {
  if (options.answers === undefined && !options.yes) return await interactively(io, given)
  const folder = resolve(io.cwd, given ?? '.')
  const before = presentAnswers(folder)
  const answers = options.answers === undefined ? (before ?? defaultAnswers) : readAnswers(io, options.answers, before)
  const plans = plan(folder, answers, before)
  show(io, folder, plans)
  const conflicts = plans.filter(({ kind }) => kind === 'conflict')
  if (conflicts.length > 0) {
    throw new ProvisionError({
      code: 'input',
      message: `${conflicts.map(({ path }) => path).join(', ')} cannot be merged with what is there; nothing was written`,
      hint: 'Run provision init at a terminal to choose for each, or move your version away.',
    })
  }
  await write(io, folder, plans)
  await warnOfDomains(io, answers)
  if (options.run) return await runSteps(io, answers, folder, undefined)
  tellNext(io, answers, folder)
  return exitCode.ok
}

async function interactively(io: Io, given: string | undefined): Promise<number> {
  if (io.stdin.isTTY !== true)
    throw new ProvisionError({
      code: 'input',
      message: 'provision init asks at a terminal, and stdin is none',
      hint: 'provision init --yes takes the defaults, --answers FILE.json a file of answers.',
    })
  const ask = await makeAsk(io)
  const folder = resolve(
    io.cwd,
    given ?? (await ask.text('Where to put the project?', '.', (text) => text !== '' || 'expected a folder')),
  )
  const before = presentAnswers(folder)
  if (before) ask.say(`${answersFile} is there: Enter keeps an answer as it is.`)
  const tries = makeTryHost(io, ask)
  let answers: Answers
  let plans: readonly FilePlan[]
  try {
    const home = io.env.HOME ?? homedir()
    answers = checkAnswers(
      await askAnswers(ask, before ?? defaultAnswers, {
        ...keysHere(home),
        configured: hostsInSshConfig(home),
        tryHost: tries.tryHost,
        checkDomains: ({ domains }, addresses) => checkDomains(domains, addresses),
        isFolder: (path) => statSync(resolve(folder, path), { throwIfNoEntry: false })?.isDirectory() === true,
      }),
      'the answers',
    )
    plans = plan(folder, answers, before)
    show(io, folder, plans)
    plans = await settleConflicts(ask, plans)
    if (plans.some(({ kind }) => kind === 'new' || kind === 'changed') || !hasVault(folder)) {
      if (!(await ask.yes('Write this?', true))) {
        ask.say('Nothing was written.')
        return exitCode.ok
      }
      for (const file of tries.keep()) ask.say(`The host keys that you trust are noted in ${file}.`)
      await write(io, folder, plans)
    } else ask.say('Nothing to write: everything is as you want it.')
  } catch (error) {
    if (!isProvisionError(error) || error.code !== 'interrupted') throw error
    throw new ProvisionError({ code: 'interrupted', message: 'interrupted; nothing was written' })
  } finally {
    tries.forget()
  }
  const code = await runSteps(io, answers, folder, ask)
  tellNext(io, answers, folder)
  return code
}

/** The addresses of the load balancers are known only of one's own servers. */
async function warnOfDomains(io: Io, answers: Answers): Promise<void> {
  if (answers.where !== 'servers') return
  const { lb } = placementOf(answers)
  const addresses = answers.hosts.filter(({ name }) => lb.includes(name)).map(({ name, address }) => address ?? name)
  for (const warning of await checkDomains(answers.domains, addresses)) io.stderr.write(`${warning}\n`)
}

function readAnswers(io: Io, file: string, before: Answers | undefined): Answers {
  const path = resolve(io.cwd, file)
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new ProvisionError({ code: 'input', message: `--answers ${file} does not exist, expected a JSON file` })
  const given = parseJson(readFileSync(path, 'utf8'), file)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return checkAnswers(given, file)
  const merged: Record<string, unknown> = { ...(before ?? defaultAnswers), ...given }
  const moved = merged.topology !== (before ?? defaultAnswers).topology
  // a lab gives the hosts that a topology wants
  if (moved && !('hosts' in given) && merged.where !== 'servers' && isTopology(merged.topology))
    merged.hosts = usualHosts(merged.topology)
  if (moved && !('placement' in given)) delete merged.placement
  return checkAnswers(merged, file)
}

function isTopology(value: unknown): value is Answers['topology'] {
  return ['active-active', 'active-passive', 'extra-replica', 'tiers', 'own'].includes(String(value))
}

function plan(folder: string, answers: Answers, before: Answers | undefined): FilePlan[] {
  return planFiles(answers, before, contextOf(folder), (path) => readIn(folder, path))
}

function show(io: Io, folder: string, plans: readonly FilePlan[]): void {
  const paint = makePaint(hasColour(io, io.stdout))
  const vault = hasVault(folder) ? 'same' : 'new'
  io.stdout.write(`\n${renderReview(relative(io.cwd, folder) || '.', plans, vault, paint)}\n`)
}

/** What cannot be merged is decided by a person, file by file. */
async function settleConflicts(ask: Ask, plans: readonly FilePlan[]): Promise<readonly FilePlan[]> {
  const settled: FilePlan[] = []
  for (const one of plans) {
    if (one.kind !== 'conflict') {
      settled.push(one)
      continue
    }
    const { path, before, after } = one
    const keep = await ask.choose(
      `${path} cannot be merged with what is there:`,
      [
        { value: true, name: 'keep mine as it is; I put the change in by hand' },
        { value: false, name: 'take the new one; my edits there are lost' },
      ],
      true,
    )
    settled.push(
      keep
        ? { path, kind: 'same', before, after: before, edited: true }
        : { path, kind: 'changed', before, after, edited: false },
    )
  }
  return settled
}

async function write(io: Io, folder: string, plans: readonly FilePlan[]): Promise<void> {
  // the vault first: whatever fails there leaves no half project
  if (!hasVault(folder)) {
    const recipients = await ownRecipients(io, {})
    const values = Object.fromEntries(secretNames.map((name) => [name, generateSecret()]))
    await createVault({ file: join(folder, 'secrets.age'), recipients, values })
  }
  for (const one of plans) if (one.kind === 'new' || one.kind === 'changed') writeIn(folder, one.path, one.after)
}

function hasVault(folder: string): boolean {
  return statSync(join(folder, 'secrets.age'), { throwIfNoEntry: false }) !== undefined
}

function tellNext(io: Io, answers: Answers, folder: string): void {
  const commands = nextCommands(answers, relative(io.cwd, folder) || '.')
  io.stdout.write(`\nNext:\n${commands.map((command) => `  ${command}\n`).join('')}`)
}
