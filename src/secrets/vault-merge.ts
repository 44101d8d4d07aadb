// Three versions of a vault into one, secret by secret, as git merges a text line by line.
import type { VaultContent, VaultEntry, VaultRecipient } from './vault-text.ts'

/** The merged content, or the names that both sides changed, each in its own way. */
export type Merged =
  | { readonly content: VaultContent; readonly conflicts: readonly [] }
  | { readonly content?: undefined; readonly conflicts: readonly string[] }

/** Merges what two sides made of a common base. */
export function mergeVaults(base: VaultContent, ours: VaultContent, theirs: VaultContent): Merged {
  const conflicts: string[] = []
  const entries = mergeMaps(base.entries, ours.entries, theirs.entries, sameEntry, (name) => conflicts.push(name))
  const recipients = mergeMaps(
    byKey(base.recipients),
    byKey(ours.recipients),
    byKey(theirs.recipients),
    (one, other) => one.label === other.label,
    (recipient) => conflicts.push(recipient),
  )
  if (conflicts.length > 0) return { conflicts }
  const comments = same(ours.comments, base.comments) ? theirs.comments : ours.comments
  return { content: { recipients: [...recipients.values()], entries, comments }, conflicts: [] }
}

function mergeMaps<T>(
  base: ReadonlyMap<string, T>,
  ours: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  equal: (one: T, other: T) => boolean,
  conflict: (key: string) => void,
): Map<string, T> {
  const merged = new Map<string, T>()
  const agree = (one: T | undefined, other: T | undefined): boolean =>
    one === undefined || other === undefined ? one === other : equal(one, other)
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [before, mine, other] = [base.get(key), ours.get(key), theirs.get(key)]
    if (!agree(mine, other) && !agree(mine, before) && !agree(other, before)) conflict(key)
    const value = agree(mine, before) ? other : mine
    if (value !== undefined) merged.set(key, value)
  }
  return merged
}

function byKey(recipients: readonly VaultRecipient[]): ReadonlyMap<string, VaultRecipient> {
  return new Map(recipients.map((entry) => [entry.recipient, entry]))
}

function sameEntry(one: VaultEntry, other: VaultEntry): boolean {
  return one.value === other.value && same(one.comments, other.comments)
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index])
}
