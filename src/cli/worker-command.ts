// `provision worker`: does the hosts of runs that were started with --queue, from its own checkout of the same project.
import { ProvisionError } from '../core/error.ts'
import type { Secrets } from '../core/secret.ts'
import { type RunRequest, run } from '../engine/run.ts'
import { prepareStages } from '../engine/stages.ts'
import { parseAddress } from '../fleet/address.ts'
import type { Part } from '../fleet/messages.ts'
import { differencesOf, type Project, readProject } from '../fleet/project.ts'
import { work } from '../fleet/worker.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { connect } from '../transport/connect.ts'
import { exitCode, type Io } from './io.ts'
import { fileOf, openSite, openStore, type SiteOptions } from './open-site.ts'
import { packageVersion } from './package-version.ts'
import { rolesIn } from './playbook-contents.ts'

export interface WorkerOptions extends SiteOptions {
  readonly queue: string
  readonly lease: number
  readonly forks: number
  readonly extraVars?: readonly string[]
}

/** Works until it is told to stop; resolves to the exit code. */
export async function workerCommand(io: Io, playbookFile: string, options: WorkerOptions): Promise<number> {
  const address = parseAddress(options.queue, io.env)
  const { definition: playbook, file, inputs } = await loadPlaybook(fileOf(io, playbookFile))
  const { inventory, inputs: more } = await openSite(io, options)
  const names = new Set(inventory.hosts.flatMap((host) => Object.keys(host.vars)))
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesIn(playbook, inventory), [...names])
  const read = (): Project =>
    readProject({
      playbook: file,
      inputs: [...inputs, ...more],
      hosts: inventory.hosts,
      extraVars,
      version: packageVersion(),
    })
  const project = read()
  const stores = new Map<string, Secrets>()
  const requestOf = (part: Part, secrets: Secrets): Omit<RunRequest, 'emit' | 'connect'> => ({
    playbook,
    inventory,
    secrets,
    extraVars,
    ...part.selection,
  })
  /** Once for each run and selection: the project is still the same, and all that can be known without a host is there. */
  const prepare = async (part: Part): Promise<void> => {
    const key = JSON.stringify([part.run, part.selection])
    if (stores.has(key)) return
    const changes = differencesOf(project.parts, read().parts)
    if (changes.length > 0)
      throw new ProvisionError({
        code: 'input',
        message: `the project changed since this worker started: ${changes.join(', ')}`,
        hint: 'Start the worker again.',
      })
    const secrets = openStore(io, options, inventory, part.selection.check ? 'memory' : 'never')
    // also reveals all secrets, so that none of them passes in any host's events
    await prepareStages(requestOf(part, secrets))
    stores.set(key, secrets)
  }
  const drain = new AbortController()
  const quit = new AbortController()
  const release = io.onSignal(() => {
    if (quit.signal.aborted) io.exit(exitCode.interrupted)
    if (drain.signal.aborted) quit.abort()
    drain.abort()
  })
  try {
    await work({
      address,
      project,
      concurrency: options.forks,
      leaseSeconds: options.lease,
      prepare,
      perform: async (part, signals) => {
        const secrets = stores.get(JSON.stringify([part.run, part.selection]))
        if (!secrets) throw new Error(`the part ${part.id} was not prepared`)
        const { hosts, outcome } = await run({
          ...requestOf(part, secrets),
          ...signals,
          connect: io.connect ?? connect,
          limit: part.host,
          part: { play: part.play, last: part.last },
        })
        const recap = hosts[part.host]
        if (!recap) throw new Error(`the run of ${part.host} has no recap of it`)
        return { recap, outcome }
      },
      say: (message) => io.stderr.write(`${message}\n`),
      drain: drain.signal,
      quit: quit.signal,
    })
  } finally {
    release()
  }
  return quit.signal.aborted ? exitCode.interrupted : exitCode.ok
}
