// docs/performance.md as text: everything on it comes from the results, the workloads' own words, and the data files beside.
import type { Contestant } from '../contestants/contestant.ts'
import { newestOfEach, type Result, type RunFile, type RunHeader } from '../results.ts'
import type { Workload } from '../workload.ts'
import anchors from './anchors.json' with { type: 'json' }
import { figuresOf } from './figures.ts'
import { judgeGoals, makeGoals, renderValue } from './goals.ts'
import type { Plot } from './plots.ts'
import reasons from './reasons.json' with { type: 'json' }
import { renderNumber } from './statistics.ts'
import { renderCase, renderTable } from './table.ts'

/** What a page is made of. */
export interface PageParts {
  readonly runs: readonly RunFile[]
  readonly workloads: readonly Workload[]
  readonly contestants: readonly Contestant[]
  readonly plots: readonly Plot[]
}

/** The whole page. */
export function renderPage({ runs, workloads, contestants, plots }: PageParts): string {
  const newest = newestOfEach(runs)
  const sections = workloads.flatMap((workload) => {
    const file = newest.get(workload.name)
    const own = plots.filter((plot) => plot.workload === workload.name)
    return file ? [renderWorkload(workload, file, own)] : []
  })
  const headers = [...new Map([...newest.values()].map(({ header }) => [header.run, header])).values()]
  return [
    '# Performance\n',
    'How fast hostwright is beside a hand-written script and beside its peers, measured on real hosts. This page is written by `npm run bench -- report`; change `bench/`, not this page.\n',
    '## Goals\n',
    renderGoals(runs),
    '## To repeat it\n',
    renderCommands(workloads),
    '## Who takes part\n',
    renderTable([
      ['contestant', ...contestants.map(({ name }) => `\`${name}\``)],
      ['what it is', ...contestants.map(({ describe }) => describe)],
    ]),
    ...sections,
    '## Tools that were measured earlier\n',
    renderAnchors(),
    '## How it is measured\n',
    method,
    '### The machine\n',
    headers.map(renderMachine).join('\n'),
  ].join('\n')
}

function renderGoals(runs: readonly RunFile[]): string {
  const tools = Object.fromEntries(anchors.tools.map((tool) => [tool.name, tool]))
  const verdicts = judgeGoals(makeGoals(tools), figuresOf(runs))
  const why: Readonly<Record<string, string | undefined>> = reasons
  return renderTable([
    ['goal', ...verdicts.map(({ goal }) => goal.wish)],
    ['measured', ...verdicts.map(renderValue)],
    [
      'reached',
      ...verdicts.map(({ goal, reached }) => {
        if (reached === undefined) return 'not measured'
        return reached ? '**reached**' : `not reached, because: ${why[goal.id] ?? 'not known yet'}`
      }),
    ],
  ])
}

function renderCommands(workloads: readonly Workload[]): string {
  const minutes = workloads.reduce((sum, workload) => sum + workload.minutes, 0)
  const table = renderTable([
    ['workload', ...workloads.map(({ name }) => `\`${name}\``)],
    ['what', ...workloads.map(({ title }) => title)],
    ['minutes, about', ...workloads.map((workload) => String(workload.minutes))],
  ])
  return `On Debian 12, as root, from a fresh clone. Missing Debian packages are installed with the machine's own apt; the first run also builds the hosts' images, some two minutes. 100 hosts take about 5 GiB of memory.

\`\`\`sh
npm install
npm run bench                                  # all workloads, about ${minutes} minutes on two cores
npm run bench -- rerun delay                   # only these
npm run bench -- rerun --rounds 2 --contestants floor,hostwright
BENCH_QUICK=1 npm run bench                    # one round of everything
npm run bench -- report                        # this page and its plots, from bench/results/
\`\`\`

${table}`
}

function renderWorkload(workload: Workload, { header, results }: RunFile, plots: readonly Plot[]): string {
  const cases = Object.entries(workload.cases).flatMap(([name, title]) => {
    const own = results.filter((result) => result.case === name)
    if (own.length === 0) return []
    const images = plots.filter((plot) => plot.case === name).map(renderImage)
    return [`### ${title}\n`, ...images, renderCase(own, workload.base ?? 'floor')]
  })
  const failures = results.filter(({ failure }) => failure !== undefined).map(renderFailure)
  return [
    `## ${workload.title}\n`,
    `${workload.describe}\n`,
    ...plots.filter((plot) => plot.case === undefined).map(renderImage),
    ...cases,
    ...(failures.length > 0 ? [`Failed runs:\n\n${failures.join('\n')}\n`] : []),
    `**What limits it.** ${workload.limits}\n`,
    `Measured in run ${header.run}: \`npm run bench -- ${workload.name}\`\n`,
  ].join('\n')
}

function renderImage({ file, title }: Plot): string {
  return `![${title}](performance/${file})\n`
}

function renderFailure({ case: name, contestant, round, failure }: Result): string {
  return `- ${contestant}, ${name}, round ${round + 1}: ${(failure ?? '').split('\n').at(-1)}`
}

function renderAnchors(): string {
  const { tools, note } = anchors
  const table = renderTable([
    ['tool', ...tools.map(({ name }) => name)],
    ['version', ...tools.map(({ version }) => version)],
    ['rerun × floor', ...tools.map(({ rerun }) => String(rerun))],
    ['at 100 ms × floor', ...tools.map(({ delay100 }) => String(delay100))],
    ['turns/host', ...tools.map(({ turns }) => String(turns))],
  ])
  return `Tools without a Debian package do not take part in the runs above. ${note}\n\n${table}`
}

function renderMachine({ run, processor, cores, memory, kernel, load, versions, options }: RunHeader): string {
  const gibibytes = Math.round(memory / 2 ** 30)
  const known = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const asked = options === '' ? 'all workloads' : `\`${options}\``
  return `- Run ${run} (${asked}): ${cores} cores (${processor}), ${gibibytes} GiB, Linux ${kernel}, load ${renderNumber(load)} before it began; ${known.join(', ')}.`
}

const method = `- Contestants take turns within a round, so that whatever else the machine does hits all of them. Figures are medians, with the least and the most in parentheses; slow peers get fewer rounds. A ratio is made within one run only.
- *Controller CPU* is that of everything the contestant started, what it left running included: each has a control group of its own. *Hosts’ CPU* is that of all hosts together. *Peak memory* is the anonymous memory of all the contestant's processes together, looked at 20 times a second; a run shorter than that may show none.
- *Changes told* are what the tool itself reports, in its own units: the floor counts batches, Ansible tasks (a loop is one), hostwright resources. In a rerun all must say 0.
- Logins and sessions are counted in sshd's own log, turns and bytes in the delay proxy.
- The judge looks at all 50 resources of every host over plain OpenSSH: before reruns, after the last round, and after each run that changes something. A run that it disagrees with counts as failed and is in no median.
- Hosts are containers with their own systemd and sshd on the machine's own cores: hosts and controller take CPU time from each other, and with many hosts the wall time is mostly theirs. Their disks do not sync, so first runs show a tool's own time more than a real disk would.
- The content is one definition (\`bench/content\`) from which the floor's script, the judge, Ansible's variables and hostwright's playbook are made. Login is as root by key.
`
