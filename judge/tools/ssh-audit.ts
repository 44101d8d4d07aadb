// ssh-audit: the algorithms that each host's ssh daemon offers.
import { joinFindings, outputOf, type Tool } from '../tool.ts'

export const sshAudit: Tool = {
  name: 'ssh-audit',
  title: 'The ssh daemons',
  goal: 'Exit code 0 on every host: no failure, no warning; its notes are explained.',
  packages: ['ssh-audit'],
  run: async ({ site, asStranger }) => {
    const figures = []
    const complaints = []
    const byHost = new Map<string, { id: string; says: string }[]>()
    for (const { name } of site.inventory.hosts) {
      // its test of the rate of connections breaks off (BlockingIOError) where the daemon does slow them down
      const result = await asStranger(`ssh-audit --json --skip-rate-test --timeout 20 ${site.address(name)}`, 120_000)
      const { software, findings } = parseAudit(outputOf(result, [0, 1, 2, 3]))
      byHost.set(name, findings)
      figures.push({ name, value: `exit code ${result.exitCode}, ${software}` })
      if (result.exitCode !== 0) complaints.push(`${name}: exit code ${result.exitCode}`)
    }
    return { figures, complaints, findings: joinFindings(byHost) }
  },
}

interface Audit {
  readonly banner?: { readonly raw?: string }
  readonly additional_notes?: readonly string[]
  readonly [section: string]: unknown
}

/** What ssh-audit's JSON objects to. */
export function parseAudit(text: string): { software: string; findings: { id: string; says: string }[] } {
  const audit = JSON.parse(text) as Audit // ssh-audit's own format, each part looked at below
  const findings = ['kex', 'key', 'enc', 'mac'].flatMap((section) => {
    const entries = audit[section]
    if (!Array.isArray(entries)) return []
    return (entries as { algorithm: string; notes?: Record<string, string[]> }[]).flatMap(({ algorithm, notes }) =>
      [...(notes?.fail ?? []), ...(notes?.warn ?? [])].map((says) => ({ id: `${section} ${algorithm}`, says })),
    )
  })
  // a note is named by the weakness that it is about
  const notes = (audit.additional_notes ?? []).map((says) => ({ id: /CVE-[\d-]+\d/.exec(says)?.[0] ?? 'note', says }))
  return { software: audit.banner?.raw ?? 'no banner', findings: [...findings, ...notes] }
}
