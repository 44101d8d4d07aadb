// A client of the reference site for proofs and tests: talks to an address, not to a name, with its own connection each time.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'

export interface Site {
  readonly address: string
  readonly domain: string
  /** PEM of the authority that must have issued the certificate. */
  readonly ca: string
  /** HTTP on port 80 instead of HTTPS. */
  readonly plain?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: the sample app's answers, asserted on field by field
type Json = any

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly json: Json
}

/** One request; rejects if the certificate does not verify for the domain, or if nothing comes for `patience` milliseconds. */
export function request(site: Site, method: string, path: string, body?: string, patience = 15_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: site.address,
      port: site.plain ? 80 : 443,
      method,
      path,
      agent: false,
      timeout: patience,
      headers: {
        host: site.domain,
        connection: 'close',
        ...(body !== undefined && {
          'content-length': Buffer.byteLength(body),
          'content-type': 'application/x-www-form-urlencoded', // a body without a type looks like an attack
        }),
      },
    } as const
    const outgoing = site.plain
      ? httpRequest(options)
      : httpsRequest({ ...options, servername: site.domain, ca: site.ca })
    outgoing.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        let json: Json
        try {
          json = JSON.parse(text)
        } catch {
          json = undefined
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, json })
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer from ${site.address} in ${patience / 1000} s`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Which of the ports take a TCP connection within a second. */
export async function openPorts(address: string, ports: readonly number[]): Promise<number[]> {
  const answers = await Promise.all(
    ports.map(
      (port) =>
        new Promise<boolean>((resolve) => {
          const socket = connect({ host: address, port })
          const done = (open: boolean) => {
            socket.destroy()
            resolve(open)
          }
          socket.setTimeout(1000, () => done(false))
          socket.on('connect', () => done(true))
          socket.on('error', () => done(false))
        }),
    ),
  )
  return ports.filter((_, index) => answers[index])
}
