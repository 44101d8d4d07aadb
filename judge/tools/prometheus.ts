// promtool and amtool: what the monitor was given, and what it says of the site while nothing is wrong.
import type { LabSite } from '../lab-site.ts'
import type { Tool } from '../tool.ts'

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
    const asked = (query: string) => ask(site, monitor, query)
    const answers = await asked('up')
    const down = answers.filter(({ value }) => value !== '1')
    figures.push({ name: 'targets', value: `${answers.length - down.length} of ${answers.length} up` })
    if (answers.length === 0) complaints.push('the monitor watches nothing')
    for (const { labels } of down) complaints.push(`${labels.job} ${labels.instance} does not answer`)
    // Watchdog fires always, so that its silence can be noticed: both programs must know of it
    const alerts = (await asked('ALERTS{alertstate="firing"}')).map(({ labels }) => labels)
    const real = alerts.filter(({ alertname }) => alertname !== 'Watchdog')
    figures.push({ name: 'alerts', value: String(real.length) })
    for (const { alertname, instance } of real) complaints.push(`${alertname} fires for ${instance ?? 'the site'}`)
    const told = await site.on(monitor, 'amtool alert query alertname=Watchdog')
    if (!told.stdout.includes('Watchdog'))
      complaints.push(`amtool alert query does not show the alert that fires always: ${told.stderr.trim()}`)
    return { figures, complaints, findings: [] }
  },
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: string
}

async function ask(site: LabSite, monitor: string, query: string): Promise<Sample[]> {
  const target = `https://${site.address(monitor)}:9090`
  const command = `promtool query instant --http.config.file=/etc/prometheus/client.yml -o json ${target}`
  return parseVector(await site.must(monitor, `${command} '${query}'`))
}

/** An instant vector as promtool prints it with `-o json`. */
export function parseVector(text: string): Sample[] {
  const samples = JSON.parse(text) as { metric: Record<string, string>; value: [number, string] }[] // promtool's own format
  return samples.map(({ metric, value }) => ({ labels: metric, value: value[1] }))
}
