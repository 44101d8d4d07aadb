// npm run judge: the production layout in a lab, examined by tools that nobody here wrote; writes docs/judges.md.
// `npm run judge -- testssl nmap` runs only these, `-- list` names them, `-- report` writes the page again.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { inNetworkOf, installTools, judgeHost } from './judge-host.ts'
import { type LabSite, openSite } from './lab-site.ts'
import { findLayout, type LayoutName, layoutNames, layoutOf, projectFolder } from './layout.ts'
import { objectionsToProof, proveLayout, readProofs, storeProof } from './layout-proofs.ts'
import { renderPage } from './page.ts'
import type { Tool, Verdict } from './tool.ts'
import { tools } from './tools/all.ts'
import { objectionsTo, readVerdicts, storeVerdict } from './verdicts.ts'

const help = `npm run judge -- [options] [tool…]   examine the production layout (default: with every tool)
npm run judge -- list                the tools
npm run judge -- layouts [layout…]   every layout, or these: a second run changes nothing
npm run judge -- report              write docs/judges.md from what was found

  --layout NAME  another layout: ${layoutNames.join(', ')}
  --again        go on with the lab of an earlier run
  --keep         leave the lab up
`
const lab = 'judge'
const say = (message: string) => process.stderr.write(`${message}\n`)
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layout: { type: 'string', default: 'production' },
    again: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})

if (options.help) say(help)
else if (positionals[0] === 'list') for (const { name, goal } of tools) say(`${name.padEnd(18)} ${goal}`)
else if (positionals[0] === 'report') await report()
else if (positionals[0] === 'layouts')
  await proveLayouts(positionals.length === 1 ? layoutNames : positionals.slice(1).map(findLayout)).then(report)
else await examine(positionals.length === 0 ? tools : positionals.map(findTool))

async function examine(chosen: readonly Tool[]): Promise<void> {
  const more = [{ name: judgeHost, suite: 'sid' as const }]
  const name = findLayout(options.layout)
  const site = await openSite({ lab, layout: layoutOf(name), more, again: options.again, say })
  try {
    const proof = await proveLayout(site, name, say)
    // hosts of an earlier run prove nothing about fresh ones
    if (!options.again) await storeProof(proof)
    if (proof.failed !== undefined) throw new Error(proof.failed)
    for (const objection of objectionsToProof(proof)) fail(`${name}: ${objection}`)
    const versions = await installTools(site, chosen)
    for (const tool of chosen) await runTool(site, tool, versions)
  } finally {
    if (!options.keep) await site.close()
  }
  if (chosen === tools) await proveLayouts(layoutNames.filter((other) => other !== name))
  await report()
}

async function proveLayouts(names: readonly LayoutName[]): Promise<void> {
  for (const name of names) {
    const site = await openSite({ lab: 'judge-layout', layout: layoutOf(name), say })
    await proveLayout(site, name, say)
      .then(storeProof)
      .finally(() => site.close())
  }
}

async function runTool(site: LabSite, tool: Tool, versions: Readonly<Record<string, string>>): Promise<void> {
  say(`${tool.name}: ${tool.goal}`)
  const started = performance.now()
  const at = new Date().toISOString()
  const context = {
    site,
    asStranger: (script: string, timeoutMs?: number) => inNetworkOf(site, judgeHost, script, timeoutMs),
    inNetworkOf: (host: string, script: string, timeoutMs?: number) => inNetworkOf(site, host, script, timeoutMs),
    say,
  }
  // a tool that cannot run has not been passed
  const verdict: Verdict = await tool.run(context).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    return { figures: [], complaints: [`it could not run: ${why}`], findings: [] }
  })
  await storeVerdict({
    tool: tool.name,
    at,
    seconds: (performance.now() - started) / 1000,
    versions: Object.fromEntries(tool.packages.map((name) => [name, versions[name] ?? 'unknown'])),
    ...verdict,
  })
}

async function report(): Promise<void> {
  const verdicts = await readVerdicts()
  const proofs = await readProofs()
  await writeFile(`${projectFolder}docs/judges.md`, renderPage(tools, verdicts, proofs))
  for (const name of layoutNames) tell(`layout ${name}`, objectionsToProof(proofs.get(name)))
  for (const { name } of tools) {
    const verdict = verdicts.get(name)
    tell(name, verdict ? objectionsTo(verdict) : ['it has not run'])
  }
  say('docs/judges.md is written')
}

function tell(name: string, objections: readonly string[]): void {
  say(`${objections.length === 0 ? '✔' : '✘'} ${name}${objections.map((objection) => `\n    ${objection}`).join('')}`)
  if (objections.length > 0) process.exitCode = 1
}

function fail(message: string): void {
  say(`✘ ${message}`)
  process.exitCode = 1
}

function findTool(name: string): Tool {
  const found = tools.find((tool) => tool.name === name)
  if (found) return found
  throw new Error(`there is no tool ${name}; there are ${tools.map((tool) => tool.name).join(', ')}`)
}
