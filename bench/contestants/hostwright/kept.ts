// The bench's end of the process that stays: one line asks for a run, one line answers.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ControllerGroup } from '../../measuring/controller-group.ts'
import type { Runner } from '../contestant.ts'

const program = fileURLToPath(new URL('kept-process.ts', import.meta.url))
const project = fileURLToPath(new URL('../../..', import.meta.url))

/** Starts the process, which loads playbook and inventory; the first run connects. */
export async function openKept(playbook: string, inventory: string, group: ControllerGroup): Promise<Runner> {
  const source = ['--conditions=hostwright-source', '--import=tsx']
  const child = group.start([process.execPath, ...source, program, playbook, inventory], { cwd: project })
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error('the process that stays has no pipes')
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    converge: async () => {
      stdin.write('run\n')
      const { value, done } = await answers.next()
      if (done) return { exitCode: child.exitCode ?? 1, output: 'the process that stays has ended' }
      const [exitCode, ...words] = String(value).split(' ')
      return { exitCode: Number(exitCode), output: words.join(' ').replaceAll('\\n', '\n') }
    },
    close: async () => {
      const ended = child.exitCode === null ? once(child, 'exit') : Promise.resolve()
      stdin.end()
      await ended
    },
  }
}
