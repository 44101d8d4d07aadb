// Loads a user's TypeScript module: bundled once, cached, imported. esbuild is not even loaded while nothing has changed.
import { randomUUID } from 'node:crypto'
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { ProvisionError } from '../core/error.ts'
import { nearest } from '../core/schema.ts'
import { bundleModule } from './bundle.ts'
import { evaluationError } from './evaluation-error.ts'
import { moduleCache, type StoredBundle } from './module-cache.ts'

/** What is loaded, for messages and as the error's code. */
export type ModuleKind = 'inventory' | 'playbook'

export interface LoadOptions {
  readonly kind: ModuleKind
  /** The URL of this package's own modules, so that there is one copy in the process. @default the package that this file is of */
  readonly packageEntry?: (specifier: string) => string
}

/** An evaluated module. */
export interface LoadedModule {
  /** Absolute path. */
  readonly file: string
  /** The path as messages show it, relative to the project. */
  readonly name: string
  readonly exports: Readonly<Record<string, unknown>>
  /** All local files that it was made of; a watcher watches these. */
  readonly inputs: readonly string[]
  /** What its code threw, as an error that points at the user's line. */
  readonly explain: (error: unknown) => Promise<ProvisionError>
}

const extensions = ['.ts', '.mts', '.js', '.mjs']

/** Loads and evaluates a module, anew each time; throws a ProvisionError that points into the user's file. */
export async function loadModule(path: string, options: LoadOptions): Promise<LoadedModule> {
  const file = findModule(path, options.kind)
  const project = findProject(file)
  const name = relative(project, file)
  const packageEntry = options.packageEntry ?? ((specifier) => import.meta.resolve(specifier))
  const cache = moduleCache(project, file, packageEntry('hostwright'))
  const build = async (): Promise<StoredBundle> => {
    return cache.keep(await bundleModule({ entry: file, project, code: options.kind, packageEntry }))
  }
  const evaluate = async (bundle: StoredBundle): Promise<LoadedModule> => {
    const explain = (error: unknown) =>
      evaluationError(error, {
        name,
        project,
        code: options.kind,
        inputs: bundle.inputs,
        own: packageEntry('hostwright'),
      })
    try {
      return { file, name, exports: await importFresh(bundle.file), inputs: bundle.inputs, explain }
    } catch (error) {
      throw new Thrown(error, explain)
    } finally {
      if (bundle.temporary) rmSync(dirname(bundle.file), { recursive: true })
    }
  }
  const cached = cache.find()
  try {
    return await evaluate(cached ?? (await build()))
  } catch (error) {
    if (!(error instanceof Thrown)) throw error
    // A package may have moved since the bundle was made.
    if (!cached || !isMissingModule(error.thrown)) throw await error.explain(error.thrown)
  }
  try {
    return await evaluate(await build())
  } catch (error) {
    throw error instanceof Thrown ? await error.explain(error.thrown) : error
  }
}

/** What the module's own code threw, told apart from our errors. */
class Thrown {
  readonly thrown: unknown
  readonly explain: (error: unknown) => Promise<ProvisionError>

  constructor(thrown: unknown, explain: (error: unknown) => Promise<ProvisionError>) {
    this.thrown = thrown
    this.explain = explain
  }
}

async function importFresh(file: string): Promise<Readonly<Record<string, unknown>>> {
  // Before the import: Node keeps only the source maps of what is loaded from now on.
  process.setSourceMapsEnabled(true)
  const url = pathToFileURL(file)
  url.searchParams.set('load', randomUUID())
  return await import(url.href)
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
}

function findModule(path: string, kind: ModuleKind): string {
  const file = resolve(path)
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: kind, message: `${kind} ${path} ${message}`, hint })
  }
  const status = statSync(file, { throwIfNoEntry: false })
  if (!status) {
    const near = nearest(basename(file), namesIn(dirname(file)))
    return fail('does not exist', near ? `Did you mean ${join(dirname(path), near)}?` : undefined)
  }
  if (status.isDirectory()) {
    const usual = kind === 'inventory' ? 'hosts.ts' : 'site.ts'
    const hint = namesIn(file).includes(usual) ? `Did you mean ${join(path, usual)}?` : undefined
    return fail('is a folder, expected a TypeScript file', hint)
  }
  if (!extensions.includes(extname(file)))
    return fail(`is no TypeScript or JavaScript module (${extensions.join(', ')})`)
  return realpathSync(file)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The nearest folder above with a `package.json`, else the file's own. */
function findProject(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (statSync(join(folder, 'package.json'), { throwIfNoEntry: false })) return folder
    if (folder === dirname(folder)) return dirname(file)
  }
}
