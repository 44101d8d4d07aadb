// What the role keepalived is told, what its template is given, and how the running daemon and the kernel are asked about it.
import { createHash } from 'node:crypto'
import { type Host, v } from 'hostwright'
import { floatingAddressOf } from './floating-address.ts'

const isHundredths = (seconds: number): boolean => Math.abs(seconds * 100 - Math.round(seconds * 100)) < 1e-6
const address = v.pipe(v.string(), v.ipv4('expected an IPv4 address'))

export const params = {
  /** The network interface that gets the address. @default that of the default route */
  interface: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,15}$/, 'expected the name of an interface'))),
  /** The VRRP router id, 1 to 255: other routers of the network must not have it. @default the last number of the address */
  routerId: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(255))),
  /** The first balancer of the inventory takes the address back when it is well again, at the price of a short gap. @default false: it stays where it is */
  preempt: v.optional(v.boolean(), false),
  /** Seconds between two advertisements; after three that are missing another balancer takes over. @default 0.5 */
  advertSeconds: v.optional(
    v.pipe(v.number(), v.minValue(0.1), v.maxValue(40), v.check(isHundredths, 'expected hundredths of a second')),
    0.5,
  ),
  /** Seconds between two checks of HAProxy; after two that fail the address is given up. @default 1 */
  checkSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  /** This host's address towards the other balancers, set on the host. @default the one that provision connects to */
  peerAddress: v.optional(address),
}

export type KeepalivedParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
export type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    keepalived?: Partial<KeepalivedParams>
  }
}

/** The user that checks HAProxy for keepalived; without one of its own the checks would run as root. */
export const checker = 'keepalived_script'

/** The template's variables, with a fingerprint of them that the running daemon repeats. */
export function configuration(given: Checked, host: Host) {
  const { address, text, own, peers, place } = floatingAddressOf(host)
  const { preempt, advertSeconds, checkSeconds } = given
  const vars = {
    name: host.name,
    checker,
    preempt,
    advertSeconds,
    checkSeconds,
    text,
    own,
    peers,
    // the address of a network ends in 0, that of a host may
    routerId: given.routerId ?? (Number(address.split('.').at(-1)) || 1),
    priority: Math.max(1, 200 - 20 * place),
    device: given.interface ?? host.facts.interface,
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(vars)).digest('hex').slice(0, 16)
  return { ...vars, fingerprint }
}

/** Tests a file; keepalived 2.2 ends its own test of a good one with SIGTERM, and says something of a bad one in any case. */
export const validate = `said=$(keepalived --config-test --use-file %s 2>&1) && code=0 || code=$?
if [ -n "$said" ]; then echo "$said" >&2; exit 1; fi
case $code in 0 | 143) ;; *) echo "error: keepalived --config-test ended with $code" >&2; exit 1 ;; esac`

/** Shell text that says `yes` if the kernel has the address on one of its interfaces, else `no`. */
export function held(address: string): string {
  return `if [ -n "$(ip -4 -o address show to ${address}/32)" ]; then echo yes; else echo no; fi`
}

/** Shell text that fails unless keepalived runs this very configuration. */
export function runs({ name, fingerprint }: { readonly name: string; readonly fingerprint: string }): string {
  return `${asked}
router=$(sed -n 's/^ *Router ID = //p' "$dump" | head -n 1)
[ "$router" = '${name}:${fingerprint}' ] || { echo "error: it runs '$router', not '${name}:${fingerprint}'" >&2; exit 1; }`
}

/** Shell text that fails unless keepalived is the master and has the address, or hears the master and has it not. */
export function agrees(address: string, peers: readonly string[]): string {
  return `${asked}
state=$(sed -n 's/^ *State = //p' "$dump" | head -n 1) master=$(sed -n 's/^ *Master router = //p' "$dump" | head -n 1)
holds=$(${held(address)})
case $state/$holds/$master in
  MASTER/yes/*) ;;
  ${peers.map((peer) => `BACKUP/no/${peer}`).join(' | ')}) ;;
  *) echo "error: keepalived says $state, the kernel has ${address}: $holds, advertisements come from \${master:-nobody}" >&2; exit 1 ;;
esac`
}

/** Has the running keepalived write down what it knows (SIGUSR1, keepalived(8)); `$dump` is where. */
const asked = `pid=$(systemctl show --property MainPID --value keepalived)
if [ "$pid" = 0 ]; then echo 'error: keepalived does not run' >&2; exit 1; fi
dump=/proc/$pid/root/tmp/keepalived.data tries=0
rm -f "$dump"
kill -USR1 "$pid"
until grep -qs 'Virtual Router ID' "$dump"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ]; then echo 'error: keepalived does not say what it runs' >&2; exit 1; fi
  sleep 0.1
done`
