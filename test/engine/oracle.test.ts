// The engine against a naive oracle that looks at everything anew before each task: random task lists over a few files
// that depend on each other, on the host and now and then on another one, must end in the same state, with the same tasks changed, failed and skipped, in the same order.
import test from 'ava'
import * as v from 'valibot'
import { after, block, changed, flush, handler } from '../../src/core/flow.ts'
import { play } from '../../src/core/play.ts'
import { defineResource } from '../../src/core/resource.ts'
import type { Handler, Task, Tasks } from '../../src/core/task.ts'
import { sh } from '../../src/shell/quote.ts'
import { act, makeStandIn, runOn, type StandIn } from './stand-in.ts'

const files = ['a', 'b', 'c', 'd']

interface MixArgs {
  readonly file: string
  /** The wish depends on this file. */
  readonly from: string
  readonly text: string
  /** The change alters this file as well. */
  readonly also?: string | undefined
  readonly broken?: boolean | undefined
  /** It tells what it reads and alters. */
  readonly tracked?: boolean | undefined
}
interface MixState {
  readonly own: string
  readonly source: string
}

const wanted = (args: MixArgs, source: string): string => `${args.text}${source.slice(0, 1)}`

const mix = defineResource<MixArgs, MixArgs, MixState>({
  name: 'mix',
  schema: {
    file: v.string(),
    from: v.string(),
    text: v.string(),
    also: v.optional(v.string()),
    broken: v.optional(v.boolean()),
    tracked: v.optional(v.boolean()),
  },
  describe: (args) => args.file,
  probe: (wishes) => wishes.map((wish) => sh`cat ${wish.file}; echo; cat ${wish.from}; echo`).join('\n'),
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_, index) => ({ own: lines[2 * index] ?? '', source: lines[2 * index + 1] ?? '' }))
  },
  plan: (state, wish) => {
    const text = wanted(wish, state.source)
    if (state.own === text) return { unchanged: 'as wished' }
    return { changes: [{ summary: `${state.own} → ${text}`, steps: [{ script: scriptOf(wish, text) }] }] }
  },
  footprint: ({ file, from, also, tracked }) =>
    tracked
      ? {
          reads: [`file:/${file}`, `file:/${from}`],
          alters: [`file:/${file}`, ...(also ? [`file:/${also}` as const] : [])],
        }
      : {},
  merge: (cases) => {
    const used = new Set<string>()
    for (const { wish } of cases) {
      const own = [wish.file, wish.from, wish.also ?? wish.file]
      if (wish.broken || own.some((name) => used.has(name))) return undefined
      for (const name of own) used.add(name)
    }
    return [{ script: cases.map(({ state, wish }) => scriptOf(wish, wanted(wish, state.source))).join('\n') }]
  },
})

function scriptOf(wish: MixArgs, text: string): string {
  const also = wish.also ? sh`printf %s ${`z${text}`} >${wish.also};` : ''
  return `${sh`printf %s ${text} >${wish.file};`}${also}${wish.broken ? 'exit 3' : ''}`
}

/** A random playbook as data, so that engine and oracle each make their own of it. */
type Node =
  | {
      kind: 'mix'
      id: number
      args: MixArgs
      when?: number | undefined
      notify?: number | undefined
      ignore: boolean
      /** It runs on another host. */
      elsewhere: boolean
    }
  | { kind: 'flush' }
  | { kind: 'after'; on: number; inside: Node[] }
  | { kind: 'block'; body: Node[]; rescue: Node[]; always: Node[] }

function makeRandom(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0
    return state % below
  }
}

function makeNodes(random: (below: number) => number, ids: { next: number }, depth: number): Node[] {
  return Array.from({ length: 2 + random(depth === 0 ? 7 : 2) }, (): Node => {
    const dice = random(10)
    if (dice === 0) return { kind: 'flush' }
    if (dice === 1 && depth < 2 && ids.next > 0) {
      const on = random(ids.next)
      return { kind: 'after', on, inside: makeNodes(random, ids, depth + 1) }
    }
    if (dice === 2 && depth < 2)
      return {
        kind: 'block',
        body: makeNodes(random, ids, depth + 1),
        rescue: random(2) ? makeNodes(random, ids, depth + 1) : [],
        always: random(2) ? makeNodes(random, ids, depth + 1) : [],
      }
    const [file, from, also] = [random(4), 1 + random(3), random(8)]
    const source = (file + from) % 4
    const id = ids.next++
    return {
      kind: 'mix',
      id,
      args: {
        file: files[file] ?? 'a',
        from: files[source] ?? 'b',
        text: 'xy'[random(2)] ?? 'x',
        also: also < 4 && also !== file && also !== source ? files[also] : undefined,
        broken: random(12) === 0 || undefined,
        tracked: random(3) > 0 || undefined,
      },
      when: id > 0 && random(4) === 0 ? random(id) : undefined,
      notify: random(3) === 0 ? random(2) : undefined,
      ignore: random(3) === 0,
      elsewhere: random(5) === 0,
    }
  })
}

/** What a run does, simply: one task after another, each with a fresh look. */
class Oracle {
  readonly state: Record<string, string>
  /** The other host's. */
  readonly there: Record<string, string>
  readonly log: string[] = []
  readonly acts: string[] = []
  private readonly outcomes = new Map<number, { changed: boolean; skipped: boolean }>()
  private readonly notified = new Set<number>()
  private readonly order: readonly number[]

  constructor(state: Record<string, string>, order: readonly number[]) {
    this.state = { ...state }
    this.there = { ...state }
    this.order = order
  }

  /** False: failed. */
  walk(nodes: readonly Node[]): boolean {
    return nodes.every((node) => this.step(node))
  }

  private step(node: Node): boolean {
    switch (node.kind) {
      case 'mix':
        return this.mix(node)
      case 'flush':
        this.flush()
        return true
      case 'after': {
        const known = this.outcomes.get(node.on)
        return !known || known.skipped || this.walk(node.inside)
      }
      case 'block': {
        const ended = this.walk(node.body) || (node.rescue.length > 0 && this.walk(node.rescue))
        return this.walk(node.always) && ended
      }
    }
  }

  flush(): void {
    for (const number of this.order) {
      if (!this.notified.delete(number)) continue
      this.acts.push(`reload${number}`)
      this.log.push(`web changed act reload${number}`)
    }
  }

  private mix({ id, args, when, notify, ignore, elsewhere }: Extract<Node, { kind: 'mix' }>): boolean {
    if (when !== undefined && !this.outcomes.get(when)?.changed) {
      this.outcomes.set(id, { changed: false, skipped: true })
      this.log.push(`web skipped t${id}`)
      return true
    }
    const state = elsewhere ? this.there : this.state
    const text = wanted(args, state[args.from] ?? '')
    const changes = state[args.file] !== text
    if (changes) {
      state[args.file] = text
      if (args.also) state[args.also] = `z${text}`
      if (notify !== undefined) this.notified.add(notify)
    }
    const failed = changes && args.broken === true
    this.outcomes.set(id, { changed: changes && !failed, skipped: false })
    this.log.push(`web ${failed ? (ignore ? 'ignored' : 'failed') : changes ? 'changed' : 'ok'} t${id}`)
    return !failed || ignore
  }
}

/** Handlers in the order in which tasks of the static part name them, then those of branches. */
function handlerOrder(nodes: readonly Node[]): number[] {
  const seen: number[] = []
  const visit = (list: readonly Node[]): void => {
    for (const node of list) {
      if (node.kind === 'mix' && node.notify !== undefined && !seen.includes(node.notify)) seen.push(node.notify)
      if (node.kind === 'block') for (const part of [node.body, node.rescue, node.always]) visit(part)
    }
  }
  visit(nodes)
  return seen
}

function toTasks(nodes: readonly Node[], tasks: Map<number, Task>, handlers: readonly Handler[]): Tasks {
  const toTask = (node: Node): Tasks => {
    switch (node.kind) {
      case 'mix': {
        const asked = node.when === undefined ? undefined : tasks.get(node.when)
        const task = mix({
          ...node.args,
          name: `t${node.id}`,
          // a task that does not exist in this run (an untaken branch) never changed
          when: node.when === undefined ? undefined : asked ? changed(asked) : false,
          notify: node.notify === undefined ? undefined : handlers[node.notify],
          ignoreErrors: node.ignore,
          on: node.elsewhere ? 'lb' : undefined,
        })
        tasks.set(node.id, task)
        return task
      }
      case 'flush':
        return flush()
      case 'after': {
        const on = tasks.get(node.on)
        return on ? after(on, () => toTasks(node.inside, tasks, handlers)) : undefined
      }
      case 'block':
        return block({
          tasks: toTasks(node.body, tasks, handlers),
          rescue: toTasks(node.rescue, tasks, handlers),
          always: toTasks(node.always, tasks, handlers),
        })
    }
  }
  return nodes.map(toTask)
}

/** Branches make tasks that later tasks must not name before they exist: only what the static part made is asked about. */
function isFair(nodes: readonly Node[]): boolean {
  const made = new Set<number>()
  let fair = true
  const visit = (list: readonly Node[], inBranch: boolean): void => {
    for (const node of list) {
      if (node.kind === 'mix') {
        if (node.when !== undefined && !made.has(node.when)) fair = false
        if (inBranch && node.notify !== undefined) fair = false
        made.add(node.id)
      } else if (node.kind === 'after') {
        if (!made.has(node.on)) fair = false
        const before = new Set(made)
        visit(node.inside, true)
        made.clear()
        for (const id of before) made.add(id)
      } else if (node.kind === 'block') {
        for (const part of [node.body, node.rescue, node.always]) visit(part, inBranch)
      }
    }
  }
  visit(nodes, false)
  return fair
}

function contentOf(web: StandIn): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file, web.read(file) ?? '']))
}

const seeds = Array.from({ length: 400 }, (_, index) => index + 1).filter((seed) =>
  isFair(makeNodes(makeRandom(seed), { next: 0 }, 0)),
)

for (const part of [0, 1, 2]) {
  test(`random playbooks do what a naive run would do, part ${part + 1}`, async (t) => {
    const mine = seeds.filter((_, index) => index % 3 === part).slice(0, 25)
    t.is(mine.length, 25)
    for (const seed of mine) {
      const random = makeRandom(seed)
      const nodes = makeNodes(random, { next: 0 }, 0)
      const [web, lb] = [makeStandIn(), makeStandIn()]
      const start = Object.fromEntries(files.map((file) => [file, `${'xyz'[random(3)]}${'xyz'[random(3)]}`]))
      for (const [file, text] of Object.entries(start)) for (const host of [web, lb]) host.write(file, text)
      const oracle = new Oracle(start, handlerOrder(nodes))
      if (oracle.walk(nodes)) oracle.flush()
      const handlers = [0, 1].map((number) => handler(act({ say: `reload${number}` })))
      const { log, result, events } = await runOn({ web, lb }, [
        play({ hosts: 'web', tasks: toTasks(nodes, new Map(), handlers) }),
      ])
      const story = `seed ${seed}: ${JSON.stringify(nodes)}`
      t.deepEqual(log, oracle.log, story)
      t.deepEqual(contentOf(web), oracle.state, story)
      t.deepEqual(contentOf(lb), oracle.there, story)
      t.is(web.read('log') ?? '', oracle.acts.map((line) => `${line}\n`).join(''), story)
      const touching = events.filter((event) => event.type === 'task:end' && event.changes.length > 0).length
      const probes = (result.hosts.web?.requests ?? 0) - touching - 2 // the facts, the removal of marks
      t.true(probes <= oracle.log.length + 1, story)
    }
  })
}
