// Which key a server shows, without logging in: for asking a person before it is trusted.
import ssh2 from 'ssh2'
import type { InventoryHost } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import { explainConnect } from './errors.ts'
import {
  fingerprint,
  judge,
  knownName,
  linesOf,
  loadKnownHosts,
  preferredAlgorithms,
  type Verdict,
} from './known-hosts.ts'
import { planRoute, type Surroundings } from './ssh-route.ts'

/** A key that a server showed. */
export interface ScannedKey {
  /** What known_hosts says of it. */
  readonly verdict: Verdict['kind']
  readonly type: string
  /** Base64. */
  readonly key: string
  /** `SHA256:…` */
  readonly fingerprint: string
  /** The server's name in known_hosts, and the file to note it in. */
  readonly name: string
  readonly file: string
}

/** Asks a server for its key; undefined if it is reached through jump hosts. Throws a ProvisionError (`unreachable`). */
export async function scanHostKey(
  host: InventoryHost,
  secrets: Secrets,
  surroundings: Surroundings,
  signal?: AbortSignal,
): Promise<ScannedKey | undefined> {
  const route = planRoute(host, secrets, surroundings)
  if (route.jumps.length > 0) return undefined
  const { target, hostKey } = route.host
  const name = hostKey.alias ?? knownName(target.address, target.port)
  const lines = linesOf(loadKnownHosts(hostKey.files), name)
  const seconds = host.connection.connectTimeout ?? 10
  const blob = await firstKey(target.address, target.port, preferredAlgorithms(lines), seconds, signal).catch(
    (error: unknown) => {
      throw explainConnect(error, target, 'resolving and connecting', seconds)
    },
  )
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0)) // string: length, then bytes (RFC 4251, 5)
  const key = blob.toString('base64')
  return {
    verdict: judge(lines, type, key).kind,
    type,
    key,
    fingerprint: fingerprint(key),
    name,
    file: hostKey.files[0],
  }
}

function firstKey(
  address: string,
  port: number,
  algorithms: ReturnType<typeof preferredAlgorithms>,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const client = new ssh2.Client()
  return new Promise<Buffer>((resolve, reject) => {
    signal?.addEventListener('abort', () => client.destroy(), { once: true })
    client.on('error', reject) // after the key was seen nobody listens any more
    client.once('close', () => reject(new Error('the server closed the connection')))
    client.connect({
      host: address,
      port,
      username: 'nobody',
      readyTimeout: seconds * 1000,
      algorithms: { serverHostKey: algorithms },
      hostVerifier: (key: Buffer) => {
        resolve(Buffer.from(key))
        return false
      },
    })
  }).finally(() => client.destroy())
}
