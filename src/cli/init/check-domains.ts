// Does a domain lead to the load balancers? If not, Let's Encrypt would fail: better said before.
import { lookup } from 'node:dns/promises'

type Resolve = (name: string) => Promise<readonly string[]>

/** A warning for each domain that does not lead to one of the addresses. */
export async function checkDomains(
  domains: readonly string[],
  balancers: readonly string[],
  resolve: Resolve = addressesOf,
): Promise<readonly string[]> {
  const wanted = new Set((await Promise.all(balancers.map((name) => resolve(name).catch(() => [])))).flat())
  const warnings = await Promise.all(domains.map((domain) => warningOf(domain, [...wanted], resolve)))
  return warnings.filter((warning) => warning !== undefined)
}

async function warningOf(domain: string, wanted: readonly string[], resolve: Resolve): Promise<string | undefined> {
  const record = `Add a record at your DNS provider: ${domain}. A ${wanted[0] ?? "the load balancer's public address"}`
  const consequence = "Let's Encrypt cannot prove the name until then."
  const found = await resolve(domain).catch(() => [])
  if (found.length === 0) return `! ${domain} does not resolve. ${consequence}\n  ${record}`
  const strange = found.filter((address) => !wanted.includes(address))
  if (strange.length === 0) return undefined
  return `! ${domain} leads to ${strange.join(', ')}, expected the load balancer (${wanted.join(', ') || 'its address is not known'}). ${consequence}\n  ${record}   (right as it is if that address is forwarded to the load balancer)`
}

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}
