// Hosts for engine tests: every step runs in a real /bin/sh, in a directory of its own. No ssh, no root needed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { ProvisionError } from '../../src/core/error.ts'
import type { RunEvent } from '../../src/core/events.ts'
import type { Inventory, InventoryHost } from '../../src/core/host.ts'
import { definePlaybook, type Play } from '../../src/core/play.ts'
import { type Confirmation, defineResource } from '../../src/core/resource.ts'
import type { Outcome } from '../../src/core/task.ts'
import { type RunRequest, type RunResult, run } from '../../src/engine/run.ts'
import { sh } from '../../src/shell/quote.ts'
import type { Connect, Step } from '../../src/transport/connection.ts'

/** What a stand-in host saw and holds. */
export interface StandIn {
  readonly root: string
  readonly requests: Step[][]
  read: (name: string) => string | undefined
  write: (name: string, content: string) => void
  /** Names of pending handlers' marks. */
  marks: () => string[]
  unreachable: boolean
  /** The connection breaks right after a step whose script holds this text. */
  breaksAt: string | undefined
  /** How often it was connected to. */
  connections: number
  /** The new connection of a confirmation fails. */
  lockedOut: boolean
}

export function makeStandIn(): StandIn {
  const root = mkdtempSync(join(tmpdir(), 'hostwright-'))
  const marks = join(root, 'marks')
  return {
    root,
    requests: [],
    read: (name) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : undefined),
    write: (name, content) => writeFileSync(join(root, name), content),
    marks: () =>
      existsSync(marks) ? readdirSync(marks).map((name) => readFileSync(join(marks, name), 'utf8').trim()) : [],
    unreachable: false,
    breaksAt: undefined,
    connections: 0,
    lockedOut: false,
  }
}

/** How many hosts are in a request at the same time, at most. */
export const busy = { now: 0, most: 0 }

export function connectTo(hosts: Readonly<Record<string, StandIn>>): Connect {
  return async (host, _secrets, progress) => {
    const standIn = hosts[host.name]
    if (!standIn || standIn.unreachable)
      throw new ProvisionError({ code: 'unreachable', message: `${host.name} does not answer` })
    progress?.onAnswer?.()
    await progress?.admit?.()
    standIn.connections++
    let requests = 0
    return {
      get requests() {
        return requests
      },
      run: async (steps, options) => {
        requests++
        standIn.requests.push([...steps])
        busy.most = Math.max(busy.most, ++busy.now)
        await new Promise((resolve) => setImmediate(resolve))
        busy.now--
        let broken = false
        let lost = false
        const results = steps.map((step, index) => {
          if (lost || options?.signal?.aborted)
            return { code: -1, stdout: '', stderr: '', skipped: true, timedOut: false }
          if (broken && !step.always) return { code: -1, stdout: '', stderr: '', skipped: true, timedOut: false }
          const script = `marks=\n${step.script}`
            .replaceAll('/var/lib/hostwright/pending', join(standIn.root, 'marks'))
            .replaceAll('$HOME/.local/state/hostwright/pending', join(standIn.root, 'marks'))
          const child = spawnSync('sh', ['-c', `set -eu\n${script}`], {
            cwd: standIn.root,
            input: typeof step.input === 'string' ? step.input : '',
            env: { ...process.env, ...step.env },
            encoding: 'utf8',
          })
          if (child.stdout) options?.onOutput?.(index, 'stdout', child.stdout)
          if (child.status !== 0) broken = true
          if (standIn.breaksAt && step.script.includes(standIn.breaksAt)) lost = true
          return {
            code: child.status ?? 255,
            stdout: child.stdout,
            stderr: child.stderr,
            skipped: false,
            timedOut: false,
          }
        })
        if (lost) throw new ProvisionError({ code: 'unreachable', message: 'the connection broke' })
        return results
      },
      probeFresh: () =>
        standIn.lockedOut
          ? Promise.reject(new ProvisionError({ code: 'unreachable', message: 'connection refused' }))
          : Promise.resolve(),
      close: () => Promise.resolve(),
    }
  }
}

interface NoteArgs {
  readonly file: string
  readonly text: string
  /** What the apply writes, to break convergence. */
  readonly writes?: string
  readonly broken?: boolean
  readonly confirm?: boolean
}
interface NoteResult extends Outcome {
  readonly previous: string
}

/** A text in a file: the smallest resource there is. */
export const note = defineResource<NoteArgs, NoteArgs, string, NoteResult>({
  name: 'note',
  schema: {
    file: v.string(),
    text: v.string(),
    writes: v.optional(v.string()),
    broken: v.optional(v.boolean()),
    confirm: v.optional(v.boolean()),
  },
  describe: (args) => args.file,
  probe: (wishes) =>
    wishes.map((wish) => sh`printf '%s\n' "$(cat ${wish.file} 2>/dev/null || echo absent)"`).join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] ?? ''),
  plan: (state, wish) => {
    if (state === wish.text) return { unchanged: `says ${wish.text}`, result: { previous: state } }
    const confirm: Confirmation | undefined = wish.confirm
      ? {
          what: 'the new text',
          disarm: { script: 'echo disarmed >disarmed' },
          revert: { script: sh`rm -f ${wish.file}` },
        }
      : undefined
    return {
      changes: [
        {
          summary: `${state} → ${wish.text}`,
          diff: { label: wish.file, before: state, after: wish.text },
          steps: [
            {
              script: wish.broken ? 'echo "no space" >&2; exit 3' : sh`cat >${wish.file}; echo wrote ${wish.file}`,
              input: `${wish.writes ?? wish.text}\n`,
            },
          ],
        },
      ],
      result: { previous: state },
      confirm,
    }
  },
})

interface ActArgs {
  readonly say: string
  readonly fail?: boolean | undefined
}
interface ActResult extends Outcome {
  readonly stdout: string
}

/** Appends to a log each time it runs: a reload, say. Its result says `$ECHO` of its environment. */
export const act = defineResource<ActArgs, ActArgs, undefined, ActResult>({
  name: 'act',
  schema: { say: v.string(), fail: v.optional(v.boolean()) },
  describe: (args) => args.say,
  probe: () => ':',
  parse: (_, wishes) => wishes.map(() => undefined),
  plan: (_, wish) => ({
    changes: [
      { summary: wish.say, steps: [{ script: wish.fail ? 'exit 7' : sh`echo ${wish.say} >>log; echo "\${ECHO-}"` }] },
    ],
  }),
  result: (outputs) => ({ stdout: outputs[0]?.stdout.trim() ?? '' }),
  converges: 'none',
})

/** Fails unless a file exists; changes nothing. */
export const exists = defineResource<{ file: string }, { file: string }, boolean>({
  name: 'exists',
  schema: { file: v.string() },
  describe: (args) => args.file,
  probe: (wishes) => wishes.map((wish) => sh`if [ -e ${wish.file} ]; then echo yes; else echo no; fi`).join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] === 'yes'),
  plan: (state, wish) => (state ? { unchanged: 'exists' } : { refused: `${wish.file} does not exist` }),
  readOnly: true,
})

/** Reads a file that must be there: its probe fails else. Says `$PREFIX` of its environment before it. */
export const strict = defineResource<{ file: string }, { file: string }, string>({
  name: 'strict',
  schema: { file: v.string() },
  describe: (args) => args.file,
  probe: (wishes) => wishes.map((wish) => sh`test -e ${wish.file}; echo "\${PREFIX-}"$(cat ${wish.file})`).join('\n'),
  parse: (stdout, wishes) => wishes.map((_, index) => stdout.split('\n')[index] ?? ''),
  plan: (state) => ({ unchanged: `says ${state}` }),
})

export function makeInventory(names: readonly string[]): Inventory {
  const hosts: InventoryHost[] = names.map((name) => ({
    name,
    groups: ['all'],
    connection: { address: name },
    vars: {},
    where: { get: () => undefined },
  }))
  const select = (pattern: string) =>
    pattern === 'all' ? hosts : hosts.filter((host) => pattern.split(':').includes(host.name))
  return {
    hosts,
    host: (name) => hosts.find((host) => host.name === name) as InventoryHost,
    group: () => hosts,
    hasGroup: () => true,
    select,
  }
}

export interface Ran {
  readonly result: RunResult
  readonly events: readonly RunEvent[]
  /** `host status title` of each task's end. */
  readonly log: readonly string[]
}

/** Runs plays on stand-ins. */
export async function runOn(
  hosts: Readonly<Record<string, StandIn>>,
  plays: readonly Play[],
  more: Partial<RunRequest> = {},
): Promise<Ran> {
  const events: RunEvent[] = []
  const result = await run({
    playbook: definePlaybook(plays),
    inventory: makeInventory(Object.keys(hosts)),
    secrets: {
      reveal: (value) => (typeof value === 'string' ? value : 'hunter22'),
      redact: (text) => text.replaceAll('hunter22', '‹secret›'),
    },
    connect: connectTo(hosts),
    emit: (event) => events.push(event),
    ...more,
  })
  const log = events.flatMap((event) =>
    event.type === 'task:end' ? [`${event.host} ${event.status} ${event.task.title}`] : [],
  )
  return { result, events, log }
}
