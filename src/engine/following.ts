import type { Item } from './items.ts'

/** What comes after a place in a play: the rest of its list, then the rest of the lists around it. */
export interface Following {
  readonly items: readonly Item[]
  readonly from: number
  readonly next: Following | undefined
}

/** What comes after the item at this index; nothing is copied, so that a walk over n tasks stays linear. */
export function following(items: readonly Item[], index: number, next: Following | undefined): Following {
  return { items, from: index + 1, next }
}

/** The items that follow, in order. */
export function* upcoming(place: Following | undefined): Generator<Item> {
  for (let list = place; list; list = list.next) {
    for (let index = list.from; index < list.items.length; index++) yield list.items[index] as Item // below the length
  }
}
