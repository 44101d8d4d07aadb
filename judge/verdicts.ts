// Results of the tools: stored, weighed against the explanations, and whether all is well.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { type Explanation, explanations } from './findings.ts'
import { projectFolder } from './layout.ts'
import type { Finding, Verdict } from './tool.ts'

/** What a tool found, and when. */
export interface StoredVerdict extends Verdict {
  readonly tool: string
  readonly at: string
  readonly seconds: number
  /** Versions of the packages that it is in. */
  readonly versions: Readonly<Record<string, string>>
}

/** A finding with the reason why it is left, if there is one. */
export interface WeighedFinding extends Finding {
  readonly why: string | undefined
}

const folder = `${projectFolder}judge/results/tools/`

export async function storeVerdict(verdict: StoredVerdict): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${verdict.tool}.json`, `${JSON.stringify(verdict, null, 2)}\n`)
}

/** The newest verdict of each tool, by its name. */
export async function readVerdicts(): Promise<Map<string, StoredVerdict>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
  const verdicts = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(`${folder}${name}`, 'utf8')) as StoredVerdict), // our own files
  )
  return new Map(verdicts.map((verdict) => [verdict.tool, verdict]))
}

/** Each finding with its explanation. One that an explanation covers on some hosts only stays unexplained for the others. */
export function weigh(
  tool: string,
  findings: readonly Finding[],
  known: readonly Explanation[] = explanations,
): WeighedFinding[] {
  return findings.flatMap((finding) => {
    const own = known.filter((explanation) => explanation.tool === tool && explanation.id === finding.id)
    if (finding.hosts.length === 0) return [{ ...finding, why: own.find(({ hosts }) => !hosts)?.why }]
    const groups = new Map<string | undefined, string[]>()
    for (const host of finding.hosts) {
      const why = own.find(({ hosts }) => !hosts || hosts.test(host))?.why
      groups.set(why, [...(groups.get(why) ?? []), host])
    }
    return [...groups].map(([why, hosts]) => ({ ...finding, hosts, why }))
  })
}

/** Why a verdict does not pass; empty: it does. */
export function objectionsTo(verdict: StoredVerdict): string[] {
  const unexplained = weigh(verdict.tool, verdict.findings).filter(({ why }) => why === undefined)
  return [
    ...verdict.complaints,
    ...unexplained.map(
      ({ id, says, hosts }) => `${id} is not explained${hosts.length > 0 ? ` (${hosts.join(', ')})` : ''}: ${says}`,
    ),
  ]
}
