// `provision complete SHELL …`: what the scripts of `provision completion` ask. One candidate a line, a tab, what it is.
import type { Command } from 'commander'
import { exitCode, type Io } from '../io.ts'
import { candidatesFor } from './candidates.ts'
import { makeKnown } from './known.ts'
import { parseTypedLine, quoteForBash } from './words.ts'

/** bash gives its line up to the cursor; zsh and fish the words, the last perhaps unfinished. Never fails, says nothing but answers. */
export async function completeCommand(io: Io, program: Command, shell: string, words: readonly string[]) {
  try {
    const typed = shell === 'bash' ? parseTypedLine(words[0] ?? '') : undefined
    const before = typed ? typed.words.slice(1) : words.slice(0, -1)
    const current = typed?.current ?? words.at(-1) ?? ''
    const found = await candidatesFor(program, before, current, makeKnown(io, before))
    const seen = new Set<string>()
    for (const { value, text } of found) {
      if (!value.startsWith(current) || /[\n\t]/.test(value) || seen.has(value)) continue
      seen.add(value)
      if (typed) io.stdout.write(`${quoteForBash(value, typed)}\n`)
      else io.stdout.write(text ? `${value}\t${text}\n` : `${value}\n`)
    }
  } catch {
    // an answer that cannot be given is none: the user is in the middle of a line
  }
  return exitCode.ok
}
