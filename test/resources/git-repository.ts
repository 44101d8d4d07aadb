import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inDirectory } from './on-disk.ts'

/** A repository to check out, on branch `main`, with nothing in it. */
export interface Repository {
  readonly path: string
  readonly git: (...args: string[]) => string
  /** Commits `file` with this text; gives the commit. */
  readonly commit: (text: string) => string
}

export function makeRepository(): Repository {
  const path = inDirectory()
  const own = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'protocol.file.allow=always']
  const git = (...args: string[]) => execFileSync('git', ['-C', path, ...own, ...args], { encoding: 'utf8' }).trim()
  git('init', '--quiet', '--initial-branch=main')
  const commit = (text: string) => {
    writeFileSync(join(path, 'file'), text)
    git('add', '.')
    git('commit', '--quiet', '-m', text)
    return git('rev-parse', 'HEAD')
  }
  return { path, git, commit }
}
