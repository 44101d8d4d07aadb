// release.deploy: releases beside each other, `current` a link that is switched by rename(2), earlier ones kept for rollback.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { create } from 'tar'
import * as v from 'valibot'
import type { ApplyStep, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { quote, sh } from '../shell/quote.ts'

const schema = {
  /** Directory of the app: `releases/` and the link `current` go below it. */
  path: absolutePath,
  /**
   * `directory`: a folder on the controller, relative to the project's root; its content is the release's identity.
   * `git`: a repository that the hosts can reach; `version` is a branch, tag or commit, resolved to a commit on the controller.
   */
  source: v.union(
    [v.strictObject({ directory: v.string() }), v.strictObject({ git: v.string(), version: v.string() })],
    'expected { directory } or { git, version }',
  ),
  /** Releases kept, the current one included. @default 5 */
  keep: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2))),
  /** Owner of the release's files. @default 'root' */
  owner: v.optional(v.string()),
  /** @default 'root' */
  group: v.optional(v.string()),
}

export type ReleaseArgs = ArgumentsOf<typeof schema>

/** What a later task may want to know. */
export interface ReleaseResult extends Outcome {
  /** Identity of the release that `current` points to. */
  readonly release: string
  /** The one before, for a rollback. */
  readonly previous: string | undefined
}

interface ReleaseWish extends ReleaseArgs {
  readonly id: string
  /** The release as a gzipped tar, made only if it must be shipped; undefined for git. */
  readonly pack: (() => Buffer) | undefined
}

interface ReleaseState {
  /** Empty = there is none. */
  readonly current: string
  /** Newest first. */
  readonly releases: readonly string[]
  readonly git: boolean
}

/**
 * Deploys a release and makes it the current one. Restart the app by a handler.
 * @example release.deploy({ path: '/srv/app', source: { git: 'https://git.example.org/app.git', version: 'v1.2.0' }, notify: restart })
 */
export const deploy = defineResource<ReleaseArgs, ReleaseWish, ReleaseState, ReleaseResult>({
  name: 'release.deploy',
  schema,
  describe: (args) => args.path,
  prepare: (args, context) => {
    const { source } = args
    if ('git' in source) return { ...args, id: resolveCommit(source.git, source.version), pack: undefined }
    const directory = localDirectory(source.directory, context.from)
    const files = listFiles(directory)
    return { ...args, id: identity(directory, files), pack: () => pack(directory, files) }
  },
  probe: (wishes) =>
    wishes
      .map(
        (wish) => sh`echo "== release"
echo "current=$(readlink -- ${`${wish.path}/current`} 2>/dev/null || :)"
if command -v git >/dev/null; then echo git=yes; else echo git=no; fi
[ ! -d ${`${wish.path}/releases`} ] || ls -1t -- ${`${wish.path}/releases`} | sed 's/^/release=/'`,
      )
      .join('\n'),
  parse: (stdout, wishes) => {
    const answers = stdout.split('== release\n').slice(1)
    return wishes.map((_, index) => {
      const answer = answers[index]
      if (!answer?.startsWith('current=')) throw new Error(`unexpected answer '${(answer ?? stdout).slice(0, 60)}'`)
      return {
        current: (/^current=(?:releases\/)?(.*)$/m.exec(answer)?.[1] ?? '').trim(),
        releases: [...answer.matchAll(/^release=(.+)$/gm)].map((match) => match[1] ?? ''),
        git: answer.includes('\ngit=yes'),
      }
    })
  },
  plan: planRelease,
})

function planRelease(state: ReleaseState, wish: ReleaseWish): Plan<ReleaseResult> {
  const others = state.releases.filter((id) => id !== wish.id)
  if (state.current === wish.id)
    return { unchanged: `release ${short(wish.id)} is current`, result: { release: wish.id, previous: others[0] } }
  if (!wish.pack && !state.git) return { unknown: 'git is not installed' }
  const result = { release: wish.id, previous: state.current || others[0] }
  const steps: ApplyStep[] = []
  if (!state.releases.includes(wish.id)) steps.push(wish.pack ? unpack(wish, wish.pack()) : checkOut(wish))
  steps.push({ script: switchTo(wish) })
  return { changes: [{ summary: `release ${short(state.current) || 'absent'} → ${short(wish.id)}`, steps }], result }
}

/** A release directory appears whole or not at all: it is filled under another name first. */
function fill(wish: ReleaseWish, how: string): string {
  const owner = `${wish.owner ?? 'root'}:${wish.group ?? 'root'}`
  return (
    sh`umask 022
path=${wish.path} id=${wish.id}
mkdir -p -- "$path/releases"
rm -rf -- "$path"/releases/.[!.]*.new
new=$path/releases/.$id.new
mkdir -- "$new"
` +
    `${how}\n` +
    sh`chown -Rh -- ${owner} "$new"
chmod -R u=rwX,go=rX -- "$new"
sync
mv -T -- "$new" "$path/releases/$id"`
  )
}

function unpack(wish: ReleaseWish, archive: Buffer): ApplyStep {
  return { script: fill(wish, 'tar -xzf - -C "$new" --no-same-owner'), input: archive }
}

function checkOut(wish: ReleaseWish): ApplyStep {
  const url = 'git' in wish.source ? wish.source.git : ''
  return {
    script: fill(
      wish,
      sh`export GIT_TERMINAL_PROMPT=0
repo=$path/repo.git
[ -d "$repo" ] || git init --quiet --bare "$repo"
git --git-dir="$repo" cat-file -e "$id^{commit}" 2>/dev/null || git --git-dir="$repo" fetch --quiet --prune ${url} '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
git --git-dir="$repo" cat-file -e "$id^{commit}" 2>/dev/null || { echo "error: commit $id is not in "${url} >&2; exit 1; }
git --git-dir="$repo" archive --format=tar "$id" | tar -xf - -C "$new"`,
    ),
  }
}

function switchTo(wish: ReleaseWish): string {
  return sh`path=${wish.path} id=${wish.id}
touch -- "$path/releases/$id"
ln -sfn -- "releases/$id" "$path/.current.new"
mv -fT -- "$path/.current.new" "$path/current"
ls -1t -- "$path/releases" | tail -n +${(wish.keep ?? 5) + 1} | while IFS= read -r old; do
  [ "$old" = "$id" ] || rm -rf -- "$path/releases/$old"
done`
}

function short(id: string): string {
  return id.slice(0, 12)
}

/** The project's root is the nearest folder with a package.json above the file that made the task. */
function localDirectory(directory: string, from: string): string {
  let root = dirname(from)
  while (root !== dirname(root) && !existsSync(join(root, 'package.json'))) root = dirname(root)
  const path = isAbsolute(directory) ? directory : resolve(root, directory)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`the source directory '${directory}' was not found (looked at ${path})`)
  }
  return path
}

function listFiles(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below), { withFileTypes: true })
    .filter((entry) => entry.name !== '.git')
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      return entry.isDirectory() ? listFiles(directory, path) : [path]
    })
}

/** The same content has the same identity on every controller: names, contents, links and execute bits count, times do not. */
function identity(directory: string, files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) {
    const path = join(directory, file)
    const status = lstatSync(path)
    const content = status.isSymbolicLink() ? readlinkSync(path) : readFileSync(path)
    hash
      .update(`${file}\0${status.isSymbolicLink() ? 'l' : status.mode & 0o100 ? 'x' : '-'}\0${content.length}\0`)
      .update(content)
  }
  return hash.digest('hex').slice(0, 40)
}

function pack(directory: string, files: readonly string[]): Buffer {
  // names that start with @ mean another archive to tar's list
  const list = files.map((file) => (file.startsWith('@') ? `./${file}` : file))
  // one time for all files, the newest: web servers make their ETags of it, so it must be the same on every host
  const mtime = new Date(Math.max(0, ...files.map((file) => lstatSync(join(directory, file)).mtimeMs)))
  const stream = create({ sync: true, gzip: { level: 1 }, portable: true, mtime, cwd: directory }, list)
  const parts: Buffer[] = []
  for (let part = stream.read(); part; part = stream.read()) parts.push(part)
  return Buffer.concat(parts)
}

/** A branch moves, so it becomes a commit here, once, and all hosts get the same. */
function resolveCommit(url: string, version: string): string {
  if (/^[0-9a-f]{40}$/.test(version)) return version
  let answer: string
  try {
    answer = execFileSync(
      'git',
      ['ls-remote', '--', url, `refs/heads/${version}`, `refs/tags/${version}`, `refs/tags/${version}^{}`],
      {
        encoding: 'utf8',
        timeout: 30_000,
        env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
  } catch (error) {
    throw new Error(
      `git ls-remote ${quote(url)} failed: ${error instanceof Error ? error.message.trim() : String(error)}`,
    )
  }
  const lines = answer.trim().split('\n')
  // an annotated tag stands for the commit behind it, which comes as ^{}
  const line = lines.find((entry) => entry.endsWith('^{}')) ?? lines[0] ?? ''
  const commit = line.split('\t')[0] ?? ''
  if (!/^[0-9a-f]{40}$/.test(commit))
    throw new Error(`version '${version}' is neither a branch, nor a tag, nor a full commit id of ${url}`)
  return commit
}
