// Where a release comes from, as the controller sees it: a folder with an identity and a pack of its content, or a commit.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { commitOf, isCommit, referencesOf } from './git-ref.ts'

/** A local folder as a release. */
export interface Folder {
  /** The same content has the same identity on every controller. */
  readonly id: string
  readonly directory: string
  readonly files: readonly string[]
}

/**
 * Reads a folder, relative to the project's root: the nearest folder with a package.json above the file that made the task.
 * `onRead` is told each folder and file in it.
 */
export function readFolder(directory: string, from: string, onRead?: (path: string) => void): Folder {
  let root = dirname(from)
  while (root !== dirname(root) && !existsSync(join(root, 'package.json'))) root = dirname(root)
  const path = isAbsolute(directory) ? directory : resolve(root, directory)
  onRead?.(path)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`the source directory '${directory}' was not found (looked at ${path})`)
  const entries = listEntries(path, '', onRead)
  if (entries.length === 0) throw new Error(`the source directory ${path} is empty`)
  return { id: identity(path, entries), directory: path, files: entries.map((entry) => entry.path) }
}

/** The folder's files as a gzipped tar. */
export function packFolder({ directory, files }: Folder): Buffer {
  // loaded only here: it takes 40 ms, and most runs ship nothing
  const { create } = createRequire(import.meta.url)('tar') as typeof import('tar')
  // names that start with @ mean another archive to tar's list
  const list = files.map((file) => (file.startsWith('@') ? `./${file}` : file))
  // one time for all files, the newest: web servers make ETags of it, so it must differ between releases and be the same on every host
  const mtime = new Date(Math.max(...files.map((file) => lstatSync(join(directory, file)).mtimeMs)))
  const stream = create({ sync: true, gzip: { level: 1 }, portable: true, mtime, cwd: directory }, list)
  const parts: Buffer[] = []
  for (let part = stream.read(); part; part = stream.read()) parts.push(part)
  return Buffer.concat(parts)
}

interface Entry {
  readonly path: string
  readonly link: boolean
}

function listEntries(directory: string, below: string, onRead?: (path: string) => void): Entry[] {
  return readdirSync(join(directory, below), { withFileTypes: true })
    .filter((entry) => entry.name !== '.git')
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry): Entry[] => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      onRead?.(join(directory, path))
      if (entry.isDirectory()) return listEntries(directory, path, onRead)
      if (!entry.isFile() && !entry.isSymbolicLink())
        throw new Error(
          `${join(directory, path)} is neither a file, nor a directory, nor a link, and cannot be shipped`,
        )
      return [{ path, link: entry.isSymbolicLink() }]
    })
}

/** Names, contents, links and execute bits count, times and owners do not. */
function identity(directory: string, entries: readonly Entry[]): string {
  const hash = createHash('sha256')
  for (const { path, link } of entries) {
    const file = join(directory, path)
    const content = link ? Buffer.from(readlinkSync(file)) : readFileSync(file)
    const kind = link ? 'l' : statSync(file).mode & 0o100 ? 'x' : '-'
    hash.update(`${path}\0${kind}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 40)
}

/** The commit that a version stands for now. A branch moves, so this is asked once, here, and all hosts get the same. */
export function resolveCommit(url: string, version: string): string {
  if (isCommit(version)) return version
  let answer: string
  try {
    // without a terminal to ask on: a run must not wait for a password
    answer = execFileSync('env', ['GIT_TERMINAL_PROMPT=0', 'git', 'ls-remote', '--', url, ...referencesOf(version)], {
      encoding: 'utf8',
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
    throw new ProvisionError({
      code: 'input',
      message: `git ls-remote ${url} failed on this machine, which resolves '${version}' to a commit`,
      detail: said || 'nothing on stderr',
      hint: 'Give the full commit id as version if only the hosts can reach the repository.',
      cause: error,
    })
  }
  const commit = commitOf(answer, version)
  if (commit === '')
    throw new Error(`version '${version}' is neither a branch, nor a tag, nor a full commit id of ${url}`)
  return commit
}
