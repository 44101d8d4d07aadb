// archive.unpack: the content of a tar archive in a directory of its own. What is unpacked is known by the archive's checksum,
// kept in a file inside, so that neither owners nor times nor umask matter for "unchanged"; see tar(1).
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import * as v from 'valibot'
import type { FileInput } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { resolveTemplate } from '../template/resolve.ts'

const schema = {
  /** A local tar archive (.tar, .tar.gz, .tar.xz, .tar.zst): absolute, or beside the file that makes the task. */
  src: v.optional(v.string()),
  /** Where the host downloads it from, with `sha256`. Needs curl on the host. */
  url: v.optional(v.pipe(v.string(), v.regex(/^https?:\/\//, 'expected an http(s) URL'))),
  /** Checksum of what `url` gives, 64 hexadecimal digits. */
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'))),
  /** The directory; it belongs to this archive alone and is replaced as a whole. */
  dest: absolutePath,
  /** Leading parts of names to leave out, as tar's --strip-components. @default 0 */
  strip: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Owner of everything in it. @default 'root' */
  owner: v.optional(v.string()),
  /** @default 'root' */
  group: v.optional(v.string()),
}

export type UnpackArgs = ArgumentsOf<typeof schema>

interface UnpackWish extends UnpackArgs {
  readonly sha256: string
  readonly input: FileInput | undefined
}

const mark = '.provision-archive'

/**
 * Unpacks a tar archive into a directory of its own.
 * @example archive.unpack({ src: 'theme.tar.gz', dest: '/srv/theme', strip: 1 })
 */
export const unpack = defineResource<UnpackArgs, UnpackWish, { kind: string; sum: string }>({
  name: 'archive.unpack',
  schema,
  check: (args) => {
    if ((args.src === undefined) === (args.url === undefined)) return "expected one of 'src' and 'url'"
    if (args.url !== undefined && args.sha256 === undefined) return "'url' needs 'sha256'"
    return undefined
  },
  describe: (args) => args.dest,
  prepare: (args, context) => {
    if (args.src === undefined) return { ...args, sha256: args.sha256 ?? '', input: undefined }
    const path = resolveTemplate(args.src, context.from, 'archive')
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
    if (args.sha256 !== undefined && args.sha256 !== sha256)
      throw new Error(`${path} has the checksum ${sha256}, expected ${args.sha256}`)
    return { ...args, sha256, input: { path, size: statSync(path).size } }
  },
  probe: (wishes) => sh`for dest in ${wishes.map((wish) => wish.dest)}; do
  if [ -f "$dest"/${mark} ]; then echo "archive $(cat "$dest"/${mark})"
  elif [ -d "$dest" ] && [ -z "$(ls -A -- "$dest")" ]; then echo empty
  elif [ -e "$dest" ] || [ -L "$dest" ]; then echo other
  else echo absent; fi
done`,
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_, index) => {
      const [kind = '', sum = ''] = (lines[index] ?? '').split(' ')
      if (!['archive', 'empty', 'other', 'absent'].includes(kind))
        throw new Error(`unexpected line '${(lines[index] ?? '').slice(0, 60)}'`)
      return { kind, sum }
    })
  },
  plan: ({ kind, sum }, wish) => {
    const key = `${wish.sha256}-${wish.strip ?? 0}`
    if (kind === 'other')
      return {
        refused: `${wish.dest} is there and was not unpacked by provision`,
        hint: 'Give the archive a directory of its own.',
      }
    if (kind === 'archive' && sum === key) return { unchanged: `holds the archive ${wish.sha256.slice(0, 12)}` }
    const before = kind === 'archive' ? sum.slice(0, 12) : 'absent'
    return {
      changes: [
        {
          summary: `archive ${before} → ${wish.sha256.slice(0, 12)}`,
          steps: [{ script: unpackScript(wish, key), input: wish.input }],
        },
      ],
    }
  },
})

function unpackScript(wish: UnpackWish, key: string): string {
  const fetch = wish.url === undefined ? 'cat' : sh`curl -fsSL --retry 2 -- ${wish.url}`
  return sh`dest=${wish.dest}
umask 022
mkdir -p -- "$(dirname -- "$dest")"
new=$(mktemp -d -- "$dest.new.XXXXXX")
trap 'rm -rf -- "$new" "$new.archive"' EXIT
${raw(fetch)} >"$new.archive"
sum=$(sha256sum <"$new.archive") sum=${raw('${sum%% *}')}
[ "$sum" = ${wish.sha256} ] || { echo "error: the archive has the checksum $sum, expected "${wish.sha256} >&2; exit 1; }
tar -xf "$new.archive" -C "$new" --no-same-owner --strip-components=${wish.strip ?? 0}
rm -f -- "$new.archive"
printf '%s\\n' ${key} >"$new"/${mark}
chown -Rh -- ${`${wish.owner ?? 'root'}:${wish.group ?? 'root'}`} "$new"
chmod 0755 "$new"
sync
if [ -e "$dest" ]; then
  mv -T -- "$dest" "$new.old"
  mv -T -- "$new" "$dest"
  rm -rf -- "$new.old"
else
  mv -T -- "$new" "$dest"
fi`
}
