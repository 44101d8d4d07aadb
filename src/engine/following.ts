import type { Item } from './items.ts'

/** What comes after a place in a play: the rest of its list, then the rest of the lists around it, then the next plays. */
export interface Following {
  readonly items: readonly Item[]
  readonly from: number
  readonly next: Following | undefined
  /** A play ends here: its handlers run before what comes next, and its other hosts are waited for. */
  readonly endsPlay?: boolean
}

/** What comes after the item at this index; nothing is copied, so that a walk over n tasks stays linear. */
export function following(items: readonly Item[], index: number, next: Following | undefined): Following {
  return { items, from: index + 1, next }
}

/** The items of one list that are still to come. */
export function* remaining({ items, from }: Following): Generator<Item> {
  for (let index = from; index < items.length; index++) yield items[index] as Item // below the length
}
