// The entry of the command: the process's streams and signals, and nothing else.
import process from 'node:process'
import type { Io } from './io.ts'
import { main } from './program.ts'

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  onInterrupt: (callback) => {
    const listen = (signal: 'SIGINT' | 'SIGTERM') => callback(signal)
    process.on('SIGINT', listen).on('SIGTERM', listen)
    return () => process.off('SIGINT', listen).off('SIGTERM', listen)
  },
}

// A reader that left (`provision … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await main(process.argv.slice(2), io)
