// provision vault edit: the decrypted form in the user's editor, in memory where the system has a place for it, and gone
// afterwards whatever happens.
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { asProvisionError, ProvisionError } from '../core/error.ts'
import { renderError } from '../report/error.ts'
import { changeVault, checkValues, valuesOf } from '../secrets/vault.ts'
import { type OpenVault, openVault } from '../secrets/vault-file.ts'
import { mergeVaults } from '../secrets/vault-merge.ts'
import { parseVault, renderVault, type VaultContent } from '../secrets/vault-text.ts'
import { exitCode, type Io } from './io.ts'
import { errorContext } from './report-error.ts'
import { runTerminal } from './run-terminal.ts'
import { type VaultCommandOptions, vaultOf } from './vault-command.ts'

/** `provision vault edit`. */
export async function editCommand(io: Io, options: VaultCommandOptions): Promise<number> {
  const { file, keyOf } = vaultOf(io, options)
  const vault = openVault(file, keyOf)
  const interrupted = new AbortController()
  const release = io.onSignal(() => interrupted.abort())
  const folder = mkdtempSync(join(memoryFolder(), 'provision-')) // 0700
  try {
    const path = join(folder, 'secrets')
    const before = renderVault(vault.content)
    writeFileSync(path, before, { mode: 0o600, flag: 'wx' })
    for (;;) {
      await runEditor(io, path)
      if (interrupted.signal.aborted) throw new ProvisionError({ code: 'interrupted', message: 'interrupted' })
      const text = readFileSync(path, 'utf8')
      if (text === before) {
        io.stderr.write(`${file}: nothing changed\n`)
        return exitCode.ok
      }
      try {
        save(vault, text, file, keyOf)
        io.stderr.write(`${file}: saved\n`)
        return exitCode.ok
      } catch (error) {
        if (!(await wantsToGoOn(io, error, interrupted.signal))) throw error
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    release()
  }
}

/** What was edited goes on top of what the vault is by now; what both changed is for the user to decide. */
function save(vault: OpenVault, text: string, file: string, keyOf: Parameters<typeof openVault>[1]): void {
  const edited = parseVault(text, 'the edited text')
  checkValues(valuesOf(edited))
  const change = (current: VaultContent): VaultContent => {
    const { content, conflicts } = mergeVaults(vault.content, edited, current)
    if (content) return content
    throw new ProvisionError({
      code: 'secret',
      message: `while you edited, somebody else changed ${conflicts.join(', ')} in ${file}`,
      hint: 'Put the old value back in the text to keep theirs; then set yours: provision vault set NAME.',
    })
  }
  changeVault(file, keyOf, change, vault)
}

/** $VISUAL or $EDITOR may have arguments of its own; the shell takes it apart, as git does. */
async function runEditor(io: Io, path: string): Promise<void> {
  const editor = io.env.VISUAL || io.env.EDITOR || 'vi'
  const code = await runTerminal(io, 'sh', ['-c', `${editor} "$1"`, 'sh', path])
  if (code === exitCode.ok) return
  const message = `the editor '${editor}' ended with exit code ${code}; nothing was saved`
  throw new ProvisionError({ code: 'input', message, hint: 'The variable EDITOR says which one is started.' })
}

/** Shows what is wrong with the text; asks whether to go back to it. */
async function wantsToGoOn(io: Io, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (io.stdin.isTTY !== true) return false
  io.stderr.write(renderError(asProvisionError(error), errorContext(io, false)))
  const lines = createInterface({ input: io.stdin, output: io.stderr })
  const stop = new AbortController()
  lines.once('SIGINT', () => stop.abort())
  lines.once('close', () => stop.abort())
  try {
    const answer = await lines.question('Edit again? [Y/n] ', { signal: AbortSignal.any([signal, stop.signal]) })
    return !/^n/i.test(answer.trim())
  } catch (cause) {
    throw new ProvisionError({ code: 'interrupted', message: 'interrupted', cause })
  } finally {
    lines.close()
  }
}

/** A folder that is memory and never a disk, where there is one. */
function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}
