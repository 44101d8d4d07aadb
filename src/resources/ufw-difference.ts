// What separates the rules that a host has from those that it should have, as sentences. Pure.
import { anywhere, describeTuple, type Family, identityOf, type Tuple } from './ufw-rule.ts'

/** The difference between two rule lists. */
export interface RuleDifference {
  readonly sentences: readonly string[]
  /** Only comments differ: the kernel need not know. */
  readonly commentsOnly: boolean
}

interface Item {
  readonly family: Family
  /** Anywhere to anywhere: normally in both families. */
  readonly both: boolean
  readonly subject: string
  readonly sentence: (subject: string) => string
  readonly comment: boolean
}

/** Compares the rules of each family; a rule that differs alike in both families makes one sentence. */
export function compareRules(
  pairs: readonly { readonly family: Family; readonly present: readonly Tuple[]; readonly wished: readonly Tuple[] }[],
): RuleDifference {
  const items = pairs.flatMap((pair) => compareFamily(pair.family, pair.present, pair.wished))
  const texts = new Map<string, Item[]>()
  for (const item of items) {
    const key = item.sentence(item.subject)
    texts.set(key, [...(texts.get(key) ?? []), item])
  }
  const sentences = [...texts.values()].map((same) => {
    const [first] = same as [Item, ...Item[]] // every list was made with one
    const families = new Set(same.map((item) => item.family))
    const suffix = first.both && families.size === 1 ? ` (IPv${first.family})` : ''
    return first.sentence(`${first.subject}${suffix}`)
  })
  return { sentences, commentsOnly: items.length > 0 && items.every((item) => item.comment) }
}

function compareFamily(family: Family, present: readonly Tuple[], wished: readonly Tuple[]): Item[] {
  const items: Item[] = []
  const add = (tuple: Tuple, sentence: Item['sentence'], comment = false) =>
    items.push({
      family,
      both: tuple.from === anywhere(family) && tuple.to === anywhere(family),
      subject: describeTuple(tuple),
      sentence,
      comment,
    })
  const left = new Map<string, Tuple>()
  for (const tuple of present) {
    if (left.has(identityOf(tuple))) add(tuple, (subject) => `${tuple.action} ${subject}: listed twice → once`)
    else left.set(identityOf(tuple), tuple)
  }
  const right = new Set(wished.map(identityOf))
  for (const tuple of wished) {
    const old = left.get(identityOf(tuple))
    if (!old) add(tuple, (subject) => `${tuple.action} ${subject}: absent → present`)
    else if (old.action !== tuple.action) add(tuple, (subject) => `${subject}: ${old.action} → ${tuple.action}`)
    else if (old.comment !== tuple.comment)
      add(
        tuple,
        (subject) => `${tuple.action} ${subject}: comment ${shown(old.comment)} → ${shown(tuple.comment)}`,
        true,
      )
  }
  for (const [identity, tuple] of left)
    if (!right.has(identity)) add(tuple, (subject) => `${tuple.action} ${subject}: present → absent`)
  const before = [...left.keys()].filter((identity) => right.has(identity))
  const after = wished.map(identityOf).filter((identity) => left.has(identity))
  const moved = after.findIndex((identity, index) => identity !== before[index])
  const mover = wished.find((tuple) => identityOf(tuple) === after[moved])
  if (moved >= 0 && mover)
    add(mover, (subject) => `order of the rules differs: ${mover.action} ${subject} must be number ${moved + 1}`)
  return items
}

function shown(comment: string): string {
  return comment === '' ? 'none' : `'${comment}'`
}
