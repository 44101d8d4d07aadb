// testssl.sh: the TLS of the public address.
import { outputOf, type Tool } from '../tool.ts'

export const testssl: Tool = {
  name: 'testssl',
  title: 'TLS of the public address',
  goal: 'Grade A+.',
  packages: ['testssl.sh', 'bsdextrautils', 'bind9-dnsutils', 'procps'],
  run: async ({ site, asStranger }) => {
    const { address, domain, ca } = site.visitor
    const script = `cat >/root/ca.pem <<'END'
${ca.trim()}
END
rm -f /root/testssl.json
testssl --quiet --color 0 --warnings off --ip ${address} --add-ca /root/ca.pem --jsonfile /root/testssl.json https://${domain}:443 >/root/testssl.log 2>&1
echo $? >&2
cat /root/testssl.json`
    const { grade, score, findings } = parseTestssl(outputOf(await asStranger(script, 1_200_000)))
    return {
      figures: [
        { name: 'grade', value: grade },
        { name: 'score', value: `${score} of 100` },
      ],
      complaints: grade === 'A+' ? [] : [`the grade is ${grade}, expected A+`],
      findings: findings.map((finding) => ({ ...finding, hosts: [] })),
    }
  },
}

interface Row {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** Grade, score and all that is worse than information, of testssl's JSON list. */
export function parseTestssl(text: string): { grade: string; score: string; findings: { id: string; says: string }[] } {
  const rows = JSON.parse(text) as Row[] // testssl's own format
  const value = (id: string) => rows.find((row) => row.id === id)?.finding
  const grade = value('overall_grade')
  if (grade === undefined) throw new Error(`testssl gave no grade; its last line is ${JSON.stringify(rows.at(-1))}`)
  const bad = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'WARN', 'FATAL']
  return {
    grade,
    score: value('final_score') ?? 'unknown',
    findings: rows
      .filter(({ severity }) => bad.includes(severity))
      .map(({ id, severity, finding }) => ({ id, says: `${severity}: ${finding}` })),
  }
}
