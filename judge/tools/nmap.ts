// nmap: every TCP port of every host, seen by a stranger, by a balancer and by the monitor.
import { declaredRules, openTo } from '../declared.ts'
import { judgeHost } from '../judge-host.ts'
import { outputOf, type Tool } from '../tool.ts'

export const nmap: Tool = {
  name: 'nmap',
  title: 'Open ports, by who asks',
  goal: 'For each source, exactly the declared TCP ports of each host are open.',
  packages: ['nmap'],
  run: async ({ site, inNetworkOf }) => {
    const rules = await declaredRules(site)
    const hosts = site.inventory.hosts.map(({ name }) => name)
    const sources = [judgeHost, ...['lb', 'web', 'db', 'monitor'].flatMap((group) => site.members(group).slice(0, 1))]
    const figures = []
    const complaints = []
    for (const source of [...new Set(sources)]) {
      const targets = hosts.filter((host) => host !== source)
      const addresses = targets.map((host) => site.address(host)).join(' ')
      const scan = `nmap -Pn -n -p- --min-rate 20000 --max-retries 1 -oG - ${addresses}`
      const open = parseGreppable(outputOf(await inNetworkOf(source, scan, 1_200_000)))
      let ports = 0
      for (const host of targets) {
        const found = open.get(site.address(host))
        if (!found) throw new Error(`nmap says nothing of ${host}`)
        ports += found.length
        complaints.push(...compare(host, source, openTo(rules.get(host) ?? [], site.address(source)), found))
      }
      figures.push({ name: `from ${source}`, value: `${ports} ports open on ${targets.length} hosts` })
    }
    return { figures, complaints, findings: [] }
  },
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
