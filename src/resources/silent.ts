// Says that hosts are gone: nothing answers at their addresses, asked from the machine that runs provision and from the host itself. One of
// the two alone may be cut off from a host that others reach. A refused connection is an answer: the host is there. Changes nothing.
import { execFileSync } from 'node:child_process'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

const schema = {
  /** IP addresses of the hosts. No names: a name that nobody knows looks like a host that is gone. */
  addresses: v.pipe(v.array(v.pipe(v.string(), v.ip('expected an IP address'))), v.minLength(1)),
  /** TCP ports to try. @default [22, 443, 3306] */
  ports: v.optional(
    v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))), v.minLength(1)),
  ),
  /** Seconds to wait for an answer. @default 3 */
  timeout: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(60))),
}

export type SilentArgs = ArgumentsOf<typeof schema>

function withDefaults({ addresses, ports = [22, 443, 3306], timeout = 3 }: SilentArgs) {
  return { addresses, ports, timeout }
}

/**
 * Fails if a host answers that is said to be gone: before any host is touched if it answers this machine, else where it answers.
 * @example silent({ addresses: ['192.0.2.11', '192.0.2.12'] })
 */
export const silent = defineResource<SilentArgs, SilentArgs, readonly string[]>({
  name: 'silent',
  schema,
  describe: ({ addresses }) => addresses.join(', '),
  prepare: (args, { once = (_key, make) => make() }) => {
    const { addresses, ports, timeout } = withDefaults(args)
    const answers = once(`silent ${JSON.stringify([addresses, ports, timeout])}`, () =>
      answersHere(addresses, ports, timeout),
    )
    if (answers.length > 0)
      throw new ProvisionError({
        code: 'input',
        message: `this machine still gets an answer from ${answers.join(' and ')}, so that is not gone`,
        hint: 'Switch it off, or cut it off from everybody.',
      })
    return args
  },
  probe: (wishes) => wishes.map(knock).join('\n'),
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_wish, index) => {
      const [word, ...answers] = (lines[index] ?? '').split(' ').filter(Boolean)
      if (word === 'asked') return answers
      throw new TypeError(`expected who answers, found '${lines[index] ?? ''}'`)
    })
  },
  plan: (answers, { addresses }) =>
    answers.length === 0
      ? { unchanged: `nothing answers at ${addresses.join(', ')}` }
      : {
          refused: `this host still gets an answer from ${answers.join(' and ')}, so that is not gone`,
          hint: 'Switch it off, or cut it off from everybody.',
        },
  readOnly: true,
  converges: 'none',
  footprint: () => ({ reads: [], alters: [] }),
})

/** Prints `asked` and who answers, `address:port` each, in one line; all are asked at once. Only what is surely silence counts as such. */
function knock(args: SilentArgs): string {
  const { addresses, ports, timeout } = withDefaults(args)
  return sh`command -v timeout >/dev/null && command -v bash >/dev/null || { echo 'bash and timeout are needed' >&2; exit 1; }
echo asked $(
  export LC_ALL=C
  for address in ${addresses}; do for port in ${ports}; do (
    code=0
    said=$(timeout ${timeout} bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$address" "$port" 2>&1) || code=$?
    case $code:$said in 124:* | *'No route to host'* | *'timed out'* | *'is unreachable'*) exit 0 ;; esac
    echo "$address:$port"
  ) & done; done
  wait
)`
}

/** The same from this machine, by a process of its own, since nothing here waits. */
function answersHere(addresses: readonly string[], ports: readonly number[], timeout: number): string[] {
  const pairs = addresses.flatMap((host) => ports.map((port) => ({ host, port })))
  const ask = `const { connect } = require('node:net')
const silence = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']
for (const { host, port } of ${JSON.stringify(pairs)}) {
  const socket = connect({ host, port })
  const end = (answers) => { if (answers) require('node:fs').writeSync(1, host + ':' + port + '\\n'); socket.destroy() }
  socket.setTimeout(${timeout * 1000}, () => end(false))
  socket.on('connect', () => end(true)).on('error', ({ code }) => end(!silence.includes(code)))
}`
  return execFileSync(process.execPath, ['-'], { input: ask, encoding: 'utf8', env: {} }).split('\n').filter(Boolean)
}
