// Positions of two servers compared, whichever flavour they are of.
import type { Flavour } from '../resources/mysql-client.ts'
import {
  countGtids,
  formatGtidSet,
  missingMariadbGtids,
  parseGtidSet,
  parseMariadbGtids,
  subtractGtidSets,
} from '../resources/mysql-gtid.ts'

/** What is in `own` and not in `other`; empty if nothing. */
export function onlyIn(flavour: Flavour, own: string, other: string): string {
  if (flavour === 'mariadb') return missingMariadbGtids(own, other).join(',')
  return formatGtidSet(subtractGtidSets(parseGtidSet(own), parseGtidSet(other)))
}

/** How many transactions a position stands for; MariaDB's are numbered through. */
export function countOf(flavour: Flavour, position: string): number {
  if (flavour === 'mysql') return countGtids(parseGtidSet(position))
  return Math.max(0, ...parseMariadbGtids(position).values())
}

/** A position in few characters: `…0002:1-57` for a UUID. */
export function shortPosition(flavour: Flavour, position: string): string {
  if (position === '') return '-'
  if (flavour === 'mariadb') return position
  return position.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{8}([0-9a-f]{4})/g, '…$2')
}
