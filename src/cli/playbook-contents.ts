// What a playbook holds for these hosts, found by expanding it without touching one: for checking names on the command line.
import { hostsOfPlay, type Playbook } from '../core/play.ts'
import type { RoleDefinition } from '../core/role.ts'
import { expandPlay, makeHostContext, rolesOfPlay } from '../engine/host-context.ts'
import { type Item, itemTitle, leaves } from '../engine/items.ts'
import { FactsNeeded } from '../engine/user-code.ts'
import type { ResolvedInventory } from '../inventory/resolve-inventory.ts'

/** All roles that a playbook puts on any host, each once. */
export function rolesIn(playbook: Playbook, inventory: ResolvedInventory): RoleDefinition[] {
  const site = { playbook, inventory, extraVars: {}, verify: false }
  const found = new Set<RoleDefinition>()
  for (const play of playbook.plays) {
    for (const host of hostsOfPlay(play, inventory)) {
      unlessFactsAreNeeded(() => {
        for (const use of rolesOfPlay(play, makeHostContext(host, site).host)) found.add(use.role)
      })
    }
  }
  return [...found]
}

/** The tags of a playbook's tasks. */
export interface KnownTags {
  readonly tags: ReadonlySet<string>
  /** Some tasks depend on facts or results, so there may be more. */
  readonly more: boolean
}

export function tagsIn(
  playbook: Playbook,
  inventory: ResolvedInventory,
  extraVars: Readonly<Record<string, unknown>>,
): KnownTags {
  const site = { playbook, inventory, extraVars, verify: false }
  const tags = new Set<string>(['always', 'never'])
  let more = false
  const collect = (items: readonly Item[]): void => {
    for (const item of items) {
      if (item.kind === 'flush' || item.kind === 'guard') continue
      for (const tag of item.tags) tags.add(tag)
      if (item.kind === 'after') more = true
      if (item.kind === 'block') for (const part of [item.body, item.rescue, item.always]) collect(part)
    }
  }
  for (const play of playbook.plays) {
    for (const host of hostsOfPlay(play, inventory)) {
      more = !unlessFactsAreNeeded(() => collect(expandPlay(play, makeHostContext(host, site), site))) || more
    }
  }
  return { tags, more }
}

/** The titles of a playbook's tasks, as reports show them; those that depend on facts are left out. */
export function titlesIn(playbook: Playbook, inventory: ResolvedInventory): string[] {
  const site = { playbook, inventory, extraVars: {}, verify: false }
  const titles = new Set<string>()
  for (const play of playbook.plays) {
    for (const host of hostsOfPlay(play, inventory)) {
      unlessFactsAreNeeded(() => {
        for (const item of leaves(expandPlay(play, makeHostContext(host, site), site))) titles.add(itemTitle(item))
      })
    }
  }
  return [...titles]
}

/** Runs the body; false if it has to wait for facts of a host. */
export function unlessFactsAreNeeded(body: () => void): boolean {
  try {
    body()
    return true
  } catch (error) {
    if (error instanceof FactsNeeded) return false
    throw error
  }
}
