// A certificate of the internal CA with its key, and the CA to verify others with. Read with stat(1), sha256sum(1) and tr(1): what is to be
// there is known beforehand, so of keys only the sum is read back. Certificates are public; from the one that is there we tell when it ends.
import { createHash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { posix } from 'node:path'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { ApplyStep, Change, Plan } from '../core/resource.ts'
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
  /**
   * The secret that the CA and all its keys follow from, at least 16 characters. Of several lines the first one issues and all are
   * trusted: to go over to another CA. @default secret('tls.ca')
   */
  ca: v.optional(secretOrString),
  /**
   * Whether a CA may replace one that it does not follow, all at once: hosts that are done and hosts that are not refuse each other until
   * the run is through. Without it a run with other secrets than the host was made with is refused. @default false
   */
  replaceCa: v.optional(v.boolean()),
  /** Days that the certificate is valid, 3 to 1825. The first run in the last third of them issues the next one. @default 397 */
  lifetimeDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(3), v.maxValue(1825))),
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
  readonly replaceCa: boolean
  /** When the files were made: what is left of the present certificate is told by it. */
  readonly at: Date
}

interface FoundFile {
  readonly mode: string
  readonly owner: string
  /** The text of a certificate, the SHA-256 of a key. */
  readonly content: string
}

/** Files by path; absent ones are missing. */
type CertificateState = ReadonlyMap<string, FoundFile>

/** The resource with a clock of its own; `tls.internal` has the controller's. */
export function internalCertificateBy(clock: () => Date) {
  return defineResource<InternalCertificateArgs, Wish, CertificateState>({
    name: 'tls.internal',
    schema,
    describe: (args) => `${args.subject} in ${args.directory}`,
    prepare: (args, { secrets }) => {
      const at = clock()
      const issued = issue(args, secrets.reveal(args.ca ?? secret('tls.ca')), at)
      const file = (name: string, content: string, mode: FileMode): WishedFile => ({
        path: posix.join(args.directory, name),
        content,
        mode,
      })
      return {
        at,
        directory: args.directory,
        replaceCa: args.replaceCa ?? false,
        owner: `${args.owner ?? 'root'}:${args.group ?? 'root'}`,
        files: [
          file('ca.pem', issued.ca, '0644'),
          file('server.key', issued.key, '0640'),
          file('server.pem', issued.certificate, '0644'),
        ],
      }
    },
    probe,
    parse,
    plan,
    footprint: ({ directory, owner }) => {
      const [user = 'root', group = 'root'] = owner.split(':')
      return {
        reads: [treeArea(directory), userArea(user), groupArea(group)],
        alters: [treeArea(directory), ...areasAbove(directory)],
      }
    },
  })
}

/**
 * A certificate for traffic between hosts, issued by the project's own CA and renewed by the run when a third of its life is left. Let what
 * uses it be reloaded: `notify`.
 * @example tls.internal({ directory: '/etc/mysql/tls', subject: 'db1', addresses: ['192.0.2.11'], group: 'mysql', notify: reload })
 */
export const internalCertificate = internalCertificateBy(() => new Date())

function probe(wishes: readonly Wish[]): string {
  const paths = wishes.flatMap((wish) => wish.files.map((file) => file.path))
  return sh`for path in ${paths}; do
  if [ -f "$path" ] && [ ! -L "$path" ]; then
    case $path in
    *.key) content=$(sha256sum <"$path" | cut -c 1-64) ;;
    *) content=$(head -c 20000 -- "$path" | tr '\\n\\t' '| ') ;;
    esac
    printf '%s\\t%s\\t%s\\n' "$(stat -c '%a\t%U:%G' -- "$path")" "$path" "$content"
  fi
done`
}

function parse(stdout: string, wishes: readonly Wish[]): CertificateState[] {
  const found = new Map<string, FoundFile>()
  for (const line of stdout.split('\n').filter((text) => text !== '')) {
    const [mode = '', owner = '', path = '', content] = line.split('\t')
    if (content === undefined || !path.startsWith('/'))
      throw new ProvisionError({
        code: 'probe',
        message: `tls.internal: expected mode, owner, path and content, found '${line}'`,
      })
    found.set(path, { mode: mode.padStart(4, '0'), owner, content: content.replaceAll('|', '\n') })
  }
  return wishes.map(() => found)
}

function plan(state: CertificateState, wish: Wish): Plan {
  if (!wish.replaceCa && !followsCa(state, wish)) return otherCa
  const changes: Change[] = []
  for (const file of wish.files) {
    const found = state.get(file.path)
    const name = posix.basename(file.path)
    const differences = found
      ? [
          ...(isSame(found, file) ? [] : [name === 'server.pem' ? renewal(found, wish.at) : 'content differs']),
          ...(found.mode === file.mode ? [] : [`mode ${found.mode} → ${file.mode}`]),
          ...(found.owner === wish.owner ? [] : [`owner ${found.owner} → ${wish.owner}`]),
        ]
      : ['absent → present']
    if (differences.length > 0)
      changes.push({ summary: `${name} ${differences.join(', ')}`, steps: [writeStep(file, wish.owner)] })
  }
  const [first, ...rest] = changes
  return first ? { changes: [first, ...rest] } : { unchanged: 'is issued and in place' }
}

const otherCa = {
  refused: 'the certificates that are there come from another CA than the secret of this run',
  detail: 'With it all that this host encrypts would be refused by the others. Passwords are likely to differ as well.',
  hint: `Use the secrets that this host was provisioned with (--secrets FILE, or the vault).
To go over to another CA put both secrets into tls.ca, one a line. To replace it at once: --extra-vars site.replaceCa=true`,
}

/** Whether one of the authorities that the host trusts now is among those that it is to trust, by their keys. */
function followsCa(state: CertificateState, { directory, files }: Wish): boolean {
  const path = posix.join(directory, 'ca.pem')
  const present = authorityKeys(state.get(path)?.content ?? '')
  const wished = authorityKeys(files.find((file) => file.path === path)?.content ?? '')
  return present.length === 0 || present.some((key) => wished.includes(key))
}

/** The public keys of the certificates in a text; those that cannot be read are left out: they are replaced. */
function authorityKeys(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block).publicKey.export({ type: 'spki', format: 'pem' }).toString()]
    } catch {
      return []
    }
  })
}

function isSame(found: FoundFile, file: WishedFile): boolean {
  if (file.path.endsWith('.key')) return found.content === createHash('sha256').update(file.content).digest('hex')
  return found.content.trimEnd() === file.content.trimEnd()
}

/** `renewed (expires in 120 days)`: of the one that is there. */
function renewal(found: FoundFile, at: Date): string {
  let ends: number
  try {
    ends = Date.parse(new X509Certificate(found.content).validTo)
  } catch {
    return 'content differs (it is no certificate)'
  }
  const days = Math.floor((ends - at.getTime()) / 86_400_000)
  return `renewed (the present one ${days >= 0 ? `expires in ${days} days` : `expired ${-days} days ago`})`
}

function issue(args: InternalCertificateArgs, ca: string, at: Date): ReturnType<typeof issueCertificate> {
  try {
    return issueCertificate(
      ca,
      { name: args.subject, names: args.names ?? [args.subject], addresses: args.addresses ?? [] },
      { at, lifetimeDays: args.lifetimeDays },
    )
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
