// Positions of two servers compared, whichever flavour they are of.
import type { Flavour } from '../resources/mysql-client.ts'
import {
  compareMariadbGtids,
  countGtids,
  formatGtidSet,
  lastMariadbGtids,
  parseGtidSet,
  parseMariadbGtids,
  subtractGtidSets,
} from '../resources/mysql-gtid.ts'

/** What is in `own` and not in `other`; empty if nothing. */
export function onlyIn(flavour: Flavour, own: string, other: string): string {
  if (flavour === 'mariadb') return compareMariadbGtids(own, other).missing.join(',')
  return formatGtidSet(subtractGtidSets(parseGtidSet(own), parseGtidSet(other)))
}

/** How many transactions that is. */
export function countOnlyIn(flavour: Flavour, own: string, other: string): number {
  if (flavour === 'mariadb') return compareMariadbGtids(own, other).count
  return countGtids(subtractGtidSets(parseGtidSet(own), parseGtidSet(other)))
}

/** A position in few characters: `…0002:1-57` for a UUID; of MariaDB the last transaction. */
export function shortPosition(flavour: Flavour, position: string): string {
  if (position === '') return '-'
  if (flavour === 'mariadb') return lastMariadbGtids(parseMariadbGtids(position))
  return position.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{8}([0-9a-f]{4})/g, '…$2')
}
