import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { ProvisionError } from '../core/error.ts'
import { exitCode, type Io } from './io.ts'

/** Runs a program on our terminal; resolves to its exit code. Ctrl-C is the program's. */
export async function runTerminal(io: Io, program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', cwd: io.cwd })
  const release = io.onSignal((signal) => {
    if (signal === 'SIGTERM' || signal === 'SIGHUP') child.kill(signal)
  })
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', (error) => {
        const message = `${program} could not be started: ${error.message}`
        reject(new ProvisionError({ code: 'input', message, cause: error }))
      })
      child.on('close', (code, signal) => {
        resolve(code ?? (signal ? 128 + (constants.signals[signal] ?? 0) : exitCode.interrupted))
      })
    })
  } finally {
    release()
  }
}
