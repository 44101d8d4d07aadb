// lynis: an audit of each host from within. It is a set of shell scripts, carried there from the judge's host and removed again.
import { judgeHost } from '../judge-host.ts'
import { inPairs, joinFindings, kindsOfHosts, outputOf, type Tool } from '../tool.ts'

const parts = 'usr/sbin/lynis usr/share/lynis etc/lynis'
// what was reached on sid, where lynis knows less of what it finds; the releases have more: a fall is to be looked at
const least = 74

export const lynis: Tool = {
  name: 'lynis',
  title: 'Hardening of the hosts: lynis',
  goal: `A hardening index of at least ${least} on each kind of host (by tier and release of Debian); what is left is explained.`,
  packages: ['lynis'],
  run: async ({ site }) => {
    const archive = await site.must(judgeHost, `tar -C / -cz ${parts} | base64`)
    const script = `base64 -d <<'END' | tar -C / -xz
${archive.trim()}
END
lynis audit system --quick --quiet --no-colors --report-file /root/lynis-report.dat --logfile /dev/null </dev/null >/dev/null 2>&1
cat /root/lynis-report.dat
rm -rf ${parts
      .split(' ')
      .map((part) => `/${part}`)
      .join(' ')} /root/lynis-report.dat`
    const reports = await inPairs(await kindsOfHosts(site), async (host) =>
      parseLynis(outputOf(await site.on(host, script, 1_800_000))),
    )
    return {
      figures: reports.map(([name, { index, findings }]) => ({
        name,
        value: `index ${index}, ${findings.length} findings`,
      })),
      complaints: reports.flatMap(([name, { index }]) =>
        index < least ? [`${name}: index ${index}, expected at least ${least}`] : [],
      ),
      findings: joinFindings(new Map(reports.map(([name, { findings }]) => [name, findings]))),
    }
  },
}

/** The index, the warnings and the suggestions of a lynis report. */
export function parseLynis(text: string): { index: number; findings: { id: string; says: string }[] } {
  const index = /^hardening_index=(\d+)$/m.exec(text)?.[1]
  if (index === undefined) throw new Error(`lynis gave no hardening index; its report ends with ${text.slice(-200)}`)
  const findings = [...text.matchAll(/^(?:warning|suggestion)\[\]=([A-Z]+-\d+)\|([^|]*)\|([^|]*)/gm)].map(
    ([, id = '', says = '', details = '']) => ({
      id,
      says: details === '-' || details === '' ? says : `${says} (${details})`,
    }),
  )
  return { index: Number(index), findings }
}
