import { ProvisionError } from '../core/error.ts'

/** A range of addresses: its first address as a number, and its prefix length. */
interface AddressRange {
  readonly first: number
  readonly bits: number
}

const firstHost = 11
const gatewayNumber = 1
const servicesNumber = 2

/** Picks a free 10.x.y.0/24, answered as `10.x.y`; `taken` holds addresses and ranges in use, as `ip route` writes them. */
export function chooseSubnet(name: string, taken: readonly string[]): string {
  const ranges = taken.map(parseRange).filter((range) => range !== null)
  // A route for all of 10/8 (a company's network, a VPN) rules nothing out: ours is the more specific one.
  const narrow = ranges.filter((range) => range.bits > 12)
  const start = nameNumber(name)
  for (const avoided of [ranges, narrow]) {
    for (let step = 0; step < candidateCount; step += 1) {
      const number = (start + step) % candidateCount
      const subnet = `10.${64 + (number >> 8)}.${number & 255}`
      const candidate = parseRange(`${subnet}.0/24`)
      if (candidate && !avoided.some((range) => overlaps(range, candidate))) return subnet
    }
  }
  throw new ProvisionError({ code: 'lab', message: 'No free 10.x.y.0/24 network is left between 10.64 and 10.127.' })
}

/** The bridge's own address, which is the hosts' gateway. */
export function gatewayAddress(subnet: string): string {
  return `${subnet}.${gatewayNumber}`
}

/** The address of the lab's name server and certificate authority. */
export function servicesAddress(subnet: string): string {
  return `${subnet}.${servicesNumber}`
}

/** The address of the lab's n-th host, counted from 0. */
export function hostAddress(subnet: string, index: number): string {
  return `${subnet}.${firstHost + index}`
}

/** An address that the lab never gives to a host: free for a virtual address that hosts hand to each other. */
export function virtualAddress(subnet: string): string {
  return `${subnet}.200`
}

// 10.64.0.0 to 10.127.255.0: away from the ends of 10/8, where home routers, clouds and other tools like to be.
const candidateCount = 64 * 256

// Labs of the same name tend to get the same network again: pleasant for whoever reads the addresses.
function nameNumber(name: string): number {
  let number = 0
  for (const character of name) number = (number * 31 + character.charCodeAt(0)) % candidateCount
  return number
}

function parseRange(text: string): AddressRange | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text)
  if (!match) return null
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number)
  const bits = match[5] === undefined ? 32 : Number(match[5])
  return { first: a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d, bits }
}

function overlaps(one: AddressRange, other: AddressRange): boolean {
  const size = 2 ** (32 - Math.min(one.bits, other.bits))
  return Math.floor(one.first / size) === Math.floor(other.first / size)
}
