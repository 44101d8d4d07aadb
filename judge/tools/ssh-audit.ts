// ssh-audit: the algorithms that each host's ssh daemon offers.
import { setTimeout as delay } from 'node:timers/promises'
import { type JudgeContext, joinFindings, outputOf, type Tool } from '../tool.ts'

/** Exit code of ssh-audit when it got no answer. */
const noAnswer = 1

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
      const result = await audit(asStranger, site.address(name))
      const { software, findings } = parseAudit(outputOf(result, [0, 2, 3]))
      byHost.set(name, findings)
      figures.push({ name, value: `exit code ${result.exitCode}, ${software}` })
      if (result.exitCode !== 0) complaints.push(`${name}: exit code ${result.exitCode}`)
    }
    return { figures, complaints, findings: joinFindings(byHost) }
  },
}

/** A source that nmap has just scanned from is told to wait (sshd's PerSourcePenalties), so who gets no answer asks again, for three minutes. */
async function audit(asStranger: JudgeContext['asStranger'], address: string) {
  for (let tries = 1; ; tries++) {
    // its test of the rate of connections breaks off (BlockingIOError) where the daemon does slow them down
    const result = await asStranger(`ssh-audit --json --skip-rate-test --timeout 20 ${address}`, 120_000)
    if (result.exitCode !== noAnswer || tries === 12) return result
    await delay(15_000)
  }
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
