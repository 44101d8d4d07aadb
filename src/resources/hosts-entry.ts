// Lines of /etc/hosts, hosts(5), between two marker lines of ours; all other lines are left alone.
import { isIP } from 'node:net'
import * as v from 'valibot'
import type { Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { fileFootprint } from './areas.ts'
import { contentOf, fileOf, parseTextFiles, type TextFile, textFilesProbe, writeTextFile } from './text-file.ts'

const path = '/etc/hosts'

const address = v.pipe(
  v.string(),
  v.check((text) => isIP(text) !== 0, 'expected an IP address'),
)
const names = v.pipe(
  v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/, 'expected a host name'))),
  v.minLength(1, 'expected at least one name'),
)

const schema = {
  /** One address with its names. */
  address: v.optional(address),
  /** Its names, the canonical one first. */
  names: v.optional(names),
  /** Several lines that belong together, instead of `address` and `names`. */
  entries: v.optional(v.array(v.strictObject({ address, names }))),
  /** Names the block, so that a later run finds it again. @default the address */
  block: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.: -]+$/, 'expected a short name'))),
  /** Whether the entry is there. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
}

export type HostsEntryArgs = ArgumentsOf<typeof schema>

/**
 * Names in `/etc/hosts`: one address, or a block of them that is kept as a whole.
 * @example hosts.entry({ address: '192.0.2.10', names: ['db.internal', 'db'] })
 * @example hosts.entry({ block: 'peers', entries: peers.map((peer) => ({ address: peer.address, names: [peer.name] })) })
 */
export const hostsEntry = defineResource<HostsEntryArgs, HostsEntryArgs, TextFile>({
  name: 'hosts.entry',
  schema,
  check: (args) => {
    if (args.entries === undefined) {
      if (args.address === undefined && !(args.state === 'absent' && args.block))
        return "expected either 'address' and 'names' or 'block' and 'entries'"
      if (args.names === undefined && args.state !== 'absent') return "option 'names' is missing"
    } else {
      if (args.address !== undefined || args.names !== undefined)
        return "'address' and 'names' do not go with 'entries'"
      if (args.block === undefined) return "'entries' needs 'block', a name to find them again"
    }
    return undefined
  },
  describe: (args) => blockOf(args),
  probe: () => textFilesProbe([path]),
  parse: (stdout, wishes) => {
    const file = fileOf(parseTextFiles(stdout), path)
    return wishes.map(() => file)
  },
  plan: (file, wish): Plan => {
    if (file.kind === 'other') return { refused: `${path} is ${file.what}, expected a file` }
    const before = contentOf(file)
    const block = blockOf(wish)
    const lines = wish.state === 'absent' ? [] : linesOf(wish)
    const edited = replaceBlock(before, block, lines)
    if ('refused' in edited) return edited
    if (edited.content === before) return { unchanged: lines.length === 0 ? 'absent' : 'as wished' }
    const mode = file.kind === 'file' ? file.mode : '0644'
    const sentence = edited.present
      ? lines.length === 0
        ? 'present → absent'
        : 'differs → as wished'
      : 'absent → present'
    return {
      changes: [
        {
          summary: sentence,
          diff: { label: path, before, after: edited.content },
          steps: [writeTextFile({ path, content: edited.content, mode })],
        },
      ],
    }
  },
  footprint: () => fileFootprint(path),
})

function replaceBlock(
  content: string,
  block: string,
  wanted: readonly string[],
): { content: string; present: boolean } | { refused: string; hint: string } {
  const [begin, end] = [`# BEGIN provision ${block}`, `# END provision ${block}`]
  const lines = content === '' ? [] : content.replace(/\n$/, '').split('\n')
  const from = lines.indexOf(begin)
  const to = lines.indexOf(end, from + 1)
  if (from >= 0 ? to < 0 : lines.includes(end))
    return {
      refused: `${path} has only one of the marker lines of '${block}'`,
      hint: `Remove the line '${from >= 0 ? begin : end}'.`,
    }
  const inside = wanted.length === 0 ? [] : [begin, ...wanted, end]
  const result = from < 0 ? [...lines, ...inside] : [...lines.slice(0, from), ...inside, ...lines.slice(to + 1)]
  // A file whose last line has no end is left so, unless something is to be changed.
  const same = result.join('\n') === lines.join('\n')
  return { content: same ? content : `${result.join('\n')}\n`, present: from >= 0 }
}

function linesOf(wish: HostsEntryArgs): readonly string[] {
  const entries = wish.entries ?? [{ address: wish.address ?? '', names: wish.names ?? [] }]
  return entries.map((entry) => `${entry.address}\t${entry.names.join(' ')}`)
}

function blockOf(args: HostsEntryArgs): string {
  return args.block ?? args.address ?? ''
}
