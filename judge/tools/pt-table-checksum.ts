// pt-table-checksum: that every replica holds what the primary holds, block by block, while the site serves.
import { request } from '../../scripts/site-client.ts'
import { withAccount } from '../database-account.ts'
import type { LabSite } from '../lab-site.ts'
import { primaryOf, sql } from '../outages/roles.ts'
import { outputOf, type Tool } from '../tool.ts'

export const ptTableChecksum: Tool = {
  name: 'pt-table-checksum',
  title: 'The replicas hold what the primary holds',
  goal: 'No difference on any replica.',
  packages: ['percona-toolkit'],
  run: async ({ site, inNetworkOf }) => {
    const app = site.members('app')[0] ?? ''
    const primary = await primaryOf(site)
    const replicas = site.members('db').filter((host) => host !== primary)
    await writeNotes(site, 200)
    return await withAccount(site, async ({ file, database }) => {
      // who the replicas are is told in a table: what they report of themselves is nothing the tool should have to believe
      const rows = replicas.map((host, index) => `(${index + 1}, 'h=${site.address(host)},F=${file}')`)
      await site.must(
        primary,
        sql(`CREATE TABLE ${database}.dsns (id INT PRIMARY KEY, parent_id INT, dsn VARCHAR(255) NOT NULL);
INSERT INTO ${database}.dsns (id, dsn) VALUES ${rows.join(', ')}`),
      )
      const command = `pt-table-checksum h=${site.address(primary)},F=${file} --databases=app --replicate=${database}.checksums --no-check-binlog-format --recursion-method=dsn=h=${site.address(primary)},F=${file},D=${database},t=dsns`
      const result = await inNetworkOf(app, command, 300_000)
      const tables = parseChecksums(outputOf(result, [0, 16]))
      const differing = tables.filter(({ differences, errors }) => differences + errors > 0)
      const compared = await checksumsOnReplicas(site.must, replicas, database)
      return {
        figures: [
          { name: 'tables', value: String(tables.length) },
          { name: 'rows', value: String(tables.reduce((sum, { rows: count }) => sum + count, 0)) },
          { name: 'replicas', value: replicas.join(', ') },
          { name: 'exit code', value: String(result.exitCode) },
        ],
        complaints: [
          ...(tables.some(({ rows: count }) => count > 0) ? [] : ['no row was compared']),
          ...differing.map(
            ({ table, differences, errors }) => `${table}: ${differences} blocks differ, ${errors} errors`,
          ),
          ...compared,
        ],
        findings: [],
      }
    })
  },
}

/** Something to compare, written as visitors write it. */
async function writeNotes({ visitor }: LabSite, count: number): Promise<void> {
  for (let written = 0; written < count; written += 1) {
    const { status } = await request(visitor, 'POST', '/notes', `text=note+${written}`)
    if (status !== 200) throw new Error(`a note was answered with ${status}`)
  }
}

/** That each replica did compute checksums of its own: a statement that came as rows would prove nothing. */
async function checksumsOnReplicas(
  must: (host: string, script: string) => Promise<string>,
  replicas: readonly string[],
  database: string,
): Promise<string[]> {
  const complaints: string[] = []
  for (const host of replicas) {
    const text = await must(
      host,
      sql(
        `SELECT COUNT(*), COALESCE(SUM(this_crc <> source_crc OR this_cnt <> source_cnt), 0) FROM ${database}.checksums`,
      ),
    )
    const [count = 0, differing = 0] = text.trim().split('\t').map(Number)
    if (count === 0) complaints.push(`${host} computed no checksum`)
    if (differing > 0) complaints.push(`${host}: ${differing} blocks differ`)
  }
  return complaints
}

export interface Checksum {
  readonly table: string
  readonly rows: number
  readonly differences: number
  readonly errors: number
}

/** The table that pt-table-checksum prints: `TS ERRORS DIFFS ROWS DIFF_ROWS CHUNKS SKIPPED TIME TABLE`. */
export function parseChecksums(text: string): Checksum[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/))
  const head = lines.find((words) => words[0] === 'TS' && words.at(-1) === 'TABLE')
  if (!head) throw new Error(`pt-table-checksum printed no table: ${text.slice(-300) || 'nothing'}`)
  const cell = (words: readonly string[], name: string) => words[head.indexOf(name)] ?? ''
  return lines
    .filter((words) => words.length === head.length && /^\d\d-\d\dT/.test(words[0] ?? ''))
    .map((words) => ({
      table: cell(words, 'TABLE'),
      rows: Number(cell(words, 'ROWS')),
      differences: Number(cell(words, 'DIFFS')),
      errors: Number(cell(words, 'ERRORS')),
    }))
}
