// Who is never banned or penalised for failed logins: who manages the site, and its own hosts.
import type { Host } from 'hostwright'
import { allowedSources, unlimitedSources } from './ddos-profile.ts'

/**
 * The sources that no layer limits, with the address that this run comes from if `site.allowedSources` names nobody: a controller
 * must not be able to lock itself out. Reads that address as a fact.
 * @example ignoreip: trustedSources(host).join(' ')
 */
export function trustedSources(host: Host): string[] {
  const controller = allowedSources(host).length === 0 ? host.facts.controllerAddress : ''
  return [...new Set([...unlimitedSources(host), controller])].filter((address) => address !== '')
}
