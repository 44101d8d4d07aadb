// `provision test ROLE|PLAYBOOK`: on fresh lab hosts, from check mode to a reboot. A line for each stage as it ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { Secrets } from '../core/secret.ts'
import { listTasks } from '../engine/list.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { labDown, type Suite } from '../lab/lab.ts'
import { isSuite, suites } from '../lab/lab-host.ts'
import { renderError } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { createPlainReport } from '../report/plain.ts'
import { renderDuration } from '../report/text.ts'
import { openSecrets } from '../secrets/open-secrets.ts'
import { connect } from '../transport/connect.ts'
import { keepConnections } from '../transport/kept.ts'
import { exitCode, hasColour, type Io } from './io.ts'
import { rolesIn } from './playbook-contents.ts'
import { makeStages, type StageEnd, type TestPlan } from './test-stages.ts'
import { loadSubject, type TestSubject } from './test-subject.ts'

export interface TestOptions {
  readonly inventory: string
  /** Leave the hosts for a look. */
  readonly keep?: boolean
  readonly suite?: readonly string[]
  readonly extraVars?: readonly string[]
  readonly forks?: number
  readonly debug?: boolean
}

/** Runs all stages on each Debian release; 0 if all are well, 2 if a stage is broken. */
export async function testCommand(io: Io, what: string, options: TestOptions): Promise<number> {
  const wished = checkSuites(options.suite ?? ['bookworm'])
  const subject = await loadSubject(io, what, options.inventory)
  const { playbook, inventory } = subject
  const names = [...new Set(inventory.hosts.flatMap((host) => Object.keys(host.vars)))]
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesIn(playbook, inventory), names)
  // a missing parameter is told before any host is made
  listTasks({ playbook, inventory, extraVars, secrets: unread })
  const giveUp = new AbortController()
  const release = io.onSignal(() => (giveUp.signal.aborted ? io.exit(exitCode.interrupted) : giveUp.abort()))
  let well = true
  try {
    for (const suite of wished) {
      if (giveUp.signal.aborted) break
      well = (await testOn(io, { subject, suite, extraVars }, options, giveUp.signal)) && well
    }
  } finally {
    release()
  }
  if (giveUp.signal.aborted) return exitCode.interrupted
  return well ? exitCode.ok : exitCode.failed
}

async function testOn(
  io: Io,
  { subject, suite, extraVars }: Pick<TestPlan, 'subject' | 'suite' | 'extraVars'>,
  options: TestOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const paint = makePaint(hasColour(io, io.stdout))
  const lab = labName(subject, suite)
  const folder = mkdtempSync(join(tmpdir(), 'provision-test-'))
  // fresh hosts get fresh secrets; those of the project are not even read
  const secrets = openSecrets({ file: join(folder, 'secrets.json'), env: {} })
  const kept = keepConnections(io.connect ?? connect)
  const onProgress = (message: string) => void io.stderr.write(`${paint('dim', `lab: ${message}`)}\n`)
  const plan = {
    subject,
    suite,
    lab,
    secrets,
    connect: kept.connect,
    extraVars,
    forks: options.forks ?? 20,
    signal,
    onProgress,
  }
  const line = (title: string, started: number, end: StageEnd): void => {
    const verdict = end.broken === undefined ? paint('green', 'ok    ') : paint(['red', 'bold'], 'broken')
    const took = renderDuration(performance.now() - started).padStart(12)
    io.stdout.write(`  ${verdict}  ${title.padEnd(20)}${paint('dim', took)}  ${end.note}\n`)
  }
  let well = true
  io.stdout.write(`${paint('bold', subject.title)} on ${suite}\n`)
  try {
    for (const stage of makeStages(plan)) {
      const started = performance.now()
      const end = await stage.run().catch((error: unknown) => asBroken(io, error, options))
      line(stage.title, started, end)
      if (end.broken === undefined) continue
      well = false
      tell(io, stage.title, end, options)
      break
    }
  } finally {
    await kept.close()
    rmSync(folder, { recursive: true, force: true })
    if (options.keep) {
      io.stdout.write(`  kept: provision lab ssh --name ${lab} HOST; provision lab down --name ${lab}\n`)
    } else {
      const started = performance.now()
      await labDown(lab, { onProgress })
      line('tear down', started, { note: '' })
    }
  }
  return well
}

/** What was told of the stage on the hosts, then the reason. */
function tell(io: Io, title: string, { broken, events = [] }: StageEnd, { debug }: TestOptions): void {
  const report = createPlainReport({ stream: io.stdout, colour: hasColour(io, io.stdout), cwd: io.cwd, debug })
  for (const event of events) report.emit(event)
  io.stdout.write(`  ${title}: ${broken}\n`)
}

function asBroken(io: Io, error: unknown, { debug = false }: TestOptions): StageEnd {
  const paint = makePaint(hasColour(io, io.stdout))
  const columns = io.stdout.columns ?? 100
  return { note: '', broken: renderError(asProvisionError(error), { paint, cwd: io.cwd, columns, debug }).trim() }
}

function checkSuites(wished: readonly string[]): readonly Suite[] {
  return wished.map((suite) => {
    if (isSuite(suite)) return suite
    const message = `--suite ${suite}: expected one of ${suites.join(', ')}`
    throw new ProvisionError({ code: 'input', message })
  })
}

/** A list of tasks reveals nothing. */
const unread: Secrets = {
  reveal: () => {
    throw new Error('no secret is needed for a list of tasks')
  },
  redact: (text) => text,
}

/** A lab of its own for each subject and release, so that tests do not disturb each other. */
function labName({ word }: TestSubject, suite: Suite): string {
  const plain = word
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return `${`test-${plain}`.slice(0, 21).replace(/-+$/, '')}-${suite}`
}
