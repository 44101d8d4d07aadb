import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ProvisionError } from '../core/error.ts'
import type { Io } from './io.ts'

/** Asks without echo. Without a terminal the answer is one line of stdin. */
export async function askPassword(io: Io, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: io.stdin, output: silent, terminal: io.stdin.isTTY === true })
  io.stderr.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(new ProvisionError({ code: 'interrupted', message: 'interrupted' })))
      lines.once('close', () =>
        reject(new ProvisionError({ code: 'input', message: 'no password was given: the input ended' })),
      )
    })
  } finally {
    lines.close()
    io.stderr.write('\n')
  }
}
