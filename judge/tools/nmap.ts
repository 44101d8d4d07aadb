// nmap: which TCP ports of every host are open to a stranger, to a host of each tier and to the monitor.
import { declaredRules, openTo } from '../declared.ts'
import { judgeHost } from '../judge-host.ts'
import type { LabSite } from '../lab-site.ts'
import { type JudgeContext, outputOf, type Tool } from '../tool.ts'

export const nmap: Tool = {
  name: 'nmap',
  title: 'Open ports, by who asks',
  goal: 'For each source, exactly the declared TCP ports of each host are open. A stranger tries all 65535; the others try those that are declared, or that anything listens on, on any host.',
  packages: ['nmap'],
  run: async (context) => {
    const { site } = context
    const rules = await declaredRules(site)
    const hosts = site.inventory.hosts.map(({ name }) => name)
    const sources = [judgeHost, ...['lb', 'web', 'db', 'monitor'].flatMap((group) => site.members(group).slice(0, 1))]
    const declaredTo = (host: string, source: string) => openTo(rules.get(host) ?? [], site.address(source))
    const ports = new Set(await listening(site, hosts))
    for (const host of hosts) for (const source of sources) for (const port of declaredTo(host, source)) ports.add(port)
    const figures = []
    const complaints = []
    for (const source of [...new Set(sources)]) {
      const targets = hosts.filter((host) => host !== source)
      const addresses = targets.map((host) => site.address(host))
      const open = await scan(context, source, addresses, `-p ${[...ports].join(',')} --max-retries 6`)
      // so many that the firewalls let vanish take long: packets are sent faster, and some are lost, which the first scan makes good
      const sweep =
        source === judgeHost ? await scan(context, source, addresses, '-p- --min-rate 8000 --max-retries 1') : undefined
      let count = 0
      for (const host of targets) {
        const address = site.address(host)
        const found = [...new Set([...(open.get(address) ?? []), ...(sweep?.get(address) ?? [])])]
        count += found.length
        complaints.push(...compare(host, source, declaredTo(host, source), found))
      }
      figures.push({ name: `from ${source}`, value: `${count} ports open on ${targets.length} hosts` })
    }
    return { figures, complaints, findings: [] }
  },
}

/** Ports that anything listens on, on any of the hosts. */
async function listening(site: LabSite, hosts: readonly string[]): Promise<number[]> {
  const texts = await Promise.all(hosts.map((host) => site.must(host, 'ss -Hltn')))
  return parseListening(texts.join('\n'))
}

/** The ports in the output of `ss -Hltn`. */
export function parseListening(text: string): number[] {
  const ports = [...text.matchAll(/^LISTEN\s+\d+\s+\d+\s+\S+:(\d+)\s/gm)].map(([, port]) => Number(port))
  return [...new Set(ports)]
}

async function scan({ inNetworkOf }: JudgeContext, source: string, addresses: readonly string[], how: string) {
  const command = `nmap -Pn -n ${how} -oG - ${addresses.join(' ')}`
  const open = parseGreppable(outputOf(await inNetworkOf(source, command, 1_200_000)))
  for (const address of addresses) if (!open.has(address)) throw new Error(`nmap says nothing of ${address}`)
  return open
}

/** What differs between declared and open ports, as sentences. */
export function compare(host: string, source: string, declared: readonly number[], open: readonly number[]): string[] {
  const unexpected = open.filter((port) => !declared.includes(port))
  const missing = declared.filter((port) => !open.includes(port))
  return [
    ...(unexpected.length > 0
      ? [`${host} has ${unexpected.join(', ')} open to ${source}, which nothing declares`]
      : []),
    ...(missing.length > 0 ? [`${host} declares ${missing.join(', ')} to ${source}, and nothing answers there`] : []),
  ]
}

/** Open ports by address in nmap's greppable output (`-oG -`). */
export function parseGreppable(text: string): Map<string, number[]> {
  const open = new Map<string, number[]>()
  for (const line of text.split('\n')) {
    const address = /^Host: (\S+)/.exec(line)?.[1]
    if (!address) continue
    const ports = [...line.matchAll(/(\d+)\/open\/tcp/g)].map(([, port]) => Number(port))
    open.set(
      address,
      [...(open.get(address) ?? []), ...ports].sort((one, other) => one - other),
    )
  }
  return open
}
