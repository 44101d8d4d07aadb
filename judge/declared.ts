// Which ports a host should offer to whom, by what the playbook's roles declare: the very rules that the firewall role is given.
import { isIPv4 } from 'node:net'
import type { Facts } from '../src/core/host.ts'
import type { Playbook } from '../src/core/play.ts'
import { hostsOfPlay } from '../src/core/play.ts'
import { expandPlay, makeHostContext } from '../src/engine/host-context.ts'
import { leaves } from '../src/engine/items.ts'
import type { UfwRule } from '../src/resources/ufw-rule.ts'
import type { LabSite } from './lab-site.ts'
import { projectFolder } from './layout.ts'

/** The firewall's rules of each host, as the playbook declares them. */
export async function declaredRules(site: LabSite): Promise<Map<string, readonly UfwRule[]>> {
  const { default: playbook } = (await import(`${projectFolder}playbooks/site.ts`)) as { default: Playbook } // the example's own export
  const facts = await factsOf(site)
  const others = {
    factsOf: (name: string) => facts[name] as Facts, // of every host of the inventory
    resultOf: () => {
      throw new Error('a role reads the result of a task before it says which ports it opens')
    },
  }
  const world = { playbook, inventory: site.inventory, extraVars: {}, verify: false, others }
  const rules = new Map<string, readonly UfwRule[]>()
  for (const host of site.inventory.hosts) {
    const context = makeHostContext(host, world)
    context.setFacts(facts[host.name] as Facts) // as above
    for (const play of playbook.plays) {
      if (!hostsOfPlay(play, site.inventory).some(({ name }) => name === host.name)) continue
      if (rules.has(host.name)) break
      for (const { task } of leaves(expandPlay(play, context, world)))
        if (task.resource.name === 'ufw.ruleset') rules.set(host.name, (task.args as { rules: UfwRule[] }).rules) // by its schema
    }
  }
  return rules
}

async function factsOf(site: LabSite): Promise<Record<string, Facts>> {
  const { exitCode, stdout, stderr } = await site.provision('facts', 'all')
  if (exitCode !== 0) throw new Error(`provision facts all ended with ${exitCode}: ${stderr}`)
  // one JSON object after the other, each with its host's name; our own format
  const hosts = stdout.split(/^(?=\{$)/m).map((text) => JSON.parse(text) as Facts & { host: string })
  return Object.fromEntries(hosts.map(({ host, ...facts }) => [host, facts]))
}

/** TCP ports that rules open to a source, in order; a rule that comes first wins, as in the firewall. */
export function openTo(rules: readonly UfwRule[], source: string): number[] {
  const decided = new Map<number, boolean>()
  for (const rule of rules) {
    if (rule.direction === 'out' || !['tcp', 'any', undefined].includes(rule.protocol)) continue
    const from = rule.from === undefined ? ['any'] : [rule.from].flat()
    if (!from.some((entry) => holds(entry, source))) continue
    const opens = rule.action === 'allow' || rule.action === 'limit'
    if (rule.port === undefined) {
      if (opens) throw new Error(`a rule opens every port to ${source}: no list of ports says that`)
      break // nothing that comes later is reached
    }
    for (const port of portsOf(String(rule.port))) if (!decided.has(port)) decided.set(port, opens)
  }
  return [...decided]
    .filter(([, opens]) => opens)
    .map(([port]) => port)
    .sort((one, other) => one - other)
}

/** `80`, `80,443` or `6000:6003`. */
function portsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split(':').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/** Whether an address, a network or `any` holds an IPv4 address. */
export function holds(entry: string, address: string): boolean {
  if (entry === 'any') return true
  const [network = '', bits = '32'] = entry.split('/')
  if (!isIPv4(network)) return false
  const shift = 32 - Number(bits)
  return shift === 32 || numberOf(network) >>> shift === numberOf(address) >>> shift
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, byte) => (sum << 8) | Number(byte), 0) >>> 0
}
