import { spawnSync } from 'node:child_process'
import { ProvisionError } from '../core/error.ts'
import type { Io } from './io.ts'

// The terminal gets its echo back however this ends.
const askWithoutEcho = `
saved=$(stty -g) || exit 1
trap 'stty "$saved"; echo >&2' EXIT
trap 'exit 130' INT TERM HUP
printf %s "$1" >&2
stty -echo
IFS= read -r line || exit 130
printf %s "$line"`

/**
 * A question at the terminal, without echo, that blocks until it is answered: a secret is looked up in the middle of
 * something that cannot wait for a promise. Undefined without a terminal.
 */
export function askNow(io: Io): ((question: string) => string) | undefined {
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) return undefined
  return (question) => {
    const child = spawnSync('sh', ['-c', askWithoutEcho, 'sh', question], {
      stdio: ['inherit', 'pipe', 'inherit'],
      encoding: 'utf8',
    })
    if (child.status === 0) return child.stdout
    if (child.status === 130 || child.signal) throw new ProvisionError({ code: 'interrupted', message: 'interrupted' })
    throw new ProvisionError({ code: 'input', message: 'the terminal cannot hide what is typed (stty failed)' })
  }
}
