// OpenSCAP with the SCAP Security Guide's profile "standard" for the host's Debian release. The scanner has to run on the host: it
// is installed for the scan and removed again.
import { judgeHost } from '../judge-host.ts'
import type { LabSite } from '../lab-site.ts'
import { inPairs, joinFindings, kindsOfHosts, outputOf, type Tool } from '../tool.ts'

// four rules want partitions of their own, which no role makes on a running host; they weigh 20 points
const least = 80
const content = '/usr/share/xml/scap/ssg/content'

export const openscap: Tool = {
  name: 'openscap',
  title: 'Hardening of the hosts: OpenSCAP',
  goal: `A score of at least ${least} in the profile "standard" on each kind of host (by tier and release of Debian); what is left is explained.`,
  packages: ['ssg-debian'],
  run: async ({ site }) => {
    const reports = await inPairs(await kindsOfHosts(site), (host) => scan(site, host))
    return {
      figures: reports.map(([name, report]) => ({
        name,
        value: report
          ? `score ${report.score.toFixed(1)}, ${report.passed} rules passed, ${report.findings.length} failed`
          : 'no content for its release',
      })),
      complaints: reports.flatMap(([name, report]) =>
        report && report.score < least ? [`${name}: score ${report.score.toFixed(1)}, expected at least ${least}`] : [],
      ),
      findings: joinFindings(new Map(reports.map(([name, report]) => [name, report?.findings ?? [noContent]]))),
    }
  },
}

const noContent = { id: 'no-content', says: "there is no content for this host's Debian" }

/** Undefined if the guide has nothing for the host's release. */
async function scan(site: LabSite, host: string): Promise<ReturnType<typeof parseScap> | undefined> {
  const release = (await site.must(host, '. /etc/os-release; echo "$VERSION_ID"')).trim()
  const file = `ssg-debian${release}-ds.xml`
  const archive = await site.on(judgeHost, `gzip -c ${content}/${file} | base64`)
  if (release === '' || archive.stdout.trim().length < 1000) return undefined
  const script = `export DEBIAN_FRONTEND=noninteractive
apt-get -qqy --no-install-recommends --no-remove install openscap-scanner >/dev/null 2>&1 || exit 99
base64 -d <<'END' | gzip -d >/root/${file}
${archive.stdout.trim()}
END
oscap xccdf eval --profile xccdf_org.ssgproject.content_profile_standard --results /root/scap.xml /root/${file} >/dev/null 2>&1
grep -E '<(rule-result|result|score)[ >]' /root/scap.xml
apt-get -qqy purge --auto-remove openscap-scanner >/dev/null 2>&1
rm -f /root/${file} /root/scap.xml`
  return parseScap(outputOf(await site.on(host, script, 1_800_000)))
}

/** Score and failed rules of an XCCDF result. */
export function parseScap(text: string): { score: number; passed: number; findings: { id: string; says: string }[] } {
  const score = /<score[^>]*>([\d.]+)<\/score>/.exec(text)?.[1]
  if (score === undefined) throw new Error(`oscap gave no score; its result is ${text.slice(0, 200) || 'empty'}`)
  const results = [...text.matchAll(/<rule-result\s[^>]*idref="([^"]+)"[^>]*>\s*<result>(\w+)<\/result>/g)]
  const named = results.map(([, id = '', result = '']) => ({
    id: id.replace('xccdf_org.ssgproject.content_rule_', ''),
    result,
  }))
  if (!named.some(({ result }) => result === 'pass')) throw new Error('no rule of the content applied to this host')
  return {
    score: Number(score),
    passed: named.filter(({ result }) => result === 'pass').length,
    findings: named
      .filter(({ result }) => result === 'fail' || result === 'error')
      .map(({ id, result }) => ({ id, says: result === 'fail' ? 'failed' : 'could not be checked' })),
  }
}
