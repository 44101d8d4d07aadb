// The entry of the command: the process's streams and signals, and nothing else.
import process from 'node:process'
import type { Io, Signal } from './io.ts'
import { main } from './program.ts'

const listeners = new Set<(signal: Signal) => void>()
const tell = (signal: Signal): void => {
  for (const listener of [...listeners]) listener(signal)
}
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  onSignal: (callback) => {
    if (listeners.size === 0) for (const signal of signals) process.on(signal, tell)
    listeners.add(callback)
    return () => {
      listeners.delete(callback)
      if (listeners.size === 0) for (const signal of signals) process.off(signal, tell)
    }
  },
  exit: (code) => process.exit(code),
}

// A reader that left (`provision … | head`) is a wish to stop; what is still written goes nowhere.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && stream === process.stdout) process.stderr.write(`stdout: ${error.message}\n`)
    tell('SIGPIPE')
  })
}

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()))

const code = await main(process.argv.slice(2), io)
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
// Whatever is still open, a connection that does not answer its closing say, must not keep the shell waiting.
process.exit(code)
