// promtool and amtool: what the monitor was given, and what it says of the site while nothing is wrong.
import { outputOf, type Tool } from '../tool.ts'

export const prometheus: Tool = {
  name: 'prometheus',
  title: 'The monitor: promtool and amtool',
  goal: 'Configuration and rules pass; every target answers; nothing is alerted while nothing is wrong.',
  packages: [],
  run: async ({ site }) => {
    const monitor = site.members('monitor')[0]
    if (!monitor) return { figures: [], complaints: ['the inventory has no host in the group monitor'], findings: [] }
    const checks = [
      { name: 'promtool check config', script: 'promtool check config /etc/prometheus/prometheus.yml' },
      { name: 'amtool check-config', script: 'amtool check-config /etc/prometheus/alertmanager.yml' },
    ]
    const figures = []
    const complaints = []
    for (const { name, script } of checks) {
      const { exitCode, stdout, stderr } = await site.on(monitor, `${script} 2>&1`)
      const said = `${stdout}${stderr}`.trim().split('\n')
      figures.push({
        name,
        value:
          exitCode === 0 ? (said.find((line) => /SUCCESS/.test(line)) ?? 'success').trim() : `exit code ${exitCode}`,
      })
      if (exitCode !== 0) complaints.push(`${name} ended with ${exitCode}: ${said.slice(-3).join('; ')}`)
    }
    const answers = await ask(site.must, monitor, 'up')
    const down = answers.filter(({ value }) => value !== '1')
    figures.push({ name: 'targets', value: `${answers.length - down.length} of ${answers.length} up` })
    if (answers.length === 0) complaints.push('the monitor watches nothing')
    for (const { labels } of down) complaints.push(`${labels.job} ${labels.instance} does not answer`)
    const alerts = (await ask(site.must, monitor, 'ALERTS{alertstate="firing"}')).map(({ labels }) => labels)
    figures.push({ name: 'alerts', value: String(alerts.length) })
    for (const { alertname, instance } of alerts) complaints.push(`${alertname} fires for ${instance ?? 'the site'}`)
    outputOf(await site.on(monitor, 'amtool --alertmanager.url=http://127.0.0.1:9093 alert query'))
    return { figures, complaints, findings: [] }
  },
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: string
}

async function ask(must: (host: string, script: string) => Promise<string>, monitor: string, query: string) {
  return parseVector(await must(monitor, `promtool query instant -o json http://127.0.0.1:9090 '${query}'`))
}

/** An instant vector as promtool prints it with `-o json`. */
export function parseVector(text: string): Sample[] {
  const samples = JSON.parse(text) as { metric: Record<string, string>; value: [number, string] }[] // promtool's own format
  return samples.map(({ metric, value }) => ({ labels: metric, value: value[1] }))
}
