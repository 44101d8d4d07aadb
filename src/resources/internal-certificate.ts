// A certificate of the internal CA with its key, and the CA to verify others with. Read with stat(1) and sha256sum(1): what is to be there is
// known beforehand, so nothing is compared but sums, and keys are never read back.
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { posix } from 'node:path'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep, Change } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, accountName, type FileMode, secretOrString } from '../core/schema.ts'
import { secret } from '../core/secret.ts'
import { atomicWrite } from '../shell/atomic-write.ts'
import { sh } from '../shell/quote.ts'
import { areasAbove, groupArea, treeArea, userArea } from './areas.ts'
import { issueCertificate } from './internal-ca.ts'

const dnsName = v.pipe(v.string(), v.regex(/^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'expected a DNS name'))

const schema = {
  /** The folder that gets `ca.pem`, `server.pem` and `server.key`; made if it is missing. */
  directory: absolutePath,
  /** Whose certificate it is, usually the host's name; the key follows from it. */
  subject: v.pipe(v.string(), v.nonEmpty(), v.maxLength(64)),
  /** DNS names by which it is reached. @default the subject */
  names: v.optional(v.array(dnsName)),
  /** IP addresses by which it is reached. @default [] */
  addresses: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.check((address) => isIP(address) > 0 && !address.includes('%'), 'expected an IP address'),
      ),
    ),
  ),
  /** Owner of the files. @default 'root' */
  owner: v.optional(accountName),
  /** Group that may read the key. @default 'root' */
  group: v.optional(accountName),
  /** The secret that the CA and all its keys follow from, at least 16 characters. @default secret('tls.ca') */
  ca: v.optional(secretOrString),
}

export type InternalCertificateArgs = ArgumentsOf<typeof schema>

interface WishedFile {
  readonly path: string
  readonly content: string
  readonly mode: FileMode
}

interface Wish {
  readonly directory: string
  readonly owner: string
  readonly files: readonly WishedFile[]
}

interface FoundFile {
  readonly mode: string
  readonly owner: string
  readonly sum: string
}

/** Files by path; absent ones are missing. */
type CertificateState = ReadonlyMap<string, FoundFile>

/**
 * A certificate for traffic between hosts, issued by the project's own CA. It is valid until the end of 2049: change the secret to revoke it.
 * @example tls.internal({ directory: '/etc/mysql/tls', subject: 'db1', addresses: ['192.0.2.11'], group: 'mysql', notify: reload })
 */
export const internalCertificate = defineResource<InternalCertificateArgs, Wish, CertificateState>({
  name: 'tls.internal',
  schema,
  describe: (args) => `${args.subject} in ${args.directory}`,
  prepare: (args, { secrets }) => {
    const issued = issue(args, secrets.reveal(args.ca ?? secret('tls.ca')))
    const file = (name: string, content: string, mode: FileMode): WishedFile => ({
      path: posix.join(args.directory, name),
      content,
      mode,
    })
    return {
      directory: args.directory,
      owner: `${args.owner ?? 'root'}:${args.group ?? 'root'}`,
      files: [
        file('ca.pem', issued.ca, '0644'),
        file('server.key', issued.key, '0640'),
        file('server.pem', issued.certificate, '0644'),
      ],
    }
  },
  probe: (wishes) => {
    const paths = wishes.flatMap((wish) => wish.files.map((file) => file.path))
    return sh`for path in ${paths}; do
  if [ -f "$path" ] && [ ! -L "$path" ]; then
    printf '%s\\t%s\\t%s\\n' "$(stat -c '%a\t%U:%G' -- "$path")" "$(sha256sum <"$path" | cut -c 1-64)" "$path"
  fi
done`
  },
  parse: (stdout, wishes) => {
    const found = new Map<string, FoundFile>()
    for (const line of stdout.split('\n').filter((text) => text !== '')) {
      const [mode = '', owner = '', sum = '', path] = line.split('\t')
      if (path === undefined || !/^[0-9a-f]{64}$/.test(sum))
        throw new ProvisionError({
          code: 'probe',
          message: `tls.internal: expected mode, owner, sum and path, found '${line}'`,
        })
      found.set(path, { mode: mode.padStart(4, '0'), owner, sum })
    }
    return wishes.map(() => found)
  },
  plan: (state, wish) => {
    const changes: Change[] = []
    for (const file of wish.files) {
      const found = state.get(file.path)
      const name = posix.basename(file.path)
      const differences = found
        ? [
            ...(found.sum === createHash('sha256').update(file.content).digest('hex') ? [] : ['content differs']),
            ...(found.mode === file.mode ? [] : [`mode ${found.mode} → ${file.mode}`]),
            ...(found.owner === wish.owner ? [] : [`owner ${found.owner} → ${wish.owner}`]),
          ]
        : ['absent → present']
      if (differences.length > 0)
        changes.push({ summary: `${name} ${differences.join(', ')}`, steps: [writeStep(file, wish.owner)] })
    }
    const [first, ...rest] = changes
    return first ? { changes: [first, ...rest] } : { unchanged: 'is issued and in place' }
  },
  footprint: ({ directory, owner }) => {
    const [user = 'root', group = 'root'] = owner.split(':')
    return {
      reads: [treeArea(directory), userArea(user), groupArea(group)],
      alters: [treeArea(directory), ...areasAbove(directory)],
    }
  },
})

function issue(args: InternalCertificateArgs, ca: string): ReturnType<typeof issueCertificate> {
  try {
    return issueCertificate(ca, {
      name: args.subject,
      names: args.names ?? [args.subject],
      addresses: args.addresses ?? [],
    })
  } catch (error) {
    throw new ProvisionError({
      code: 'secret',
      message: `tls.internal ${args.subject}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    })
  }
}

function writeStep(file: WishedFile, owner: string): ApplyStep {
  const [user, group] = owner.split(':')
  const write = atomicWrite({ path: file.path, mode: file.mode, owner: user, group })
  return { script: `${sh`mkdir -p -- ${posix.dirname(file.path)}`}\n${write}`, input: file.content }
}
