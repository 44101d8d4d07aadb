// The goals and whether the figures reach them. What is not measured is said to be so; nothing here is filled in by hand but the
// reasons in reasons.json, which are shown for goals that are not reached.
import type { Figures } from './figures.ts'
import { renderNumber } from './statistics.ts'

/** A goal and how it is looked at. */
export interface Goal {
  /** Its key in reasons.json. */
  readonly id: string
  readonly wish: string
  /** The value that counts; undefined if something for it was not measured. */
  readonly value: (figures: Figures) => number | undefined
  /** The most that the value may be, or the least. */
  readonly limit: { readonly most: number } | { readonly least: number }
  /** How the value is written, after the number. */
  readonly unit: string
}

/** A goal compared with the figures. */
export interface Verdict {
  readonly goal: Goal
  readonly value: number | undefined
  readonly reached: boolean | undefined
}

/** Multiples of the floor of the tools that were measured earlier, by name. */
export type Anchors = Readonly<Record<string, { readonly rerun: number }>>

/** Compares all goals with the figures. */
export function judgeGoals(goals: readonly Goal[], figures: Figures): readonly Verdict[] {
  return goals.map((goal) => {
    const value = goal.value(figures)
    if (value === undefined) return { goal, value, reached: undefined }
    const { limit } = goal
    return { goal, value, reached: 'most' in limit ? value <= limit.most : value >= limit.least }
  })
}

/** A value with its unit. */
export function renderValue({ goal, value }: Verdict): string {
  return value === undefined ? 'not measured' : `${renderNumber(value)}${goal.unit}`
}

/** All goals. */
export function makeGoals(anchors: Anchors): readonly Goal[] {
  return [
    {
      id: 'rerun-floor',
      wish: 'Rerun, 50 resources, 3 hosts, cold: at most 1.3 × the floor',
      value: (figures) => ratio(wall(figures, 'rerun', 'cold', 'hostwright'), wall(figures, 'rerun', 'cold', 'floor')),
      limit: { most: 1.3 },
      unit: ' × floor',
    },
    {
      id: 'rerun-ansible',
      wish: 'The same: 35 × faster than Ansible tuned',
      value: (figures) =>
        ratio(wall(figures, 'rerun', 'cold', 'ansible-tuned'), wall(figures, 'rerun', 'cold', 'hostwright')),
      limit: { least: 35 },
      unit: ' × faster',
    },
    fasterThan('pyinfra 2', 8, 'rerun-pyinfra', anchors),
    fasterThan('transilience', 4, 'rerun-transilience', anchors),
    {
      id: 'rerun-cpu',
      wish: 'The same: at most 0.40 s of controller CPU',
      value: (figures) => figures.median('rerun', 'cold', 'hostwright', 'controllerCpu'),
      limit: { most: 0.4 },
      unit: ' s',
    },
    {
      id: 'warm',
      wish: 'The same over kept connections: at most 0.3 s',
      value: (figures) => wall(figures, 'warm', 'warm', 'hostwright-kept'),
      limit: { most: 0.3 },
      unit: ' s',
    },
    {
      id: 'delay-turns',
      wish: 'At 100 ms of round trip: at most 12 turns a host',
      value: (figures) => ratio(figures.median('delay', '100', 'hostwright', 'turns'), 3),
      limit: { most: 12 },
      unit: ' turns',
    },
    {
      id: 'delay-floor',
      wish: 'At 100 ms of round trip: under 1.5 × the floor',
      value: (figures) => ratio(wall(figures, 'delay', '100', 'hostwright'), wall(figures, 'delay', '100', 'floor')),
      limit: { most: 1.5 },
      unit: ' × floor',
    },
    {
      id: 'first',
      wish: 'First run, packages in place: at most 0.5 s over the floor',
      value: (figures) =>
        difference(wall(figures, 'first', 'packages', 'hostwright'), wall(figures, 'first', 'packages', 'floor')),
      limit: { most: 0.5 },
      unit: ' s over',
    },
    {
      id: 'site-first',
      wish: 'The whole site on bare hosts: not slower than the hand-written script',
      value: (figures) => ratio(wall(figures, 'site', 'first', 'hostwright'), wall(figures, 'site', 'first', 'script')),
      limit: { most: 1 },
      unit: ' × script',
    },
    {
      id: 'many-cpu',
      wish: '30 hosts: at most 0.15 s of controller CPU a host',
      value: (figures) => ratio(figures.median('many', '30', 'hostwright', 'controllerCpu'), 30),
      limit: { most: 0.15 },
      unit: ' s a host',
    },
    {
      id: 'many-memory',
      wish: '30 hosts: at most 6 MiB a host over the base (the memory of a run on 10 hosts is taken as base of 20 more)',
      value: (figures) => {
        const grown = difference(
          figures.median('many', '30', 'hostwright', 'peakMemory'),
          figures.median('many', '10', 'hostwright', 'peakMemory'),
        )
        return ratio(grown, 20 * 2 ** 20)
      },
      limit: { most: 6 },
      unit: ' MiB a host',
    },
    {
      id: 'many-linear',
      wish: '100 hosts: wall time grows no faster than linearly (from 30 hosts on, 1 is linear)',
      value: (figures) =>
        ratio(ratio(wall(figures, 'many', '100', 'hostwright'), wall(figures, 'many', '30', 'hostwright')), 100 / 30),
      limit: { most: 1 },
      unit: ' × linear',
    },
    {
      id: 'simulated',
      wish: '1,000 simulated hosts: all finish',
      value: (figures) => {
        const results = figures.results('simulated').filter(({ hosts }) => hosts >= 1000)
        if (results.length === 0) return undefined
        return results.filter(({ failure }) => failure === undefined).length / results.length
      },
      limit: { least: 1 },
      unit: ' of the runs',
    },
    {
      id: 'dead',
      wish: 'One dead host in ten costs the other nine nothing (at most 1.1 × the time that they take without it)',
      value: (figures) =>
        ratio(wall(figures, 'dead', 'dead', 'one of ten dead'), wall(figures, 'dead', 'dead', 'nine alone')),
      limit: { most: 1.1 },
      unit: ' × the time',
    },
    {
      id: 'start-help',
      wish: '`provision --help` in under 120 ms',
      value: (figures) => milliseconds(wall(figures, 'start', 'start', 'provision --help')),
      limit: { most: 120 },
      unit: ' ms',
    },
    {
      id: 'start-list',
      wish: '`--list-tasks` of the site in under 400 ms',
      value: (figures) => milliseconds(wall(figures, 'start', 'start', 'provision --list-tasks')),
      limit: { most: 400 },
      unit: ' ms',
    },
  ]
}

function fasterThan(name: string, times: number, id: string, anchors: Anchors): Goal {
  return {
    id,
    wish: `The same: ${times} × faster than ${name}, as multiples of the floor (${name} was measured earlier)`,
    value: (figures) => {
      const own = ratio(wall(figures, 'rerun', 'cold', 'hostwright'), wall(figures, 'rerun', 'cold', 'floor'))
      return ratio(anchors[name]?.rerun, own)
    },
    limit: { least: times },
    unit: ' × faster',
  }
}

function wall(figures: Figures, workload: string, caseName: string, contestant: string): number | undefined {
  return figures.median(workload, caseName, contestant, 'wall')
}

function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one / other
}

function difference(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
