// h2load: requests at a steady rate while releases are rolled out, server by server.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from '../layout.ts'
import { type JudgeContext, outputOf, type Tool } from '../tool.ts'

const deployments = 3

export const h2load: Tool = {
  name: 'h2load',
  title: 'Requests through rolling deployments',
  goal: `No request fails through ${deployments} runs of \`playbooks/deploy.ts\` that each bring a new release.`,
  packages: ['nghttp2-client'],
  run: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'hostwright-release-'))
    try {
      await cp(`${projectFolder}examples/app`, folder, { recursive: true })
      return await underLoad(context, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

async function underLoad({ site, asStranger, say }: JudgeContext, folder: string) {
  const url = `https://${site.visitor.domain}/whoami`
  // 100 requests a second are far below what `standard` allows one address
  const start = `rm -f /root/stop
while [ ! -e /root/stop ]; do h2load -D 5 -c 10 --rps 10 ${url}; done`
  const load = asStranger(start, 1_800_000)
  const deployed: string[] = []
  const problems: string[] = []
  try {
    for (let round = 1; round <= deployments; round += 1) {
      const release = `release ${round} of ${Date.now()}`
      await writeFile(join(folder, 'static/release.txt'), `${release}\n`)
      const run = await site.provision(
        'playbooks/deploy.ts',
        '--output',
        'json',
        '-e',
        JSON.stringify({ app: { source: { directory: folder } } }),
      )
      const changed = Object.values(run.changed).reduce((sum, count) => sum + count, 0)
      if (run.exitCode !== 0)
        problems.push(`deployment ${round} ended with ${run.exitCode}: ${run.stderr.trim().slice(-500)}`)
      if (changed === 0) problems.push(`deployment ${round} changed nothing`)
      deployed.push(`${run.seconds.toFixed(1)} s`)
      say(`deployment ${round}: ${run.seconds.toFixed(1)} s, ${changed} changes`)
    }
  } finally {
    await asStranger('touch /root/stop')
  }
  const { total, failed, good } = parseH2load(outputOf(await load))
  return {
    figures: [
      { name: 'requests', value: String(total) },
      { name: 'failed', value: String(total - good) },
      { name: 'deployments', value: deployed.join(', ') },
    ],
    complaints: [
      ...problems,
      ...(total < 1000 ? [`only ${total} requests were sent`] : []),
      ...(total === good && failed === 0 ? [] : [`${total - good} of ${total} requests were not answered with 2xx`]),
    ],
    findings: [],
  }
}

/** Sums of all reports of h2load in a text. */
export function parseH2load(text: string): { total: number; failed: number; good: number } {
  const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0)
  if (!text.includes('requests: ')) throw new Error(`h2load printed no report: ${text.slice(-300) || 'nothing'}`)
  return {
    total: sum(/^requests: (\d+) total/gm),
    failed: sum(/^requests: .* (\d+) failed/gm),
    good: sum(/^status codes: (\d+) 2xx/gm),
  }
}
