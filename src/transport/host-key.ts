import { asProvisionError, ProvisionError } from '../core/error.ts'
import type { ConnectionSettings } from '../core/host.ts'
import {
  appendKnownHost,
  fingerprint,
  type HostKeyAlgorithm,
  judge,
  knownName,
  linesOf,
  loadKnownHosts,
  preferredAlgorithms,
} from './known-hosts.ts'
import { describeTarget, type Target } from './target.ts'

export interface HostKeySettings {
  readonly mode: NonNullable<ConnectionSettings['hostKeyChecking']>
  /** Files to look in; the first is written to by `accept-new`. */
  readonly files: readonly [string, ...string[]]
  /** The name to look for instead of the address (HostKeyAlias). */
  readonly alias?: string | undefined
}

/** Checks one server's key. */
export interface HostKeyCheck {
  /** What to ask the server for. */
  readonly algorithms: HostKeyAlgorithm[]
  /** Whether the key is the server's; if not, `refusal` says why. */
  readonly verify: (key: Buffer) => boolean
  readonly refusal: () => ProvisionError | undefined
}

/** Prepares the check of a server's key by known_hosts. */
export function checkHostKey(target: Target, settings: HostKeySettings): HostKeyCheck {
  if (settings.mode === 'off') {
    return { algorithms: preferredAlgorithms([]), verify: () => true, refusal: () => undefined }
  }
  const name = settings.alias ?? knownName(target.address, target.port)
  const lines = linesOf(readLines(settings, target), name)
  let refusal: ProvisionError | undefined
  return {
    algorithms: preferredAlgorithms(lines),
    verify: (blob) => {
      try {
        refusal = judgeKey(blob, name, target, settings)
      } catch (error) {
        refusal = asProvisionError(error)
      }
      return refusal === undefined
    },
    refusal: () => refusal,
  }
}

function readLines(settings: HostKeySettings, target: Target) {
  try {
    return loadKnownHosts(settings.files)
  } catch (error) {
    throw new ProvisionError({
      code: 'hostKey',
      message: `${describeTarget(target)}: known_hosts cannot be read: ${error instanceof Error ? error.message : error}`,
      cause: error,
    })
  }
}

function judgeKey(blob: Buffer, name: string, target: Target, settings: HostKeySettings): ProvisionError | undefined {
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0)) // string: length, then bytes (RFC 4251, 5)
  const key = blob.toString('base64')
  const [file] = settings.files
  const host = describeTarget(target)
  // Read again: another host of this run may have written meanwhile, and a renewed key exchange comes here too.
  const verdict = judge(linesOf(readLines(settings, target), name), type, key)
  switch (verdict.kind) {
    case 'known':
      return undefined
    case 'revoked':
      return new ProvisionError({
        code: 'hostKey',
        message: `${host}: the server's host key is revoked`,
        detail: `${type} ${fingerprint(key)}\nrevoked by ${verdict.known.file}:${verdict.known.line}`,
      })
    case 'changed':
      return new ProvisionError({
        code: 'hostKey',
        message: `${host}: THE HOST KEY HAS CHANGED; someone may be listening in, or the server was reinstalled`,
        detail: [
          `shown now:  ${type} ${fingerprint(key)}`,
          ...verdict.known.map(
            (line) => `known:      ${line.type} ${fingerprint(line.key)}  (${line.file}:${line.line})`,
          ),
        ].join('\n'),
        hint: `Only if you know why it changed: ssh-keygen -R '${name}' -f ${verdict.known[0]?.file ?? file}`,
      })
    case 'unknown':
      if (settings.mode === 'accept-new') return accept(file, name, type, key, host)
      return new ProvisionError({
        code: 'hostKey',
        message: `${host}: the host key is not known, and hostKeyChecking is 'strict'`,
        detail: [
          `shown: ${type} ${fingerprint(key)}`,
          `looked for ${name} in ${settings.files.join(', ')}`,
          ...(verdict.hasAuthority
            ? ['(a @cert-authority line matches, but host certificates are not supported)']
            : []),
        ].join('\n'),
        hint: `Compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then: ssh-keyscan -p ${target.port} ${target.address} >> ${file}, or set hostKeyChecking: 'accept-new'`,
      })
  }
}

function accept(file: string, name: string, type: string, key: string, host: string): ProvisionError | undefined {
  try {
    appendKnownHost(file, name, type, key)
    return undefined
  } catch (error) {
    return new ProvisionError({
      code: 'hostKey',
      message: `${host}: the new host key cannot be recorded in ${file}: ${error instanceof Error ? error.message : error}`,
      cause: error,
    })
  }
}
