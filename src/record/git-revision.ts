import { readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'

/** The commit that is checked out around a folder, read from git's files: starting git would cost more than all else of a record. */
export function gitRevision(folder: string): string | undefined {
  try {
    const directory = gitDirectory(folder)
    if (directory === undefined) return undefined
    const head = read(join(directory, 'HEAD'))
    const name = /^ref: (.+)$/.exec(head ?? '')?.[1]
    if (name === undefined) return commit(head)
    // the branches of a linked worktree lie in the main one (gitrepository-layout(5), commondir)
    const common = resolve(directory, read(join(directory, 'commondir')) ?? '.')
    const packed = () =>
      new RegExp(`^([0-9a-f]{40,64}) ${escapePattern(name)}$`, 'm').exec(read(join(common, 'packed-refs')) ?? '')?.[1]
    return commit(read(join(common, name))) ?? commit(packed())
  } catch {
    return undefined // a repository of another layout; the record does without
  }
}

function gitDirectory(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, '.git')
    const status = statSync(path, { throwIfNoEntry: false })
    if (status?.isDirectory()) return path
    const link = status && /^gitdir: (.+)$/.exec(read(path) ?? '')?.[1]
    if (link) return isAbsolute(link) ? link : join(at, link)
    if (at === dirname(at)) return undefined
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

function commit(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text) ? text : undefined
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
