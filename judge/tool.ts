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

/** Does something on hosts, two at a time, which is what a small machine can bear; the answers in the order of the hosts. */
export async function inPairs<T>(
  hosts: readonly string[],
  work: (host: string) => Promise<T>,
): Promise<[host: string, answer: T][]> {
  const waiting = [...hosts]
  const answers = new Map<string, T>()
  const worker = async () => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) answers.set(host, await work(host))
  }
  await Promise.all([worker(), worker()])
  return hosts.flatMap((host) => [...answers].filter(([name]) => name === host))
}

/** One host of each kind: of those with the same groups and the same Debian the first. */
export async function kindsOfHosts(site: LabSite): Promise<string[]> {
  const kinds = new Map<string, string>()
  for (const { name, groups } of site.inventory.hosts) {
    const release = await site.must(name, '. /etc/os-release; echo "$VERSION_ID"')
    const kind = [release.trim(), ...groups].join(' ')
    if (!kinds.has(kind)) kinds.set(kind, name)
  }
  return [...kinds.values()]
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
