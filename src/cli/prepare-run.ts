// What `provision`, `verify` and `watch` have in common before the first connection: everything loaded and checked.
import type { RunRequest } from '../engine/run.ts'
import { parseExtraVars } from '../inventory/extra-vars.ts'
import { loadPlaybook } from '../inventory/load-definition.ts'
import { checkSelection } from './check-selection.ts'
import { expandFailed, lastRun, namesFailed } from './failed-limit.ts'
import type { Io } from './io.ts'
import { fileOf, type OpenedSite, openSite, type SiteOptions } from './open-site.ts'
import { rolesIn } from './playbook-contents.ts'

export interface PrepareOptions extends SiteOptions {
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
  readonly extraVars?: readonly string[] | undefined
}

/** A run that could begin. */
export interface PreparedRun {
  readonly request: Omit<OpenedSite, 'inputs'> &
    Pick<RunRequest, 'playbook' | 'limit' | 'tags' | 'skipTags'> & { readonly extraVars: Vars }
  /** The playbook's file. */
  readonly file: string
  readonly warnings: readonly string[]
  /** All local files that the playbook and the inventory were made of. */
  readonly inputs: readonly string[]
}

type Vars = ReturnType<typeof parseExtraVars>

/**
 * Loads inventory and playbook, reads the variables of the command line, checks limit and tags; throws what is wrong.
 * `onSite` may begin something with the hosts while the playbook loads.
 */
export async function prepareRun(
  io: Io,
  playbookFile: string,
  options: PrepareOptions,
  onSite: (site: OpenedSite) => Promise<void> = async () => undefined,
): Promise<PreparedRun> {
  const opened = await openSite(io, options)
  await onSite(opened)
  const { inputs: inventoryInputs, ...site } = opened
  const { definition: playbook, file, inputs } = await loadPlaybook(fileOf(io, playbookFile))
  const names = new Set(site.inventory.hosts.flatMap((host) => Object.keys(host.vars)))
  const extraVars = parseExtraVars(options.extraVars ?? [], rolesIn(playbook, site.inventory), [...names])
  const { tags, skipTags } = options
  const limit = namesFailed(options.limit)
    ? expandFailed(options.limit, lastRun(io, playbookFile, options.inventory), site.inventory)
    : options.limit
  const request = { playbook, ...site, extraVars, limit, tags, skipTags }
  return { request, file, warnings: checkSelection(request), inputs: [...inputs, ...inventoryInputs] }
}
