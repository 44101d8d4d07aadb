// One JavaScript file from a user's TypeScript module and the local files it imports. Packages stay outside: each is named by
// the absolute place that it has for the importing file, so that it does not matter where the bundle lies.
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuildResult, Loader, OnResolveResult, Plugin } from 'esbuild'
import type { ErrorCode } from '../core/error.ts'
import { buildError } from './build-error.ts'
import { type FileStamp, stampOf } from './file-stamp.ts'

/** A bundle: code, its source map, and the files that it was made of. */
export interface Bundle {
  readonly code: string
  /** Source map with absolute `file:` sources. */
  readonly map: string
  /** All local files, each as it was just before it was read. */
  readonly inputs: readonly FileStamp[]
}

/** What to bundle. */
export interface BundleRequest {
  /** Absolute path of the module. */
  readonly entry: string
  /** The folder that messages are relative to. */
  readonly project: string
  readonly code: ErrorCode
  /** The URL of this package's own modules: `hostwright`, `hostwright/testing`. */
  readonly packageEntry: (specifier: string) => string
}

const own = /^hostwright(\/|$)/
const meta = 'hostwright-meta'
const loaders: Readonly<Record<string, Loader>> = {
  '.mts': 'ts',
  '.cts': 'ts',
  '.ts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
}

/** Bundles a module; throws a ProvisionError with the user's file and line for what does not parse or is not found. */
export async function bundleModule(request: BundleRequest): Promise<Bundle> {
  const { build } = await import('esbuild')
  const stamps = new Map<string, FileStamp>()
  let result: BuildResult<{ write: false }>
  try {
    result = await build({
      entryPoints: [request.entry],
      absWorkingDir: request.project,
      outfile: join(request.project, 'bundle.mjs'),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      sourcesContent: false,
      treeShaking: false,
      ignoreAnnotations: true,
      logLevel: 'silent',
      define: { 'import.meta': '__provision_meta' },
      plugins: [resolvePlugin(request), stampPlugin(stamps), metaPlugin()],
    })
  } catch (error) {
    throw buildError(error, request.project, request.code)
  }
  const [map, code] = ['.map', '.mjs'].map(
    (end) => result.outputFiles.find((file) => file.path.endsWith(end))?.text ?? '',
  )
  return {
    code: code ?? '',
    map: absoluteSources(map ?? '', request.project),
    inputs: [...stamps.values()].sort(([left], [right]) => (left < right ? -1 : 1)),
  }
}

function resolvePlugin(request: BundleRequest): Plugin {
  return {
    name: 'hostwright-resolve',
    setup(build) {
      const ourQuestion = {}
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.kind === 'entry-point' || args.pluginData === ourQuestion) return undefined
        if (own.test(args.path)) return ownModule(args.path, request)
        if (isBuiltin(args.path)) return { path: args.path, external: true }
        if (/^(data|https?|file):/.test(args.path)) return undefined
        const found = await build.resolve(args.path, {
          kind: args.kind,
          importer: args.importer,
          resolveDir: args.resolveDir,
          with: args.with,
          pluginData: ourQuestion,
        })
        if (found.errors.length > 0 || found.external) return found
        return isPackageCode(found.path) ? { path: pathToFileURL(found.path).href, external: true } : found
      })
    },
  }
}

function ownModule(specifier: string, request: BundleRequest): OnResolveResult {
  try {
    return { path: request.packageEntry(specifier), external: true }
  } catch {
    return { errors: [{ text: `Could not resolve "${specifier}"` }] } // esbuild adds the place of the import
  }
}

/** Whether Node can and should load a file itself: JavaScript or an addon of an installed package. */
function isPackageCode(path: string): boolean {
  return /[\\/]node_modules[\\/]/.test(path) && /\.(js|mjs|cjs|node)$/.test(path)
}

/** Notes each file's time and size before it is read: what changes later is seen as changed. */
function stampPlugin(stamps: Map<string, FileStamp>): Plugin {
  return {
    name: 'hostwright-stamp',
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: 'file' }, (args) => {
        stamps.set(args.path, stampOf(args.path))
        return undefined
      })
    },
  }
}

/** `import.meta` means the original file. The import is added at the end, where it moves no line and no column. */
function metaPlugin(): Plugin {
  return {
    name: 'hostwright-meta',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async (args) => {
        const contents = await readFile(args.path, 'utf8')
        if (!contents.includes('import.meta')) return undefined
        const addition = `\nimport __provision_meta from ${JSON.stringify(`${meta}:${args.path}`)}`
        return { contents: contents + addition, loader: loaders[extname(args.path)] ?? 'js' }
      })
      build.onResolve({ filter: new RegExp(`^${meta}:`) }, (args) => ({
        path: args.path.slice(meta.length + 1),
        namespace: meta,
      }))
      build.onLoad({ filter: /.*/, namespace: meta }, (args) => {
        const url = pathToFileURL(args.path).href
        return {
          contents: [
            `import { createRequire } from 'node:module'`,
            `import { pathToFileURL } from 'node:url'`,
            `const url = ${JSON.stringify(url)}`,
            `const resolve = (specifier) => /^\\.{0,2}\\//.test(specifier) ? new URL(specifier, url).href : pathToFileURL(createRequire(url).resolve(specifier)).href`,
            `export default { url, filename: ${JSON.stringify(args.path)}, dirname: ${JSON.stringify(dirname(args.path))}, resolve }`,
          ].join('\n'),
          loader: 'js',
        }
      })
    },
  }
}

function absoluteSources(map: string, folder: string): string {
  const parsed: { sources: string[] } = JSON.parse(map)
  parsed.sources = parsed.sources.map((source) =>
    source.startsWith(`${meta}:`) ? source : pathToFileURL(join(folder, source)).href,
  )
  return JSON.stringify(parsed)
}
