// docs/judges.md as text: everything on it comes from the verdicts and the explanations.
import { renderTable } from '../bench/report/table.ts'
import { type LayoutProof, renderProofs } from './layout-proofs.ts'
import type { Tool } from './tool.ts'
import { objectionsTo, type StoredVerdict, weigh } from './verdicts.ts'

/** The page; a tool without a verdict is told as one that has not run. */
export function renderPage(
  tools: readonly Tool[],
  verdicts: ReadonlyMap<string, StoredVerdict>,
  proofs: ReadonlyMap<string, LayoutProof>,
): string {
  const of = (tool: Tool) => verdicts.get(tool.name)
  return [
    '# Judges\n',
    'What tools say of the production layout that nobody here wrote. This page is written by `npm run judge`; change `judge/`, not this page.\n',
    introduction,
    renderTable([
      ['tool', ...tools.map(({ name }) => `[${name}](#${anchorOf(name)})`)],
      ['goal', ...tools.map(({ goal }) => goal)],
      ['reached', ...tools.map((tool) => reached(of(tool)))],
    ]),
    ...tools.map((tool) => renderTool(tool, of(tool))),
    renderProofs(proofs),
  ].join('\n')
}

const introduction = `The layout is [production.ts](../inventory/examples/production.ts), in a [lab](lab.md) of its own. The tools come from Debian and run on
\`judge1\`, a host that the site knows nothing of; where it matters from where one looks, they run in the network of another host.
A goal is reached if the tool's figure is, and if everything that it still objects to is explained below. An objection
without an explanation fails the run. Each tool's part says when it ran: tools and layouts can be run one by one, and the page
shows the newest of each.
`

function reached(verdict: StoredVerdict | undefined): string {
  if (!verdict) return 'not run'
  return objectionsTo(verdict).length === 0 ? 'yes' : '**no**'
}

function anchorOf(name: string): string {
  return name.replaceAll('.', '')
}

function renderTool(tool: Tool, verdict: StoredVerdict | undefined): string {
  const head = `## ${tool.name}\n\n${tool.title}. ${tool.goal}\n`
  if (!verdict) return `${head}\nIt has not run.\n`
  const versions = Object.entries(verdict.versions).map(([name, version]) => `${name} ${version}`)
  const complaints = verdict.complaints.map((complaint) => `- ${oneLine(complaint)}`)
  const findings = weigh(tool.name, verdict.findings)
  return [
    head,
    `${verdict.at.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(verdict.seconds)} s${versions.length > 0 ? `, ${versions.join(', ')}` : ''}.\n`,
    verdict.figures.length > 0
      ? renderTable([
          ['', ...verdict.figures.map(({ name }) => name)],
          ['found', ...verdict.figures.map(({ value }) => value)],
        ])
      : '',
    complaints.length > 0 ? `Not as it should be:\n\n${complaints.join('\n')}\n` : '',
    findings.length > 0
      ? `What is left, and why:\n\n${renderTable([
          ['finding', ...findings.map(({ id }) => `\`${id}\``)],
          ['hosts', ...findings.map(({ hosts }) => hosts.join(', ') || 'the site')],
          ['says', ...findings.map(({ says }) => oneLine(says))],
          ['why it is left', ...findings.map(({ why }) => why ?? '**not explained**')],
        ])}`
      : '',
  ]
    .filter(Boolean)
    .join('\n')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 400)
}
