import { readFile } from 'node:fs/promises'

/** The name servers of this machine that other network namespaces can ask too. */
export async function machineNameServers(): Promise<string[]> {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const found = parseNameServers(await readFile(file, 'utf8').catch(() => ''))
    if (found.length > 0) return found
  }
  return []
}

/** The names that this machine's /etc/hosts gives to other machines: its mirror may be one of them. */
export async function machineHostsFile(): Promise<string> {
  return parseForeignHosts(await readFile('/etc/hosts', 'utf8').catch(() => ''))
}

/** Reads the IPv4 name servers of a resolv.conf(5), less those on a loopback address. */
export function parseNameServers(text: string): string[] {
  const servers: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, address = ''] = line.trim().split(/\s+/)
    if (keyword === 'nameserver' && /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.'))
      servers.push(address)
  }
  return servers
}

/** Keeps the lines of a hosts(5) file whose address is not a loopback, link-local or multicast one. */
export function parseForeignHosts(text: string): string {
  const lines = text.split('\n').filter((line) => {
    const [address = ''] = line.trim().split(/\s+/)
    return /^[\da-f.:]+$/i.test(address) && !/^(127\.|0\.|169\.254\.|::1$|fe|ff)/i.test(address)
  })
  return lines.map((line) => `${line}\n`).join('')
}

/** The resolv.conf of a lab host: the lab's name server first, then this machine's own, should the lab's be gone. */
export function renderResolver(labServer: string, others: readonly string[]): string {
  const servers = [labServer, ...others].slice(0, 3) // the C library reads no more than three
  return `${servers.map((address) => `nameserver ${address}`).join('\n')}\noptions timeout:2 attempts:2\n`
}
