// --limit and --tags that would select nothing: a misspelt name must not look like a run in which all was well.
import { ProvisionError } from '../core/error.ts'
import { hostsOfPlay, type Playbook } from '../core/play.ts'
import { nearest } from '../core/schema.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'
import { selectHosts } from './open-site.ts'
import { tagsIn } from './playbook-contents.ts'

export interface Selection {
  readonly playbook: Playbook
  readonly inventory: ResolvedInventory
  readonly extraVars: Readonly<Record<string, unknown>>
  readonly limit?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly skipTags?: readonly string[] | undefined
}

/** Throws for a limit or tag that selects nothing; returns warnings about tags that may exist or not. */
export function checkSelection({
  playbook,
  inventory,
  extraVars,
  limit,
  tags = [],
  skipTags = [],
}: Selection): string[] {
  if (limit !== undefined) {
    const hosts = new Set(selectHosts(inventory, limit, '--limit').map((host) => host.name))
    const used = playbook.plays.some((play) => hostsOfPlay(play, inventory).some((host) => hosts.has(host.name)))
    if (!used)
      throw new ProvisionError({
        code: 'input',
        message: `--limit '${limit}' selects ${[...hosts].join(', ')}, which no play of the playbook runs on`,
        hint: `Plays run on: ${playbook.plays.map((play) => play.hosts).join(', ')}.`,
      })
  }
  if (tags.length + skipTags.length === 0) return []
  const known = tagsIn(playbook, inventory, extraVars)
  const unknown = [
    ...tags.map((tag) => ({ option: '--tags', tag })),
    ...skipTags.map((tag) => ({ option: '--skip-tags', tag })),
  ].filter(({ tag }) => !known.tags.has(tag))
  const [first] = unknown
  if (!first || known.more)
    return unknown.map(({ option, tag }) => `${option} ${tag}: no task is known to have this tag`)
  const near = nearest(first.tag, [...known.tags])
  throw new ProvisionError({
    code: 'input',
    message: `${first.option} ${first.tag}: no task has this tag`,
    hint: near ? `Did you mean '${near}'?` : `Known tags: ${[...known.tags].sort().join(', ')}.`,
  })
}
