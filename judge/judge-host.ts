// The host that the tools run on: it belongs to the lab and not to the site.
import { readFile } from 'node:fs/promises'
import { groupProcesses } from '../src/lab/cgroups.ts'
import { type CommandResult, tryCommand } from '../src/lab/command.ts'
import { labPlace } from '../src/lab/home.ts'
import { namespaceName } from '../src/lab/network.ts'
import type { LabSite } from './lab-site.ts'
import { outputOf, type Tool } from './tool.ts'

export const judgeHost = 'judge1'

/** Installs the packages of the tools; answers with their versions. */
export async function installTools(site: LabSite, tools: readonly Tool[]): Promise<Record<string, string>> {
  const packages = [...new Set(['ca-certificates', 'curl', ...tools.flatMap((tool) => tool.packages)])]
  const script = `export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qqy --no-install-recommends -o DPkg::Lock::Timeout=300 install ${packages.join(' ')} >/dev/null
dpkg-query -W -f '\${Package} \${Version}\\n' ${packages.join(' ')}`
  const text = outputOf(await site.on(judgeHost, script, 900_000))
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  ) // our own format
}

/** Runs a script with the programs and files of the judge's host, in the network of another one. */
export async function inNetworkOf(
  site: LabSite,
  host: string,
  script: string,
  timeoutMs = 600_000,
): Promise<CommandResult> {
  const place = labPlace(site.lab)
  const init = await firstProcess(await groupProcesses(place, judgeHost))
  const spaces = [
    '--mount',
    '--pid',
    '--root',
    '--wd',
    '--uts',
    '--ipc',
    `--net=/run/netns/${namespaceName(place, host)}`,
  ]
  return await tryCommand('nsenter', ['--target', String(init), ...spaces, 'sh', '-s'], { input: script, timeoutMs })
}

/** The process that is number 1 in the container. */
async function firstProcess(processes: readonly number[]): Promise<number> {
  for (const id of processes) {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '')
    const numbers = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? []
    if (numbers.length > 1 && numbers.at(-1) === '1') return id
  }
  throw new Error(`${judgeHost} does not run`)
}
