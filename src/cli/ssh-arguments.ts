import { ProvisionError } from '../core/error.ts'
import type { InventoryHost } from '../core/host.ts'

/** OpenSSH's arguments for a host as the inventory describes it; what that does not say is left to `~/.ssh/config`. See ssh_config(5). */
export function sshArguments(host: Pick<InventoryHost, 'name' | 'connection'>, words: readonly string[]): string[] {
  const { connection } = host
  if (connection.connection === 'local') {
    const message = `${host.name} is this machine (connection: 'local'): there is nothing to connect to`
    throw new ProvisionError({ code: 'input', message })
  }
  const jumps = [connection.proxyJump ?? []].flat()
  const known = connection.hostKeyChecking === 'off' ? '/dev/null' : connection.knownHosts
  const options = [
    ['StrictHostKeyChecking', checking(connection.hostKeyChecking)],
    ['UserKnownHostsFile', known && path(known)],
    ['IdentitiesOnly', connection.identityFile && 'yes'],
    ['ConnectTimeout', connection.connectTimeout && Math.ceil(connection.connectTimeout)],
    ['ServerAliveInterval', connection.keepalive && Math.ceil(connection.keepalive)],
  ] as const
  return [
    ...(connection.port === undefined ? [] : ['-p', String(connection.port)]),
    ...(connection.user === undefined ? [] : ['-l', connection.user]),
    ...(connection.identityFile === undefined ? [] : ['-i', connection.identityFile.replaceAll('%', '%%')]),
    ...(jumps.length === 0 ? [] : ['-J', jumps.join(',')]),
    ...options.flatMap(([name, value]) => (value ? ['-o', `${name}=${value}`] : [])),
    '--',
    connection.address,
    ...words,
  ]
}

function checking(wish: InventoryHost['connection']['hostKeyChecking']): string | undefined {
  switch (wish) {
    case 'strict':
      return 'yes'
    case 'accept-new':
      return 'accept-new'
    case 'off':
      return 'no'
    case undefined:
      return undefined
  }
}

/** A path as one word of a list of files, with no tokens to expand. */
function path(file: string): string {
  const literal = file.replaceAll('%', '%%')
  return /\s/.test(literal) ? `"${literal}"` : literal
}
