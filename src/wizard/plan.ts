// What writing would do to each file, before anything is written.
import type { Answers } from './answers.ts'
import { filesFor, type ProjectContext, packageFile } from './files.ts'
import { mergeText } from './merge.ts'

export type FilePlan =
  | {
      readonly path: string
      readonly kind: 'new' | 'changed' | 'same'
      readonly before: string
      readonly after: string /** Hand edits stay. */
      readonly edited: boolean
    }
  | {
      readonly path: string
      readonly kind: 'conflict'
      readonly before: string /** What we would write instead. */
      readonly after: string
      readonly places: readonly string[]
    }

/** Plans every file. `read` gives the present text; `last` are the answers of the last time. */
export function planFiles(
  answers: Answers,
  last: Answers | undefined,
  context: ProjectContext,
  read: (path: string) => string | undefined,
): FilePlan[] {
  const written = last ? filesFor(last, context) : new Map<string, string>()
  return [...filesFor(answers, context)].map(([path, wished]): FilePlan => {
    const present = read(path)
    const base = written.get(path)
    const before = present ?? ''
    // the answers are the wizard's own: there is nothing to merge
    const own = path === 'provision.answers.json'
    const merged = own
      ? ({ kind: 'text', text: wished, edited: false } as const)
      : (adopt(path, base, present, context) ?? mergeText(base, present, wished))
    if (merged.kind === 'conflict') return { path, kind: 'conflict', before, after: wished, places: merged.places }
    const kind = present === undefined ? 'new' : present === merged.text ? 'same' : 'changed'
    return { path, kind, before, after: merged.text, edited: merged.edited }
  })
}

/** Files that a project may have before it meets the wizard get what they lack. */
function adopt(path: string, base: string | undefined, present: string | undefined, context: ProjectContext) {
  if (base !== undefined || present === undefined) return undefined
  if (path === 'tsconfig.json') return { kind: 'text', text: present, edited: true } as const
  if (path === '.gitignore') {
    const missing = ['node_modules/', '.provision/'].filter((line) => !present.split('\n').includes(line))
    const start = present === '' || present.endsWith('\n') ? present : `${present}\n`
    return {
      kind: 'text',
      text: missing.length === 0 ? present : `${start}${missing.join('\n')}\n`,
      edited: true,
    } as const
  }
  if (path !== 'package.json') return undefined
  const parsed = parseObject(present)
  if (!parsed) return undefined
  const ours = packageFile(context)
  const dependencies = { ...ours.dependencies, ...asObject(parsed.dependencies) }
  const text = `${JSON.stringify({ ...parsed, type: parsed.type ?? 'module', dependencies }, undefined, 2)}\n`
  return { kind: 'text', text, edited: true } as const
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}
