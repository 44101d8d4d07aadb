// The facts: what a host tells of itself, read by one cheap script in the first request, together with the marks of
// handlers that an earlier run did not finish. Sources: os-release(5), uname(1), ip-address(8), proc(5).
import { ProvisionError } from '../core/error.ts'
import type { Facts } from '../core/host.ts'
import type { Connection, Step, StepResult } from '../transport/connection.ts'
import { listMarks, type Mark, parseMark } from './marks.ts'

/** Everything the first request brings. */
export interface Gathered {
  readonly facts: Facts
  /** The user that logged in, before sudo or su. */
  readonly loginUser: string
  /** Handlers notified by an earlier run and not run yet. */
  readonly marks: readonly Mark[]
}

// Each process costs the host a millisecond, and the facts are read on every run: what the shell can read by itself, it does.
const script = `
say() { printf '%s=%s\\n' "$1" "$2"; }
set +u
[ ! -r /etc/os-release ] || . /etc/os-release
say os.id "$ID"; say os.version "$VERSION_ID"; say os.codename "$VERSION_CODENAME"; say os.like "$ID_LIKE"
set -- $(uname -nrm); say hostname "$1"; say kernel "$2"; say architecture "$3"
case $3 in x86_64) own=amd64 other=i386 ;; aarch64) own=arm64 other=armhf ;; *) own= other= ;; esac
info=/var/lib/dpkg/info/libc6
[ -e "$info:$own.list" ] && [ ! -e "$info:$other.list" ] || own=$(dpkg --print-architecture 2>/dev/null || :)
say debArchitecture "$own"
virtual=
[ ! -r /run/systemd/container ] || read -r virtual </run/systemd/container || :
[ -n "$virtual" ] || virtual=$(systemd-detect-virt 2>/dev/null || :)
say virtualization "$virtual"
uid=
while read -r key value rest; do
  case $key in Uid:) uid=$value ;; Cpus_allowed_list:) say cpus "$value"; break ;; esac
done </proc/self/status
while read -r key value rest; do [ "$key" = MemTotal: ] && say memoryKilobytes "$value" && break; done </proc/meminfo
ip -o addr show scope global 2>/dev/null || :
if [ -r /proc/net/route ]; then
  while read -r device destination gateway flags references use metric mask rest; do
    [ "$destination$mask" != 0000000000000000 ] || say route "$metric $device"
  done </proc/net/route
fi
user=root
[ "$uid" = 0 ] || user=$(id -un)
login=$SUDO_USER
[ -n "$login" ] || [ ! -r /proc/self/loginuid ] || read -r login </proc/self/loginuid || :
case $login in '' | 4294967295) login=$user ;; *[!0-9]*) ;; *) login=$(id -un "$login" 2>/dev/null) || login=$user ;; esac
say user "$user"; say loginUser "$login"
read -r boot </proc/sys/kernel/random/boot_id && say bootId "$boot"
ssh=$SSH_CONNECTION; pid=$$
while [ -z "$ssh" ] && [ "$pid" -gt 1 ] && [ -r "/proc/$pid/environ" ]; do
  ssh=$(tr '\\0' '\\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) || break
  [ -n "$pid" ] || break
done
say ssh "$ssh"
key=/etc/ssh/ssh_host_ed25519_key.pub
[ ! -r "$key" ] || { read -r type value rest <"$key" && say sshHostKey "$type $value"; } || :
${listMarks('"$uid"')}
`

/** What systemd-detect-virt(1) calls containers. */
const containers = /^(openvz|lxc|lxc-libvirt|systemd-nspawn|docker|podman|rkt|wsl|proot|pouch|container-other)$/

/** Reads the facts and the marks, and runs these probes in the same request. */
export async function gather(
  connection: Connection,
  host: string,
  probes: readonly Step[] = [],
  signal?: AbortSignal,
): Promise<{ readonly gathered: Gathered; readonly results: readonly StepResult[] }> {
  const [answer, ...results] = await connection.run([{ script, timeout: 60 }, ...probes], { signal })
  if (answer?.code !== 0) {
    throw new ProvisionError({
      code: 'probe',
      message: `${host}: reading the facts failed with exit code ${answer?.code ?? 'unknown'}`,
      detail: answer?.stderr || 'nothing on stderr',
    })
  }
  return { gathered: parseFacts(answer.stdout), results }
}

/** Reads the facts alone. */
export async function readFacts(connection: Connection, host: string): Promise<Facts> {
  return (await gather(connection, host)).gathered.facts
}

/** The script's lines as facts. */
export function parseFacts(stdout: string): Gathered {
  const values = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('=')
    if (at < 0) continue
    const key = line.slice(0, at)
    values.set(key, [...(values.get(key) ?? []), line.slice(at + 1)])
  }
  const one = (key: string) => values.get(key)?.[0] ?? ''
  const addresses = [...stdout.matchAll(/^\d+: (\S+)\s+inet6? ([^\s/]+)/gm)].map(([, device = '', address = '']) => ({
    device,
    address,
  }))
  const byFamily = [
    ...addresses.filter((a) => !a.address.includes(':')),
    ...addresses.filter((a) => a.address.includes(':')),
  ]
  const [controllerAddress = '', , , sshPort = '0'] = one('ssh').split(' ')
  const routes = (values.get('route') ?? []).map((route) => route.split(' '))
  const [, routeDevice] =
    routes.filter(([, device]) => device !== '*').sort(([a], [b]) => Number(a) - Number(b))[0] ?? []
  return {
    loginUser: one('loginUser'),
    marks: (values.get('mark') ?? []).flatMap(parseMark),
    facts: {
      os: {
        id: one('os.id'),
        version: one('os.version'),
        codename: one('os.codename'),
        like: one('os.like').split(' ').filter(Boolean),
      },
      hostname: one('hostname'),
      kernel: one('kernel'),
      architecture: one('architecture'),
      debArchitecture: one('debArchitecture'),
      virtualization: one('virtualization') || 'none',
      isContainer: containers.test(one('virtualization')),
      cpus: countOf(one('cpus')),
      memoryMegabytes: Math.round(Number(one('memoryKilobytes')) / 1024),
      addresses: byFamily.map((entry) => entry.address),
      interface: routeDevice ?? byFamily[0]?.device ?? '',
      user: one('user'),
      bootId: one('bootId'),
      controllerAddress,
      sshPort: Number(sshPort) || 0,
      sshHostKey: one('sshHostKey'),
    },
  }
}

/** How many a list such as `0-3,8` has; at least one. */
function countOf(list: string): number {
  const counts = list.split(',').map((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Number(last) - Number(first) + 1
  })
  return counts.reduce((sum, count) => sum + count, 0) || 1
}
