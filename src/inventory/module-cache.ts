// Bundles kept between runs in `.provision/cache`, each with a manifest of the files it was made of. A file's time and size
// tell whether it changed. Everything is written beside and renamed, so that runs at the same time do no harm to each other.
import { createHash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import type { Bundle } from './bundle.ts'
import { type FileStamp, isUnchanged, stampOf } from './file-stamp.ts'

/** A bundle that can be imported. */
export interface StoredBundle {
  /** Path of the `.mjs`. */
  readonly file: string
  /** Absolute paths of the user's files in it. */
  readonly inputs: readonly string[]
  /** Whether it lies in a folder of its own that must be removed after the import. */
  readonly temporary: boolean
}

/** The cache's place for one module. */
export interface ModuleCache {
  /** The kept bundle, if nothing it was made of has changed. */
  readonly find: () => StoredBundle | undefined
  /** Keeps a bundle. */
  readonly keep: (bundle: Bundle) => StoredBundle
}

interface Manifest {
  readonly key: string
  readonly output: string
  readonly inputs: readonly FileStamp[]
  /** Files that esbuild reads beside the inputs. */
  readonly settings: readonly FileStamp[]
}

/** Raised when bundles of old versions must not be used any more. */
const format = 1
const pruneOlderThan = 60_000
const forgetOlderThan = 30 * 24 * 3600_000

/** The cache of one module of a project; `key` is whatever else a bundle depends on. */
export function moduleCache(project: string, entry: string, key: string): ModuleCache {
  const folder = join(project, '.provision', 'cache')
  const prefix = `${basename(entry, extname(entry))}-${hash(entry)}`
  const manifestFile = join(folder, `${prefix}.json`)
  const fullKey = `${format} ${key}`
  // They decide how imports and syntax are read, but esbuild does not count them as inputs.
  const settings = [join(project, 'package.json'), join(project, 'tsconfig.json')].map(stampOf)
  return {
    find: () => {
      const manifest = readManifest(manifestFile)
      if (manifest?.key !== fullKey) return undefined
      const file = join(folder, manifest.output)
      if (!existsSync(file) || ![...manifest.inputs, ...manifest.settings].every(isUnchanged)) return undefined
      return { file, inputs: manifest.inputs.map(([path]) => path), temporary: false }
    },
    keep: (bundle) => {
      const output = `${prefix}-${hash(bundle.code + bundle.map)}.mjs`
      const target = prepareFolder(folder)
      const code = `${bundle.code}//# sourceMappingURL=${output}.map\n`
      replaceFile(join(target, `${output}.map`), bundle.map)
      replaceFile(join(target, output), code)
      const stored = {
        file: join(target, output),
        inputs: bundle.inputs.map(([path]) => path),
        temporary: target !== folder,
      }
      if (stored.temporary) return stored
      const manifest: Manifest = { key: fullKey, output, inputs: bundle.inputs, settings }
      replaceFile(manifestFile, JSON.stringify(manifest))
      prune(folder, prefix, [output, `${output}.map`, `${prefix}.json`])
      return stored
    },
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10)
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest // written by us, whole or not at all
  } catch {
    return undefined
  }
}

/** The cache folder, made if need be; a temporary one where the project cannot be written to. */
function prepareFolder(folder: string): string {
  try {
    const made = mkdirSync(folder, { recursive: true })
    if (made === dirname(folder)) writeFileSync(join(made, '.gitignore'), '*\n')
    const trial = join(folder, randomUUID())
    writeFileSync(trial, '')
    rmSync(trial)
    return folder
  } catch {
    return mkdtempSync(join(tmpdir(), 'hostwright-'))
  }
}

function replaceFile(path: string, content: string): void {
  const temporary = `${path}.${randomUUID()}`
  writeFileSync(temporary, content)
  renameSync(temporary, path)
}

/** Removes former bundles of this module, and what nobody used for a month. */
function prune(folder: string, prefix: string, current: readonly string[]): void {
  for (const name of readdirSync(folder)) {
    if (current.includes(name)) continue
    const path = join(folder, name)
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    // Not the newest ones: a run that started a moment ago may be about to import them.
    if (age > (name.startsWith(`${prefix}-`) || name.startsWith(`${prefix}.`) ? pruneOlderThan : forgetOlderThan))
      rmSync(path, { force: true })
  }
}
