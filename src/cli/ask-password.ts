import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ProvisionError } from '../core/error.ts'
import type { Io } from './io.ts'

/** Asks without echo, one question after another. Without a terminal the answers are lines of stdin. */
export async function askPasswords(io: Io, questions: readonly string[]): Promise<string[]> {
  if (io.stdin.isTTY !== true) return await readLines(io, questions)
  const answers: string[] = []
  for (const question of questions) answers.push(await askOnTerminal(io, question))
  return answers
}

async function askOnTerminal(io: Io, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: io.stdin, output: silent, terminal: true, historySize: 0 })
  io.stderr.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(new ProvisionError({ code: 'interrupted', message: 'interrupted' })))
      lines.once('close', () => reject(missing(question)))
    })
  } finally {
    lines.close()
    io.stderr.write('\n')
  }
}

async function readLines(io: Io, questions: readonly string[]): Promise<string[]> {
  const lines = createInterface({ input: io.stdin })
  const answers: string[] = []
  for await (const line of lines) {
    answers.push(line)
    if (answers.length === questions.length) break
  }
  lines.close()
  const unanswered = questions[answers.length]
  if (unanswered !== undefined) throw missing(unanswered)
  return answers
}

function missing(question: string): ProvisionError {
  const what = question.replace(/: *$/, '')
  return new ProvisionError({
    code: 'input',
    message: `${what.charAt(0).toLowerCase()}${what.slice(1)}: expected a line on stdin, found its end`,
  })
}
