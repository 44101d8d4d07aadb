import { spawn } from 'node:child_process'
import { ProvisionError } from '../core/error.ts'

/** How one command of this machine runs. */
export interface CommandOptions {
  /** Text for its standard input. @default nothing (an empty input) */
  readonly input?: string
  /** Aborting it kills the command. */
  readonly signal?: AbortSignal | undefined
  /** Extra variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Kill it after so many milliseconds. @default never */
  readonly timeoutMs?: number
}

/** What a command answered. */
export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The search path of lab commands: a plain user's path often lacks the sbin folders. */
export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs a command of this machine and answers with its exit code and output, whatever they are. */
export async function tryCommand(
  command: string,
  commandArguments: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  throwIfInterrupted(options.signal)
  return await new Promise((resolve, reject) => {
    const child = spawn(command, commandArguments, {
      cwd: '/',
      env: { PATH: searchPath, LC_ALL: 'C.UTF-8', HOME: '/root', ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      ...(options.signal && { signal: options.signal }),
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.stdin.on('error', () => {}) // the command may end without reading its input: its exit code tells the story
    child.stdin.end(options.input ?? '')
    child.on('error', (cause) => {
      if (options.signal?.aborted) reject(interrupted())
      else reject(new ProvisionError({ code: 'lab', message: `${command} could not be started.`, cause }))
    })
    child.on('close', (exitCode) => {
      resolve({
        exitCode: exitCode ?? 137,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      })
    })
  })
}

/** Runs a command of this machine and answers with its output; any exit code but 0 is an error that shows stderr. */
export async function runCommand(
  command: string,
  commandArguments: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryCommand(command, commandArguments, options)
  if (result.exitCode !== 0) throw commandFailed(command, commandArguments, result)
  return result.stdout
}

/** The error for a command that ended badly: the command, its exit code and the end of what it said. */
export function commandFailed(command: string, commandArguments: readonly string[], result: CommandResult) {
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-30).join('\n')
  return new ProvisionError({
    code: 'lab',
    message: `The command \`${[command, ...commandArguments].join(' ')}\` exited with ${result.exitCode}.`,
    detail: said || 'nothing on stderr',
  })
}

/** Throws the `interrupted` error if the signal has been aborted. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted()
}

/** Waits so many milliseconds, or until the signal is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  throwIfInterrupted(signal)
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(interrupted())
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function interrupted(): ProvisionError {
  return new ProvisionError({
    code: 'interrupted',
    message: 'The lab command was interrupted.',
    hint: 'provision lab up finishes what was begun; provision lab down removes it',
  })
}
