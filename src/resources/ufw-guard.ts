// Whether a rule set lets us in again: asked before any change, so that the commonest lock-out is an error and not an outage.
import type { Facts } from '../core/host.ts'
import { contains, parseNetwork } from './ufw-address.ts'
import { anywhere, type Family, type Tuple } from './ufw-rule.ts'

/**
 * Whether a new ssh connection from the controller would be let in by these rules, the first that matches deciding.
 * Where a rule cannot be judged from here (another interface, an address that may be ours) an allowing one counts and a
 * forbidding one does not: the new connection after the change has the last word.
 */
export function letsUsIn(
  tuples: Readonly<Record<Family, readonly Tuple[]>>,
  facts: Facts,
  defaultAllows: boolean,
): boolean {
  if (facts.sshPort === 0 || facts.controllerAddress === '') return true
  const family: Family = facts.controllerAddress.includes(':') ? 6 : 4
  for (const tuple of tuples[family]) {
    const match = matches(tuple, facts, family)
    if (match === 'no') continue
    const opens = tuple.action === 'allow' || tuple.action === 'limit'
    if (opens) return true
    if (match === 'yes') return false
  }
  return defaultAllows
}

function matches(tuple: Tuple, facts: Facts, family: Family): 'yes' | 'no' | 'perhaps' {
  const [direction, ...names] = tuple.place.split('_')
  if (direction !== 'in') return 'no'
  if (tuple.protocol !== 'tcp' && tuple.protocol !== 'any') return 'no'
  if (tuple.port !== 'any' && !tuple.port.split(',').some((part) => within(part, facts.sshPort))) return 'no'
  if (!inside(tuple.from, facts.controllerAddress, family)) return 'no'
  const toUs = facts.addresses.some((address) => inside(tuple.to, address, family))
  if (!toUs && tuple.to !== anywhere(family)) return 'no'
  return names.length > 0 || tuple.to !== anywhere(family) ? 'perhaps' : 'yes'
}

function within(part: string, port: number): boolean {
  const [first = 0, last = first] = part.split(':').map(Number)
  return first <= port && port <= last
}

function inside(text: string, address: string, family: Family): boolean {
  if (text === anywhere(family)) return true
  const network = parseNetwork(text)
  return network !== undefined && contains(network, address)
}
