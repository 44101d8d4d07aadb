// Which changes touch what which probes have read.
import type { Area, Footprint } from '../core/resource.ts'
import type { Prepared } from './look-ahead.ts'

/** The parts of a host that changes have altered; undefined = all of it. */
export type Altered = readonly Area[] | undefined

/** What a task looks at. */
export function readsOf({ resource, wish }: Prepared): Footprint['reads'] {
  return resource.footprint?.(wish, undefined).reads
}

/** What a task's change alters, where this state was found. */
export function altersOf({ resource, wish }: Prepared, found: unknown): Altered {
  return resource.footprint?.(wish, found).alters
}

/** Whether what a task reads may be altered by now. */
export function isTouched(reads: Footprint['reads'], altered: Altered): boolean {
  if (altered?.length === 0) return false
  if (!reads || !altered) return true
  return reads.some((read) => altered.some((area) => overlap(read, area)))
}

function overlap(one: Area, other: Area): boolean {
  if (one === other) return true
  return holds(one, other) || holds(other, one)
}

/** Whether a tree holds the other area. */
function holds(tree: Area, other: Area): boolean {
  if (!tree.startsWith('tree:') || !/^(tree|file):/.test(other)) return false
  const [root, path] = [tree.slice('tree:'.length), other.slice('tree:'.length)] // both words have four letters
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`)
}
