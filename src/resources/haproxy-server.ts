// A server behind HAProxy, in or out of rotation, over the runtime API: docs.haproxy.org, management, section 9.3
// ("set server", "show servers state", "show stat"). What it says lasts until HAProxy reloads.
import * as v from 'valibot'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, nearest } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'

const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected a name (letters, digits, _ . : -)'))

const schema = {
  /** The backend of HAProxy's configuration. */
  backend: name,
  /** The server in it. */
  server: name,
  /**
   * `drain`: gets no new requests; done when its last session has ended. `ready`: takes requests; done when HAProxy sees it
   * up. `maint`: as `drain`, and not health-checked.
   */
  state: v.picklist(['ready', 'drain', 'maint']),
  /** Seconds to wait for the last session to end, or for HAProxy to see it up. @default 60 */
  wait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Cut the sessions that are left after `wait`, instead of failing. @default false */
  cut: v.optional(v.boolean()),
  /** Take it out of rotation also if no other server of the backend takes requests. @default false: that is refused */
  evenIfLast: v.optional(v.boolean()),
  /** HAProxy's socket with `level admin`. @default '/run/haproxy/admin.sock' */
  socket: v.optional(absolutePath),
}

export type ServerArgs = ArgumentsOf<typeof schema>

type Mode = ServerArgs['state']

interface Found {
  /** What the operator or a run said. */
  readonly mode: Mode
  /** What HAProxy's health checks say; also up if there are none. */
  readonly up: boolean
  /** Requests that it works on, or that wait for it. */
  readonly sessions: number
  /** It takes requests, and no other server of the backend does. */
  readonly isLast: boolean
}

type ServerState =
  | { readonly server: Found }
  | { readonly missing: 'process' | 'socket' | 'socat' }
  /** The names of the backend's servers; undefined = there is no such backend. */
  | { readonly others: readonly string[] | undefined }

/**
 * Takes a server behind HAProxy out of rotation, or puts it back. It is the business of a load balancer, so a task of a web
 * server runs it there: `on: 'lb1'`. Where HAProxy does not run there is nothing to do.
 * @example haproxy.server({ backend: 'web', server: 'web1', state: 'drain', on: 'lb1' })
 */
export const server = defineResource<ServerArgs, ServerArgs, ServerState>({
  name: 'haproxy.server',
  schema,
  check: (args) =>
    args.cut && args.state === 'ready' ? "option 'cut': goes with state 'drain' or 'maint'" : undefined,
  describe: (args) => `${args.backend}/${args.server} ${args.state}`,
  probe: (wishes) => wishes.map(probeOne).join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split('== server\n').slice(1)
    return wishes.map((wish, index) => parseOne(answers[index] ?? stdout, wish))
  },
  plan: planServer,
  // waiting alone is no change
  didChange: (outputs) => outputs.some((output) => /^state set$/m.test(output.stdout)),
})

function socketOf(wish: ServerArgs): string {
  return wish.socket ?? '/run/haproxy/admin.sock'
}

function probeOne(wish: ServerArgs): string {
  const question = `show servers state ${wish.backend}; show stat ${wish.backend} 4 -1`
  return sh`echo '== server'
if [ ! -S ${socketOf(wish)} ]; then
  if grep -qsx haproxy /proc/[0-9]*/comm; then echo 'missing socket'; else echo 'missing process'; fi
elif ! command -v socat >/dev/null; then echo 'missing socat'
elif ! echo ${question} | socat -t 10 - ${`UNIX-CONNECT:${socketOf(wish)}`} 2>/dev/null; then
  if grep -qsx haproxy /proc/[0-9]*/comm; then echo 'missing socket'; else echo 'missing process'; fi
fi`
}

function parseOne(answer: string, wish: ServerArgs): ServerState {
  const missing = /^missing (process|socket|socat)$/m.exec(answer)?.[1]
  if (missing === 'process' || missing === 'socket' || missing === 'socat') return { missing }
  const lines = answer.split('\n')
  const states = lines.map((line) => line.split(' ')).filter((fields) => fields[1] === wish.backend)
  if (states.length === 0) {
    if (/find backend|such proxy/i.test(answer)) return { others: undefined }
    throw new TypeError(`expected the state of servers, found '${answer.trim().slice(0, 80)}'`)
  }
  const own = states.find((fields) => fields[3] === wish.server)
  if (!own) return { others: states.map((fields) => fields[3] ?? '') }
  const [, , waiting, , working] =
    lines.map((line) => line.split(',')).find((fields) => fields[0] === wish.backend && fields[1] === wish.server) ?? []
  const [operation, admin, sessions] = [own[5], own[6], Number(waiting) + Number(working)].map(Number)
  if (
    operation === undefined ||
    admin === undefined ||
    sessions === undefined ||
    !Number.isInteger(operation + admin + sessions)
  )
    throw new TypeError(`expected numbers for server ${wish.server}, found '${own.join(' ').slice(0, 80)}'`)
  const serving = states.filter((fields) => serves(Number(fields[5]), Number(fields[6])))
  const isLast = serving.length === 1 && serving[0] === own
  return { server: { mode: modeOf(admin), up: isUp(operation), sessions, isLast } }
}

/** Bits of srv_admin_state: 0x01 and others maintenance, 0x08 and 0x10 drain. */
function modeOf(admin: number): Mode {
  return admin & ~0x18 ? 'maint' : admin & 0x18 ? 'drain' : 'ready'
}

/** The values of srv_op_state: 0 stopped, 1 starting, 2 running, 3 stopping. */
function isUp(operation: number): boolean {
  return operation === 1 || operation === 2
}

function serves(operation: number, admin: number): boolean {
  return modeOf(admin) === 'ready' && isUp(operation)
}

function planServer(state: ServerState, wish: ServerArgs, { check }: { readonly check: boolean }): Plan {
  if ('missing' in state) return planMissing(state.missing, wish)
  if ('others' in state) return planStranger(state.others, wish)
  const { mode, up, sessions, isLast } = state.server
  const done = wish.state === 'ready' ? up : sessions === 0
  if (mode === wish.state && done)
    return { unchanged: wish.state === 'ready' ? 'takes requests' : `${wish.state}, no session is left` }
  const wait: string = wish.state === 'ready' ? waitForUp(wish) : waitForSilence(wish)
  if (mode === wish.state) {
    const now = wish.state === 'ready' ? 'is down' : count(sessions)
    if (check) return { unknown: `${now} now` }
    return {
      changes: [{ summary: `${now} → ${wish.state === 'ready' ? 'up' : 'none left'}`, steps: [{ script: wait }] }],
    }
  }
  if (isLast && !wish.evenIfLast)
    return {
      refused: `${wish.server} is the last server of backend ${wish.backend} that takes requests`,
      hint: 'Bring another one back first (a run with --limit on it), or say evenIfLast: true.',
    }
  const set = sh`${raw(ask(wish))}
said=$(ask ${`set server ${wish.backend}/${wish.server} state ${wish.state}`})
if [ -n "$said" ]; then echo "error: HAProxy says: $said" >&2; exit 1; fi
echo 'state set'`
  return { changes: [{ summary: `${mode} → ${wish.state}`, steps: [{ script: set }, { script: wait }] }] }
}

function planMissing(missing: 'process' | 'socket' | 'socat', wish: ServerArgs): Plan {
  if (missing === 'process') return { unchanged: 'HAProxy does not run here' }
  if (missing === 'socat') return { refused: 'socat is not installed', hint: "apt.package({ pkg: 'socat' })" }
  return {
    refused: `HAProxy runs, but does not answer at ${socketOf(wish)}`,
    hint: `Its configuration needs: stats socket ${socketOf(wish)} level admin. Another path: option 'socket'.`,
  }
}

function planStranger(others: readonly string[] | undefined, wish: ServerArgs): Plan {
  if (!others) return { refused: `HAProxy has no backend '${wish.backend}'` }
  const near = nearest(wish.server, others)
  return {
    refused: `backend ${wish.backend} of the running HAProxy has no server '${wish.server}'`,
    hint: near ? `Did you mean '${near}'?` : `It has ${others.join(', ')}.`,
  }
}

/** `ask COMMAND`: one command to HAProxy. */
function ask(wish: ServerArgs): string {
  return sh`ask() { echo "$1" | socat -t 10 - ${`UNIX-CONNECT:${socketOf(wish)}`}; }`
}

function waitForSilence(wish: ServerArgs): string {
  const wait = wish.wait ?? 60
  const place = `${wish.backend}/${wish.server}`
  return sh`${raw(ask(wish))}
left() { ask ${`show stat ${wish.backend} 4 -1`} | awk -F, -v name=${wish.server} '$2 == name { print $3 + $5 }'; }
deadline=$(($(date +%s) + ${wait})) cut=${wish.cut ? 'yes' : 'no'}
while sessions=$(left); [ "$sessions" != 0 ]; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    if [ $cut = no ]; then printf 'error: %s still has %s sessions after %s seconds\\n' ${place} "$sessions" ${wait} >&2; exit 1; fi
    ask ${`shutdown sessions server ${place}`}
    cut=no deadline=$((deadline + 10))
  fi
  sleep 0.2
done`
}

function waitForUp(wish: ServerArgs): string {
  const wait = wish.wait ?? 60
  return sh`${raw(ask(wish))}
operation() { ask ${`show servers state ${wish.backend}`} | awk -v name=${wish.server} '$4 == name { print $6 }'; }
deadline=$(($(date +%s) + ${wait}))
while now=$(operation); [ "$now" != 1 ] && [ "$now" != 2 ]; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    printf 'error: HAProxy sees %s down, also after %s seconds\\n' ${`${wish.backend}/${wish.server}`} ${wait} >&2
    exit 1
  fi
  sleep 0.2
done`
}

function count(sessions: number): string {
  return sessions === 1 ? '1 session' : `${sessions} sessions`
}
