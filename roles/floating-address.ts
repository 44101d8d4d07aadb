// The address that the load balancers share, as the inventory says it, and what must be so for them to share it.
import { BlockList, isIP, isIPv4 } from 'node:net'
import { type Host, type InventoryHost, ProvisionError } from 'hostwright'
import { membersOf } from './site.ts'

/** The floating address and who may hold it. */
export interface FloatingAddress {
  /** Without a prefix length. */
  readonly address: string
  /** As keepalived is told it; without a length the kernel takes it as an address of its own. */
  readonly text: string
  /** This host as its peers see it. */
  readonly own: string
  /** The other load balancers. */
  readonly peers: readonly { readonly name: string; readonly address: string }[]
  /** This host's place in the inventory's order, from 0. */
  readonly place: number
}

/** Reads `site.floatingAddress` for a load balancer; throws a ProvisionError that says what is wrong with it. */
export function floatingAddressOf(host: Host): FloatingAddress {
  const text = host.vars.site?.floatingAddress
  const fail = (message: string, hint: string): never => {
    throw new ProvisionError({ code: 'playbook', message: `site.floatingAddress: ${message}`, hint })
  }
  const example = "Give an address of the load balancers' network, such as '192.0.2.100' or '192.0.2.100/24'."
  if (typeof text !== 'string') return fail(`expected an IPv4 address, found ${JSON.stringify(text)}`, example)
  const [address = '', length, ...rest] = text.split('/')
  const isLength = length === undefined || (/^[0-9]{1,2}$/.test(length) && Number(length) >= 1 && Number(length) <= 32)
  if (!isIPv4(address) || !isLength || rest.length > 0)
    return fail(`expected an IPv4 address, with or without the length of its network, found '${text}'`, example)

  const balancers = membersOf(host, 'lb')
  if (balancers.length < 2)
    return fail(
      `the group lb needs at least two hosts to share ${address}, found ${balancers.map(({ name }) => name).join(', ') || 'none'}`,
      'Add a load balancer to the group, or take site.floatingAddress out of the inventory.',
    )
  const place = balancers.findIndex(({ name }) => name === host.name)
  if (place < 0)
    return fail(`${host.name} is not in the group lb, whose hosts share ${address}`, 'Give the role to group lb.')
  for (const owner of host.inventory.hosts)
    if (owner.connection.address === address || ownAddressOf(owner) === address)
      return fail(`${address} is the address of ${owner.name}`, 'It must be one that no host has of its own.')
  const shared = balancers.map((balancer) => {
    const own = ownAddressOf(balancer)
    if (isIP(own) !== 4)
      return fail(
        `expected the IPv4 address of ${balancer.name}, found '${own}'`,
        `Set vars: { keepalived: { peerAddress: '…' } } on ${balancer.name}.`,
      )
    if (length !== undefined && !isIn(own, address, Number(length)))
      return fail(`${own} of ${balancer.name} is not in the network ${text}`, example)
    return { name: balancer.name, address: own }
  })
  return {
    address,
    text,
    own: shared[place]?.address ?? '',
    peers: shared.filter(({ name }) => name !== host.name),
    place,
  }
}

/** The address that a host's advertisements come from. */
function ownAddressOf(host: InventoryHost): string {
  return host.vars.keepalived?.peerAddress ?? host.connection.address
}

function isIn(address: string, network: string, length: number): boolean {
  const list = new BlockList()
  list.addSubnet(network, length, 'ipv4')
  return list.check(address, 'ipv4')
}
