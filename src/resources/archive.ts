// archive.unpack: the content of a tar archive in a directory of its own. What is unpacked is known by the archive's checksum,
// kept in a file inside, so that neither owners nor times nor umask matter for "unchanged"; see tar(1).

import { statSync } from 'node:fs'
import { posix } from 'node:path'
import * as v from 'valibot'
import type { Change, FileInput, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { resolveTemplate } from '../template/resolve.ts'
import { hashFile } from './file-source.ts'
import {
  attributeChanges,
  ownerWord,
  type PathStatus,
  parseStatus,
  plainPath,
  planOfChanges,
  refuseDenied,
  statusProbe,
} from './file-status.ts'

const schema = {
  /** A local tar archive (.tar, .tar.gz, .tar.xz, .tar.bz2, .tar.zst): absolute, or beside the file that makes the task. */
  src: v.optional(v.string()),
  /** Where the host downloads it from, with `sha256`. Needs curl or wget on the host. */
  url: v.optional(v.pipe(v.string(), v.regex(/^https?:\/\/[^\s]+$/, 'expected an http(s) URL'))),
  /** Checksum of what `url` gives, 64 hexadecimal digits. */
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'))),
  /** The directory; it belongs to this archive alone and is replaced as a whole, unless `creates` is given. */
  dest: absolutePath,
  /**
   * Path that the archive brings, relative to `dest`: the archive is unpacked *into* a directory that others use too
   * (`/usr/local`), and counts as unpacked while this path exists. @default `dest` belongs to the archive alone
   */
  creates: v.optional(v.pipe(v.string(), v.regex(/^[^/]/, 'expected a relative path'))),
  /** Leading parts of names to leave out, as tar's --strip-components. @default 0 */
  strip: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Owner of everything in it. @default 'root' */
  owner: v.optional(v.string()),
  /** Group of everything in it. @default 'root' */
  group: v.optional(v.string()),
}

export type UnpackArgs = ArgumentsOf<typeof schema>

interface UnpackWish extends UnpackArgs {
  readonly sha256: string
  readonly input: FileInput | undefined
}

interface UnpackState {
  readonly status: PathStatus
  /** `made`: what `creates` names is there. */
  readonly kind: 'archive' | 'made' | 'empty' | 'other' | 'absent'
  /** What is unpacked there. */
  readonly key: string
  /** Commands that the host has, of those that archives need. */
  readonly tools: readonly string[]
}

const mark = '.provision-archive'
const tools = ['curl', 'wget', 'xz', 'bzip2', 'zstd']

/**
 * Unpacks a tar archive into a directory of its own.
 * @example archive.unpack({ src: 'theme.tar.gz', dest: '/srv/theme', strip: 1 })
 */
export const unpack = defineResource<UnpackArgs, UnpackWish, UnpackState>({
  name: 'archive.unpack',
  schema,
  check: (args) => {
    if ((args.src === undefined) === (args.url === undefined)) return "expected one of 'src' and 'url'"
    if (args.url !== undefined && args.sha256 === undefined) return "'url' needs 'sha256'"
    const name = args.src ?? args.url ?? ''
    if (/\.(zip|jar|war|rar|7z)$/i.test(name)) return `'${name}' is no tar archive; only those can be unpacked`
    return undefined
  },
  describe: (args) => args.dest,
  prepare: (given, context) => {
    const args = { ...given, dest: plainPath(given.dest) }
    if (args.src === undefined) return { ...args, sha256: args.sha256 ?? '', input: undefined }
    const path = resolveTemplate(args.src, context.from, 'archive', context.onRead)
    const once = context.once ?? ((_, make) => make())
    const sha256 = once(`archive.unpack\0${path}`, () => hashFile(path))
    if (args.sha256 !== undefined && args.sha256 !== sha256)
      throw new Error(`${path} has the checksum ${sha256}, expected ${args.sha256}`)
    return { ...args, sha256, input: { path, size: statSync(path).size } }
  },
  probe: (wishes) =>
    [
      statusProbe(
        wishes.map((wish) => wish.dest),
        wishes.map(() => false),
      ),
      ...wishes.map(
        ({ dest, creates }, index) => sh`dest=${dest} creates=${creates ?? ''} n=${index}
if [ -n "$creates" ] && [ -e "$dest/$creates" ]; then echo "kind $n made"
elif [ -f "$dest"/${mark} ]; then echo "kind $n archive $(head -n 1 "$dest"/${mark})"
elif [ -d "$dest" ] && [ -z "$(ls -A -- "$dest")" ]; then echo "kind $n empty"
elif [ -e "$dest" ] || [ -L "$dest" ]; then echo "kind $n other"
else echo "kind $n absent"; fi`,
      ),
      sh`for tool in ${tools}; do ! command -v $tool >/dev/null || echo "tool $tool"; done`,
    ].join('\n'),
  parse: (stdout, wishes) => {
    const kinds = new Map(
      [...stdout.matchAll(/^kind (\d+) (archive|made|empty|other|absent) ?(.*)$/gm)].map(([, n, kind, key = '']) => [
        Number(n),
        { kind: kind as UnpackState['kind'], key },
      ]),
    ) // the words of the expression
    const found = [...stdout.matchAll(/^tool (\w+)$/gm)].map((match) => match[1] ?? '')
    return parseStatus(
      stdout,
      wishes.map((wish) => wish.dest),
    ).map((status, index) => {
      const known = kinds.get(index)
      if (!known) throw new Error(`unexpected answer '${stdout.slice(0, 60)}'`)
      return { status, ...known, tools: found }
    })
  },
  plan: planUnpack,
})

function planUnpack(state: UnpackState, wish: UnpackWish): Plan {
  const { status, kind } = state
  const key = `${wish.sha256}-${wish.strip ?? 0}`
  if (status.type === 'denied') return refuseDenied(wish.dest)
  if (kind === 'made') return { unchanged: `${wish.creates} is there` }
  if (status.type !== 'directory' && status.type !== 'absent')
    return { refused: `${wish.dest} is a file, expected a directory` }
  if (kind === 'other' && wish.creates === undefined) {
    return {
      refused: `${wish.dest} is there and was not unpacked by provision`,
      hint: "Give the archive a directory of its own, or name with 'creates' what it brings into this one.",
    }
  }
  if (kind === 'archive' && state.key === key && wish.creates === undefined) {
    const attributes = attributeChanges(status, { owner: wish.owner, group: wish.group }, wish.dest)
    return planOfChanges(
      attributes.map(
        ({ summary }): Change => ({ summary, steps: [{ script: sh`chown -Rh -- ${ownerWord(wish)} ${wish.dest}` }] }),
      ),
      `holds the archive ${wish.sha256.slice(0, 12)}`,
    )
  }
  const missing = missingTool(state.tools, wish)
  if (missing) return { unknown: `${missing} is not installed` }
  const before = kind === 'archive' ? state.key.slice(0, 12) : 'absent'
  return {
    changes: [
      {
        summary: `archive ${before} → ${wish.sha256.slice(0, 12)}`,
        steps: [{ script: unpackScript(wish, key), input: wish.input }],
      },
    ],
  }
}

/** What the host needs to fetch and open the archive, going by its name. */
function missingTool(found: readonly string[], { src, url }: UnpackArgs): string | undefined {
  if (url !== undefined && !found.includes('curl') && !found.includes('wget')) return 'curl'
  const name = (src ?? url ?? '').replace(/[?#].*$/, '')
  const byEnding: Readonly<Record<string, string>> = {
    xz: 'xz',
    txz: 'xz',
    bz2: 'bzip2',
    tbz2: 'bzip2',
    zst: 'zstd',
    tzst: 'zstd',
  }
  const tool = byEnding[name.slice(name.lastIndexOf('.') + 1)]
  return tool === undefined || found.includes(tool) ? undefined : tool
}

// Unpacked beside its place under a hidden name, then renamed. Between the two renames `old` holds what was there: the next run
// puts it back before anything else.
function unpackScript(wish: UnpackWish, key: string): string {
  const hidden = posix.join(posix.dirname(wish.dest), `.${posix.basename(wish.dest)}.provision`)
  const fetch =
    wish.url === undefined
      ? 'cat'
      : sh`{ if command -v curl >/dev/null; then curl -fsSL --retry 2 --connect-timeout 15 -- ${wish.url}; else wget -q -O - -- ${wish.url}; fi; }`
  const place =
    wish.creates === undefined
      ? sh`printf '%s\\n' ${key} >"$new"/${mark}
chown -- ${`${wish.owner ?? 'root'}:${wish.group ?? 'root'}`} "$new"/${mark}
if [ -e "$dest" ]; then mv -T -- "$dest" "$old"; fi
mv -T -- "$new" "$dest"
rm -rf -- "$old"`
      : sh`[ -e "$new/"${wish.creates} ] || { echo "error: the archive does not bring "${wish.creates} >&2; exit 1; }
mkdir -p -- "$dest"
chown -- "$(stat -L -c %u:%g -- "$dest")" "$new"
chmod -- "0$(stat -L -c %a -- "$dest")" "$new"
cp -af -- "$new/." "$dest/"`
  return sh`dest=${wish.dest} hidden=${hidden}
new=$hidden-new old=$hidden-old archive=$hidden-archive
umask 022
mkdir -p -- "$(dirname -- "$dest")"
[ ! -e "$old" ] || [ -e "$dest" ] || mv -T -- "$old" "$dest"
trap 'rm -rf -- "$new" "$archive"' EXIT
trap 'exit 143' HUP INT TERM
rm -rf -- "$new" "$archive" "$old"
mkdir -- "$new"
${raw(fetch)} >"$archive"
sum=$(sha256sum <"$archive")
[ "\${sum%% *}" = ${wish.sha256} ] || { echo "error: the archive has the checksum \${sum%% *}, expected "${wish.sha256} >&2; exit 1; }
# busybox tar knows a compression only by the file's name
case $(od -An -N6 -tx1 <"$archive" | tr -d ' \\n') in
  1f8b*) packed=-z ;; 425a68*) packed=-j ;; fd377a585a00) packed=-J ;; 28b52ffd*) packed=--zstd ;; *) packed= ;;
esac
tar $packed -xof "$archive" -C "$new" --strip-components=${wish.strip ?? 0}
rm -f -- "$archive"
chown -Rh -- ${`${wish.owner ?? 'root'}:${wish.group ?? 'root'}`} "$new"
chmod 00755 "$new"
sync -f -- "$new" 2>/dev/null || sync
${raw(place)}`
}
