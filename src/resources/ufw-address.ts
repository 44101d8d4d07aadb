// Addresses and networks in the form that ufw(8) writes into its tuples and that iptables -S prints.
import { BlockList, isIP } from 'node:net'

/** An address or a network. */
export interface Network {
  readonly family: 4 | 6
  /** `192.0.2.1`, `192.0.2.0/24`: without host bits, no prefix for a single address, IPv6 shortened. */
  readonly text: string
  readonly address: string
  readonly prefix: number
}

/** Reads an address or a network; undefined if the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length, ...rest] = text.trim().split('/')
  const version = isIP(address)
  if (rest.length > 0 || version === 0 || address.includes('%')) return undefined
  const family = version === 4 ? 4 : 6
  const bits = family === 4 ? 32 : 128
  if (length !== undefined && !/^[0-9]{1,3}$/.test(length)) return undefined
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return undefined
  const value = family === 4 ? valueOf4(address) : valueOf6(address)
  const host = BigInt(bits - prefix)
  const masked = (value >> host) << host
  const shown = family === 4 ? textOf4(masked) : textOf6(masked)
  return { family, text: prefix === bits ? shown : `${shown}/${prefix}`, address: shown, prefix }
}

/** Whether the address lies in the network. */
export function contains(network: Network, address: string): boolean {
  const family = isIP(address)
  if (family !== network.family) return false
  const name = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(network.address, network.prefix, name)
  return list.check(address, name)
}

function valueOf4(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

function textOf4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 255n)).join('.')
}

function valueOf6(address: string): bigint {
  // The URL parser of the platform writes out embedded IPv4 and shortens; only `::` is left to expand.
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = short.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].reduce((value, part) => (value << 16n) | BigInt(`0x${part}`), 0n)
}

function textOf6(value: bigint): string {
  const parts = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((value >> shift) & 0xffffn).toString(16))
  return new URL(`http://[${parts.join(':')}]/`).hostname.slice(1, -1)
}
