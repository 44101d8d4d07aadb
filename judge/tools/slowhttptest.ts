// slowhttptest: clients that send a request for ever, in three ways. The site must stay there for everybody else.
import { stripVTControlCharacters } from 'node:util'
import { request } from '../../scripts/site-client.ts'
import { outputOf, type Tool } from '../tool.ts'

const attacks = [
  { name: 'slow headers', options: '-H -i 5 -x 10' },
  { name: 'slow body', options: '-B -i 5 -s 4096 -x 10' },
  { name: 'slow reading', options: '-X -w 10 -y 20 -n 5 -z 32 -k 3' },
]

export const slowhttptest: Tool = {
  name: 'slowhttptest',
  title: 'Clients that take their time',
  goal: 'The service stays available throughout, to the tool and to another visitor.',
  packages: ['slowhttptest'],
  run: async ({ site, asStranger }) => {
    const figures = []
    const complaints = []
    for (const { name, options } of attacks) {
      const url = `https://${site.visitor.domain}/`
      const attack = asStranger(`slowhttptest -c 200 -r 50 -l 25 -p 3 ${options} -u ${url}`, 120_000)
      const visitor = await visitDuring(attack, () => request(site.visitor, 'GET', '/whoami', undefined, 5000))
      const seen = parseSlow(outputOf(await attack, [0, 255]))
      figures.push({
        name,
        value: `available: ${seen.join(' ')}; another visitor: ${visitor.good} of ${visitor.all} served`,
      })
      if (seen.length === 0 || seen.includes('NO'))
        complaints.push(`${name}: the tool says available: ${seen.join(' ') || 'nothing'}`)
      if (visitor.good < visitor.all)
        complaints.push(`${name}: ${visitor.all - visitor.good} requests of another visitor failed`)
    }
    return { figures, complaints, findings: [] }
  },
}

/** Visits again and again until something has ended. */
async function visitDuring(something: Promise<unknown>, visit: () => Promise<{ status: number }>) {
  let running = true
  void something.finally(() => {
    running = false
  })
  let all = 0
  let good = 0
  while (running) {
    all += 1
    const answer = await visit().catch(() => ({ status: 0 }))
    if (answer.status === 200) good += 1
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { all, good }
}

/** The distinct answers to "service available", which the tool prints with colours again and again. */
export function parseSlow(text: string): string[] {
  const plain = stripVTControlCharacters(text)
  return [...new Set([...plain.matchAll(/service available:\s+(YES|NO)/g)].map(([, answer = '']) => answer))]
}
