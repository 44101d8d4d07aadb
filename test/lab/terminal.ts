import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { root } from './provision.ts'

/** The command on a pty of util-linux' script(1): what it shows, and keys to it. */
export function onTerminal(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  const words = [process.execPath, join(root, 'bin/provision.js'), ...args].map((word) => `'${word}'`).join(' ')
  const child: ChildProcess = spawn('script', ['-qec', `stty cols 120 rows 50; exec ${words}`, '/dev/null'], {
    cwd,
    env,
  })
  let written = ''
  let seen = 0
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written += text
  })
  // an escape sequence may come in two pieces, so all is cleaned together
  const shown = (): string => stripVTControlCharacters(written)
  const code = new Promise<number | null>((resolve) => child.on('close', resolve))
  return {
    code,
    shown,
    /** Waits until it shows this, past what was waited for before. */
    sees: async (text: string, seconds = 30): Promise<void> => {
      const deadline = Date.now() + seconds * 1000
      for (;;) {
        const at = shown().indexOf(text, seen)
        if (at !== -1) {
          seen = at + text.length
          return
        }
        if (Date.now() > deadline || child.exitCode !== null)
          throw new Error(`expected "${text}" on the terminal:\n${shown().slice(seen)}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    types: (text: string) => child.stdin?.write(text),
  }
}
