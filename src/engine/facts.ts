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

const script = `
say() { printf '%s=%s\\n' "$1" "$2"; }
set +u
( [ -r /etc/os-release ] && . /etc/os-release
  say os.id "$ID"; say os.version "$VERSION_ID"; say os.codename "$VERSION_CODENAME"; say os.like "$ID_LIKE" )
set -- $(uname -nrm); say hostname "$1"; say kernel "$2"; say architecture "$3"
say debArchitecture "$(dpkg --print-architecture 2>/dev/null || :)"
say virtualization "$(systemd-detect-virt 2>/dev/null || :)"
say container "$(systemd-detect-virt -c 2>/dev/null || :)"
say cpus "$(nproc 2>/dev/null || echo 1)"
while read -r key value unit; do [ "$key" = MemTotal: ] && say memoryKilobytes "$value" && break; done </proc/meminfo
ip -o addr show scope global 2>/dev/null | while read -r index device family address rest; do say address "$device $address"; done
say route "$(ip -o route show default 2>/dev/null | head -n1)"
say user "$(id -un)"
say loginUser "\${SUDO_USER:-$(logname 2>/dev/null || id -un)}"
read -r boot </proc/sys/kernel/random/boot_id && say bootId "$boot"
ssh=$SSH_CONNECTION; pid=$$
while [ -z "$ssh" ] && [ "$pid" -gt 1 ] && [ -r "/proc/$pid/environ" ]; do
  ssh=$(tr '\\0' '\\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) || break
  [ -n "$pid" ] || break
done
say ssh "$ssh"
${listMarks}
`

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
  const addresses = (values.get('address') ?? []).map((entry) => {
    const [device = '', address = ''] = entry.split(' ')
    return { device, address: address.replace(/\/.*/, '') }
  })
  const byFamily = [
    ...addresses.filter((a) => !a.address.includes(':')),
    ...addresses.filter((a) => a.address.includes(':')),
  ]
  const [controllerAddress = '', , , sshPort = '0'] = one('ssh').split(' ')
  const container = one('container')
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
      isContainer: container !== '' && container !== 'none',
      cpus: Number(one('cpus')) || 1,
      memoryMegabytes: Math.round(Number(one('memoryKilobytes')) / 1024),
      addresses: byFamily.map((entry) => entry.address),
      interface: /\bdev (\S+)/.exec(one('route'))?.[1] ?? byFamily[0]?.device ?? '',
      user: one('user'),
      bootId: one('bootId'),
      controllerAddress,
      sshPort: Number(sshPort) || 0,
    },
  }
}
