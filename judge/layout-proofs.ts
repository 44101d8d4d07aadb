// That a layout comes to be from nothing, and that a second run changes nothing: kept for the page.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { renderTable } from '../bench/report/table.ts'
import { converge, type LabSite, type ProvisionRun } from './lab-site.ts'
import { type LayoutName, layoutNames, projectFolder } from './layout.ts'

/** What came of two runs over fresh hosts. */
export interface LayoutProof {
  readonly name: LayoutName
  readonly at: string
  readonly hosts: number
  /** Of the first run. */
  readonly seconds: number
  /** Changes of the first run, and of the second. */
  readonly changes: readonly [first: number, second: number]
  /** Why there was no second run. */
  readonly failed?: string
}

const folder = `${projectFolder}judge/results/layouts/`

/** Provisions a site twice. One that fails is a result too. */
export async function proveLayout(
  site: LabSite,
  name: LayoutName,
  say: (message: string) => void,
): Promise<LayoutProof> {
  const common = { name, at: new Date().toISOString(), hosts: site.inventory.hosts.length }
  try {
    const first = await converge(site, say)
    const second = await converge(site, say)
    return { ...common, seconds: first.seconds, changes: [sumOf(first), sumOf(second)] }
  } catch (error) {
    return { ...common, seconds: 0, changes: [0, 0], failed: error instanceof Error ? error.message : String(error) }
  }
}

export async function storeProof(proof: LayoutProof): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${proof.name}.json`, `${JSON.stringify(proof, null, 2)}\n`)
}

/** The newest proof of each layout, by its name. */
export async function readProofs(): Promise<Map<string, LayoutProof>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
  const proofs = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(`${folder}${name}`, 'utf8')) as LayoutProof), // our own files
  )
  return new Map(proofs.map((proof) => [proof.name, proof]))
}

/** Why a layout is not proven; empty: it is. */
export function objectionsToProof(proof: LayoutProof | undefined): string[] {
  if (!proof) return ['it was not tried']
  if (proof.failed !== undefined) return [proof.failed]
  const [, second] = proof.changes
  return second === 0 ? [] : [`the second run changed ${second} things`]
}

/** The part of the page. */
export function renderProofs(proofs: ReadonlyMap<string, LayoutProof>): string {
  const rows = layoutNames.map((name) => ({ name, proof: proofs.get(name) }))
  const figure = (text: (proof: LayoutProof) => string) => rows.map(({ proof }) => (proof ? text(proof) : '–'))
  const table = renderTable([
    ['layout', ...rows.map(({ name }) => name)],
    ['hosts', ...figure(({ hosts }) => String(hosts))],
    ['first run', ...figure(({ seconds, changes }) => `${changes[0]} changes, ${seconds.toFixed(0)} s`)],
    ['second run', ...figure(({ changes }) => `${changes[1]} changes`)],
    [
      'reached',
      ...rows.map(({ proof }) =>
        objectionsToProof(proof).length === 0
          ? 'yes'
          : `**no**: ${objectionsToProof(proof).join('; ').replaceAll(/\s+/g, ' ').slice(0, 300)}`,
      ),
    ],
  ])
  return `## Layouts\n\nEach begins with fresh hosts, without a package installed. A second run changes nothing.\n\n${table}`
}

function sumOf({ changed }: ProvisionRun): number {
  return Object.values(changed).reduce((sum, count) => sum + count, 0)
}
