// What the project has, for completion: read as a listing reads it. Nothing is connected; what cannot be read is nothing.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { ResolvedInventory } from '../../inventory/resolve-inventory.ts'
import { listRecords } from '../../record/find-records.ts'
import { firstSentence, readDocumentation } from '../documentation.ts'
import type { Io } from '../io.ts'
import type { Candidate } from './candidates.ts'

export interface Known {
  readonly hosts: () => Promise<readonly string[]>
  readonly groups: () => Promise<readonly string[]>
  readonly tags: () => Promise<readonly string[]>
  readonly tasks: () => Promise<readonly string[]>
  readonly labs: () => Promise<readonly string[]>
  readonly labHosts: () => Promise<readonly string[]>
  readonly runs: () => readonly string[]
  readonly documented: () => readonly Candidate[]
  /** Files and folders (with a slash) that begin so. */
  readonly files: (begin: string) => readonly string[]
}

/** Of the inventory and playbook that the words name, or the usual ones. */
export function makeKnown(io: Io, words: readonly string[]): Known {
  const inventory = async (): Promise<ResolvedInventory | undefined> => {
    const file = valueAfter(words, '-i', '--inventory') ?? 'inventory/hosts.ts'
    const { openInventory } = await import('../../inventory/open-inventory.ts')
    return (await openInventory(resolve(io.cwd, file))).inventory
  }
  const playbook = async () => {
    const file = words.find((word) => /\.[cm]?[jt]s$/.test(word) && !isValue(words, word)) ?? 'playbooks/site.ts'
    const { loadPlaybook } = await import('../../inventory/load-definition.ts')
    const [site, { definition }] = await Promise.all([inventory(), loadPlaybook(resolve(io.cwd, file))])
    return site && { inventory: site, playbook: definition }
  }
  return {
    hosts: () => orNothing(async () => (await inventory())?.hosts.map(({ name }) => name)),
    groups: () =>
      orNothing(async () => [...new Set((await inventory())?.hosts.flatMap(({ groups }) => groups))].filter(notAll)),
    tags: () =>
      orNothing(async () => {
        const site = await playbook()
        const { tagsIn } = await import('../playbook-contents.ts')
        return site && [...tagsIn(site.playbook, site.inventory, {}).tags]
      }),
    tasks: () =>
      orNothing(async () => {
        const site = await playbook()
        const { titlesIn } = await import('../playbook-contents.ts')
        return site && titlesIn(site.playbook, site.inventory)
      }),
    labs: () =>
      orNothing(async () => {
        const [{ labNames }, { labHome }] = await Promise.all([
          import('../../lab/state.ts'),
          import('../../lab/home.ts'),
        ])
        return await labNames(labHome())
      }),
    labHosts: () =>
      orNothing(async () => {
        const [{ readRecord }, { labPlace }] = await Promise.all([
          import('../../lab/state.ts'),
          import('../../lab/home.ts'),
        ])
        const name = valueAfter(words, '-n', '--name') ?? io.env.PROVISION_LAB
        return (await readRecord(labPlace(name || undefined)))?.hosts.map((host) => host.name)
      }),
    runs: () => listRecords(resolve(io.cwd, '.provision/runs')),
    documented: () => readDocumentation().map(({ name, text }) => ({ value: name, text: firstSentence(text) })),
    files: (begin) => filesIn(io.cwd, begin),
  }
}

function filesIn(cwd: string, begin: string): readonly string[] {
  const folder = begin.slice(0, begin.length - (begin.endsWith('/') ? 0 : basename(begin).length))
  const path = resolve(cwd, begin === '' ? '.' : begin.endsWith('/') ? begin : dirname(begin))
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') || basename(begin).startsWith('.'))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
}

function valueAfter(words: readonly string[], short: string, long: string): string | undefined {
  const at = words.findLastIndex((word) => word === short || word === long)
  if (at >= 0) return words[at + 1]
  return words.findLast((word) => word.startsWith(`${long}=`))?.slice(long.length + 1)
}

function isValue(words: readonly string[], word: string): boolean {
  return /^(-i|--inventory)$/.test(words[words.indexOf(word) - 1] ?? '')
}

function notAll(group: string): boolean {
  return group !== 'all'
}

/** A project that cannot be loaded completes nothing: what is wrong with it is for a command to say. */
async function orNothing(read: () => Promise<readonly string[] | undefined>): Promise<readonly string[]> {
  try {
    return (await read()) ?? []
  } catch {
    return []
  }
}
