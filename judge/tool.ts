// What a judge is: a tool that nobody here wrote, run against the production layout, and what it said in our words.
import type { CommandResult } from '../src/lab/command.ts'
import type { LabSite } from './lab-site.ts'

/** One tool. */
export interface Tool {
  readonly name: string
  /** What it examines, as the heading of its part of the page. */
  readonly title: string
  /** When we are content, in a sentence. */
  readonly goal: string
  /** Debian packages that it is in; their versions are told. They are installed on the host `judge1`. */
  readonly packages: readonly string[]
  readonly run: (context: JudgeContext) => Promise<Verdict>
}

/** What a tool works with. */
export interface JudgeContext {
  readonly site: LabSite
  /** Runs a script as root on `judge1`, a host that the site does not know: by a stranger's address. */
  readonly asStranger: (script: string, timeoutMs?: number) => Promise<CommandResult>
  /** The same, with the programs of `judge1` in the network of another host: by that host's address, with nothing installed on it. */
  readonly inNetworkOf: (host: string, script: string, timeoutMs?: number) => Promise<CommandResult>
  readonly say: (message: string) => void
}

/** What a tool found. */
export interface Verdict {
  readonly figures: readonly Figure[]
  /** Why the goal is not reached, a sentence each; empty: it is. */
  readonly complaints: readonly string[]
  /** What is left to be explained. */
  readonly findings: readonly Finding[]
}

export interface Figure {
  readonly name: string
  readonly value: string
}

/** Something that a tool objects to. */
export interface Finding {
  /** The tool's own name for it. */
  readonly id: string
  /** What the tool says. */
  readonly says: string
  /** Hosts that it is about; empty: the site as a whole. */
  readonly hosts: readonly string[]
}

/** Findings of several hosts as one list, with the hosts of each. */
export function joinFindings(byHost: ReadonlyMap<string, readonly Omit<Finding, 'hosts'>[]>): Finding[] {
  const joined = new Map<string, Finding>()
  for (const [host, findings] of byHost)
    for (const finding of findings) {
      const known = joined.get(finding.id)
      joined.set(finding.id, { ...finding, hosts: [...(known?.hosts ?? []), host].filter(isFirst) })
    }
  return [...joined.values()]
}

function isFirst<T>(item: T, index: number, items: readonly T[]): boolean {
  return items.indexOf(item) === index
}

/** The output of a command; throws with what it said if it ended with another code than expected. */
export function outputOf(result: CommandResult, codes: readonly number[] = [0]): string {
  if (codes.includes(result.exitCode)) return result.stdout
  const said = (result.stderr || result.stdout).trim().slice(-1500)
  throw new Error(`exit code ${result.exitCode}, expected ${codes.join(' or ')}: ${said || 'nothing was said'}`)
}
