// Questions on the terminal. Ctrl-C at any of them is an error (`interrupted`) that ends the command before it writes.
import { createInterface } from 'node:readline'
import { ProvisionError } from '../../core/error.ts'
import type { Io } from '../io.ts'

export interface Choice<T> {
  readonly value: T
  readonly name: string
  readonly description?: string
}

/** How the wizard asks. */
export interface Ask {
  readonly text: (message: string, usual: string, validate?: (text: string) => true | string) => Promise<string>
  readonly choose: <T>(message: string, choices: readonly Choice<T>[], usual: T) => Promise<T>
  readonly several: <T>(message: string, choices: readonly Choice<T>[], usual: readonly T[]) => Promise<readonly T[]>
  readonly yes: (message: string, usual: boolean) => Promise<boolean>
  /** Lines until an empty one: what is pasted arrives whole. */
  readonly lines: (message: string) => Promise<string>
  readonly say: (text: string) => void
}

/** Asks with inquirer, which is loaded only now. */
export async function makeAsk(io: Io): Promise<Ask> {
  const { createPromptModule } = (await import('inquirer')).default
  const prompt = createPromptModule({ input: io.stdin, output: io.stdout })
  const ask = async <T>(question: object): Promise<T> => {
    try {
      const answers = await prompt([{ name: 'answer', ...question }] as never) // one question of each kind, typed by Ask
      return (answers as { answer: T }).answer
    } catch (error) {
      if (error instanceof Error && ['ExitPromptError', 'AbortPromptError'].includes(error.name)) throw interrupted()
      throw error
    }
  }
  return {
    text: async (message, usual, validate) => {
      const check = (text: string) => validate?.(text.trim()) ?? true
      return (await ask<string>({ type: 'input', message, default: usual, validate: check })).trim()
    },
    choose: (message, choices, usual) => ask({ type: 'select', message, choices, default: usual, loop: false }),
    several: (message, choices, usual) =>
      ask({
        type: 'checkbox',
        message,
        required: true,
        loop: false,
        choices: choices.map((choice) => ({ ...choice, checked: usual.includes(choice.value) })),
      }),
    yes: (message, usual) => ask({ type: 'confirm', message, default: usual }),
    lines: (message) => readLines(io, message),
    say: (text) => void io.stdout.write(`${text}\n`),
  }
}

function interrupted(): ProvisionError {
  return new ProvisionError({ code: 'interrupted', message: 'interrupted' })
}

async function readLines(io: Io, message: string): Promise<string> {
  io.stdout.write(`${message}\n`)
  const lines = createInterface({
    input: io.stdin,
    output: io.stdout,
    terminal: io.stdin.isTTY === true,
    prompt: '  ',
    historySize: 0,
  })
  const found: string[] = []
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.on('line', (line) => {
        // an empty line before the first host is a slip
        if (line.trim() === '' && found.length > 0) resolve(found.join('\n'))
        else if (line.trim() !== '') found.push(line)
        lines.prompt()
      })
      lines.once('SIGINT', () => reject(interrupted()))
      lines.once('close', () => (found.length > 0 ? resolve(found.join('\n')) : reject(interrupted())))
      lines.prompt()
    })
  } finally {
    lines.close()
  }
}
