import type { Facts, InventoryHost } from './host.ts'
import { callerOf } from './location.ts'
import type { ObjectEntries } from './schema.ts'
import { checkArguments } from './schema.ts'
import type { Secrets } from './secret.ts'
import type { Outcome, Task, TaskOptions } from './task.ts'
import { makeTask } from './task.ts'

/** What `prepare` may use: everything that is known without the host. */
export interface PrepareContext {
  readonly host: InventoryHost
  readonly secrets: Secrets
  /** The user's file that made the task, to resolve relative paths; empty if unknown. */
  readonly from: string
  /**
   * Makes a value once in a run, the same for all hosts: a branch resolved to a commit, a large folder packed.
   * Keys start with the resource's name. @default made anew each time
   */
  readonly once?: (<T>(key: string, make: () => T) => T) | undefined
  /** Told each local file or folder that is read or looked for, one that is not there too: `provision watch` watches them. */
  readonly onRead?: ((path: string) => void) | undefined
}

/**
 * A part of a host: one path (`file:/etc/hosts`), all below a path and itself (`tree:/etc/systemd`), one user or group by its
 * name, all of them (`accounts`), or what systemd runs (`units`).
 */
export type Area = `file:/${string}` | `tree:/${string}` | `user:${string}` | `group:${string}` | 'accounts' | 'units'

/** What a resource looks at and what its apply may alter. Where a side is left out it means everything. */
export interface Footprint {
  readonly reads?: readonly Area[] | undefined
  readonly alters?: readonly Area[] | undefined
}

/** A state and a wish that belong together. */
export interface Case<State, Wish> {
  readonly state: State
  readonly wish: Wish
}

/** What `plan` may use beside state and arguments. */
export interface PlanContext {
  readonly facts: Facts
  /** True in check mode. */
  readonly check: boolean
  /** Check mode, and an earlier change on this host was not made: what is absent now may come by it. @default false */
  readonly pretended?: boolean
}

/** One thing carried out on the host: a shell script, with bytes on its stdin if it needs some. */
export interface ApplyStep {
  /** POSIX sh, run under `set -eu`. Values are quoted with `shell/quote`; secrets go to `input`, never here. */
  readonly script: string
  /** Fed to the script's stdin, exact to the byte. */
  readonly input?: string | Uint8Array | FileInput | undefined
  /** Run as this user instead of the task's. */
  readonly user?: string | undefined
  /** One run is enough for all changes that are sent together, after the last of them: `systemctl daemon-reload`. @default false */
  readonly shared?: boolean | undefined
}

/** A local file as input, streamed. */
export interface FileInput {
  readonly path: string
  readonly size: number
}

/** A text before and after, for `--diff`. */
export interface Diff {
  readonly label: string
  readonly before: string
  readonly after: string
}

/** One difference between the present and the wished state. */
export interface Change {
  /** A sentence: `mode 0644 → 0640`, `absent → present`. */
  readonly summary: string
  readonly diff?: Diff | undefined
  readonly steps: readonly ApplyStep[]
}

/**
 * For changes that could cut us off (firewall, sshd): after the steps a *new* connection must succeed.
 * The steps themselves arm a revert that needs nobody (a systemd timer); `disarm` calls it off.
 */
export interface Confirmation {
  /** What was tried, for the message if it had to be undone: "the new firewall rules". */
  readonly what: string
  /** Runs after the new connection succeeded. */
  readonly disarm: ApplyStep
  /** Runs over the old connection if the new one failed. */
  readonly revert: ApplyStep
}

/** What plan says: differences, or nothing with a reason, or that it cannot be known yet. */
export type Plan<R extends Outcome = Outcome> =
  | {
      readonly changes: readonly [Change, ...Change[]]
      readonly result?: ResultFields<R>
      readonly confirm?: Confirmation | undefined
    }
  | { readonly unchanged: string; readonly result?: ResultFields<R> }
  /** Depends on something that is not there yet (a service of a package not installed): in check mode reported as unknown, in a real run a failure with this reason. */
  | { readonly unknown: string }
  /** The state contradicts the wish and no change may mend it. */
  | { readonly refused: string; readonly detail?: string; readonly hint?: string }

/** The resource's own part of the result. */
export type ResultFields<R extends Outcome> = Omit<R, keyof Outcome>

/** What a step of an apply printed. */
export interface StepOutput {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A kind of thing on a host: arguments, probe, plan, apply steps. Nothing else touches a host.
 * - `Args`: what users write (checked by `schema`)
 * - `Wish`: the arguments after `prepare` (rendered, secrets resolved); equals Args without `prepare`
 * - `State`: what the probe found
 * - `R`: the typed result
 */
export interface Resource<Args, Wish, State, R extends Outcome> {
  /** `file.template`, the name in reports and docs. */
  readonly name: string
  /** Valibot entries of the arguments: types and run-time check from one source. */
  readonly schema: ObjectEntries
  /** What types cannot say; returns the complaint. */
  readonly check?: (args: Args) => string | undefined
  /** The subject for the task's title: a path, a unit. Must not reveal secrets. */
  readonly describe: (args: Args) => string
  /** Renders, reads local files, resolves secrets: before any host is touched. */
  readonly prepare?: (args: Args, context: PrepareContext) => Wish
  /** A read-only script that prints the present state of all these at once (run with stdin empty). */
  readonly probe: (wishes: readonly Wish[]) => string
  /** One state for each wish, in order. Throws on output that it does not understand. */
  readonly parse: (stdout: string, wishes: readonly Wish[]) => readonly State[]
  /** Pure: the differences, or why there are none. */
  readonly plan: (state: State, wish: Wish, context: PlanContext) => Plan<R>
  /** Builds the typed result after an apply, from the steps' outputs. */
  readonly result?: (outputs: readonly StepOutput[], wish: Wish) => ResultFields<R>
  /**
   * Whether an apply changed something, by the steps' outputs, for changes that only the apply itself can tell
   * (newest packages by lists that it refreshes, waiting). @default an apply always counts as a change
   */
  readonly didChange?: (outputs: readonly StepOutput[], wish: Wish) => boolean
  /**
   * `state`: after an apply the probe must plan nothing, else the task did not converge.
   * `none`: the effect cannot be read back (a command, a reload): done when its steps succeeded.
   * A function decides by the wish. @default 'state'
   */
  readonly converges?: 'state' | 'none' | ((wish: Wish) => 'state' | 'none')
  /** Never applies anything: it only waits or asserts. Runs in check mode too. @default false */
  readonly readOnly?: boolean
  /**
   * Which parts of the host it reads and alters, as narrowly as it surely can: what a change does not touch need not be
   * looked at again, and changes that do not touch each other are sent together. The state is there when it is asked what
   * an apply alters. @default everything
   */
  readonly footprint?: (wish: Wish, state: State | undefined) => Footprint
  /**
   * The steps that make several tasks in a row true by one call (packages, units), each of which plans changes of its own;
   * undefined if these do not go together. @default each on its own
   */
  readonly merge?: (cases: readonly Case<State, Wish>[], context: PlanContext) => readonly ApplyStep[] | undefined
  /**
   * Whether a change, with its plan, has done what a handler of the same resource waits to do: a unit that was started after
   * its configuration changed need not be restarted for it. @default never
   */
  readonly covers?: (done: { readonly plan: Plan; readonly wish: Wish }, handler: Wish) => boolean
  /** Packages: with `packagesFirst` its change may be made where the first of its kind is made. @default false */
  readonly isPackage?: (wish: Wish) => boolean
  /**
   * What a saved plan must find again on the host beside what its changes say: the digest of a content that is not shown, for
   * one. It is kept as a keyed digest only, so it may be secret. Nothing that changes by itself (a time, a process's number).
   * @default nothing
   */
  readonly evidence?: (state: State, wish: Wish) => unknown
  /** Must not run ahead of its turn: probing is slow or waits (wait.port). @default false */
  readonly probeInTurn?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: a list of resources of all types; each task pairs its own args and resource
export type AnyResource = Resource<any, any, any, any>

/**
 * Makes the constructor that users call: checks the arguments, splits the common task options off,
 * remembers the caller's file and line, returns a frozen task.
 */
export function defineResource<Args extends object, Wish, State, R extends Outcome = Outcome>(
  resource: Resource<Args, Wish, State, R>,
): (args: Args & TaskOptions<R>) => Task<R> {
  const construct = (args: Args & TaskOptions<R>): Task<R> => {
    const where = callerOf(construct)
    const checked = checkArguments(resource.name, resource.schema, args, where)
    const complaint = resource.check?.(checked.args as Args) // checked by the resource's own schema
    if (complaint) checked.fail(complaint)
    return makeTask(resource, Object.freeze(checked.args), checked.options as TaskOptions<R>, where)
  }
  return Object.assign(construct, { resource }) // for the documentation, which reads the schema
}
