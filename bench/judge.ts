// The judge looks at all 50 resources of every host over OpenSSH, and asks no contestant.
import type { CommandResult } from '../src/lab/command.ts'
import { renderJudge } from './content/checks.ts'
import type { Target } from './contestants/contestant.ts'

/** Answers with a sentence for each host that is not converged. */
export async function judge(
  targets: readonly Target[],
  on: (target: Target, script: string) => Promise<CommandResult>,
): Promise<readonly string[]> {
  const queue = [...targets]
  const complaints: string[] = []
  const look = async () => {
    for (let target = queue.shift(); target; target = queue.shift()) {
      const { exitCode, stdout, stderr } = await on(target, renderJudge(target.name))
      if (exitCode !== 0) complaints.push(`${target.name}: ${(stdout || stderr).trim().replaceAll('\n', ', ')}`)
    }
  }
  await Promise.all([look(), look(), look(), look()])
  return complaints.sort()
}
