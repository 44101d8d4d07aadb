// What `provision doc` knows: made of the sources by scripts/documentation.ts when the package is built.
import { readFileSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'
import { packageFolder } from './package-folder.ts'

/** An option of a resource or a parameter of a role; one inside another has a dotted name. */
export interface OptionDoc {
  readonly name: string
  readonly type: string
  readonly required: boolean
  /** In words, as the sources say it. */
  readonly default?: string
  readonly text: string
}

export interface EntryDoc {
  readonly kind: 'resource' | 'role'
  /** `apt.package`, `haproxy`. */
  readonly name: string
  readonly text: string
  readonly options: readonly OptionDoc[]
  /** What a later task can read of the result, beside `changed` and `failed`. */
  readonly returns: readonly { readonly name: string; readonly type: string; readonly text: string }[]
  readonly examples: readonly string[]
  /** In the repository. */
  readonly source: string
}

/** The documentation of all resources and roles, in the order of their names. */
export function readDocumentation(): readonly EntryDoc[] {
  const file = `${packageFolder()}dist/documentation.json`
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as readonly EntryDoc[] // written by our own build
  } catch (cause) {
    throw new ProvisionError({
      code: 'internal',
      message: `${file} cannot be read, expected what the build writes`,
      hint: 'npm run build',
      cause,
    })
  }
}

/** The first sentence of a text. */
export function firstSentence(text: string): string {
  return /^.*?[.:;](?=\s|$)/s.exec(text)?.[0].replace(/[:;]$/, '.').replaceAll('\n', ' ') ?? text
}
