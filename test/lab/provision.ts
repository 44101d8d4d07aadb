// The command itself, as a user runs it: a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface CommandRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Recap {
  readonly hosts: Readonly<
    Record<
      string,
      {
        ok: number
        changed: number
        failed: number
        skipped: number
        unreachable: boolean
        requests: number
        unknown: number
      }
    >
  >
}

/** Starts `provision`, in the project's directory unless another one is given. */
export function startProvision(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd: string = root,
): { child: ChildProcess; done: Promise<CommandRun> } {
  const child = spawn(process.execPath, [`${root}bin/provision.js`, ...args], {
    cwd,
    env: { ...process.env, CI: 'true', ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const done = new Promise<CommandRun>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, done }
}

/** Runs `provision` to its end. */
export function provision(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd: string = root,
): Promise<CommandRun> {
  return startProvision(args, env, cwd).done
}

/** All JSON lines of a run with `--output json`. */
export function jsonLines(run: CommandRun): Record<string, unknown>[] {
  return run.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The recap of a run with `--output json`. */
export function recapOf(run: CommandRun): Recap {
  const last = jsonLines(run).at(-1)
  if (last?.type !== 'recap')
    throw new Error(`no recap; exit code ${run.code}\n${run.stderr}\n${run.stdout.slice(-2000)}`)
  return last as unknown as Recap
}
