// Waits until a TCP port accepts connections, as seen from the host itself. Changes nothing.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'

const schema = {
  /** Which TCP port. */
  port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
  /** Name or address. @default '127.0.0.1' */
  host: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:_-]+$/, 'expected a host name or an address'))),
  /** What is waited for. @default 'open' */
  state: v.optional(v.picklist(['open', 'closed'])),
  /** Seconds after which the task fails. @default 30 */
  timeout: v.optional(v.pipe(v.number(), v.minValue(1))),
}

export type WaitPortArgs = ArgumentsOf<typeof schema>
type PortState = 'open' | 'closed' | 'no tool'

/**
 * Waits until a port accepts connections, or no longer does. It never counts as a change.
 * @example wait.port({ port: 3306, timeout: 60 })
 */
export const waitPort = defineResource<WaitPortArgs, WaitPortArgs, PortState>({
  name: 'wait.port',
  schema,
  describe: (args) => `${addressOf(args)} ${args.state ?? 'open'}`,
  probe: (wishes) => `${knock}\n${wishes.map((wish) => sh`knock ${hostOf(wish)} ${wish.port} 1`).join('\n')}`,
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((wish, index) => {
      const answer = lines[index]
      if (answer === 'open' || answer === 'closed' || answer === 'no tool') return answer
      throw new TypeError(`expected open or closed of ${addressOf(wish)}, found '${answer ?? ''}'`)
    })
  },
  plan: (state, wish, { check }) => {
    const wanted = wish.state ?? 'open'
    if (state === 'no tool')
      return {
        refused: `${addressOf(wish)} cannot be asked: the host has neither bash nor nc nor curl`,
        hint: "apt.package({ pkg: 'netcat-openbsd' })",
      }
    if (state === wanted) return { unchanged: `${addressOf(wish)} is ${wanted}` }
    if (check) return { unknown: `${addressOf(wish)} is ${state} now` }
    const timeout = wish.timeout ?? 30
    const script = sh`${raw(knock)}
deadline=$(($(date +%s) + ${timeout}))
until [ "$(knock ${hostOf(wish)} ${wish.port} 3)" = ${wanted} ]; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    printf 'error: %s\\n' ${`${addressOf(wish)} was not ${wanted} within ${timeout} seconds`} >&2
    exit 1
  fi
  sleep 1
done`
    return { changes: [{ summary: `${addressOf(wish)} ${state} → ${wanted}`, steps: [{ script }] }] }
  },
  readOnly: true,
  converges: 'none',
  didChange: () => false,
})

// bash is on every Debian, but not on every host.
const knock = `knock() {
  if command -v bash >/dev/null; then
    timeout "$3" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" </dev/null >/dev/null 2>&1
  elif command -v nc >/dev/null; then
    nc -z -w "$3" "$1" "$2" </dev/null >/dev/null 2>&1
  elif command -v curl >/dev/null; then
    code=0
    curl --silent --connect-timeout "$3" --max-time "$3" "telnet://$1:$2" </dev/null >/dev/null 2>&1 || code=$?
    [ "$code" = 0 ] || [ "$code" = 28 ]
  else
    echo 'no tool'
    return 0
  fi && echo open || echo closed
}`

function hostOf(wish: WaitPortArgs): string {
  return wish.host ?? '127.0.0.1'
}

function addressOf(wish: WaitPortArgs): string {
  const host = hostOf(wish)
  return host.includes(':') ? `[${host}]:${wish.port}` : `${host}:${wish.port}`
}
