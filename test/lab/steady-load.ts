// A steady load on the site: some clients keep their connection, some open a new one for each request, some send.
import { Agent, request } from 'node:https'

export interface Load {
  /** How many requests were answered so far. */
  readonly count: () => number
  /** Goes on until there were at least so many, then stops. */
  readonly end: (atLeast: number) => Promise<Tally>
}

export interface Tally {
  readonly requests: number
  /** What went wrong, with the number of the request. */
  readonly failures: readonly string[]
  /** Releases that answered, in the order in which they were first seen. */
  readonly releases: readonly string[]
  readonly servers: readonly string[]
}

/** Starts eight clients against an address; each waits a moment between two requests. */
export function startLoad(address: string, domain: string): Load {
  let requests = 0
  let goal = Number.POSITIVE_INFINITY
  const failures: string[] = []
  const releases = new Set<string>()
  const servers = new Set<string>()

  const ask = (agent: Agent | undefined, method: string): Promise<void> =>
    new Promise((resolve) => {
      const failed = (why: string): void => {
        failures.push(`request ${requests}: ${method} ${agent ? 'kept' : 'new'}: ${why}`)
        resolve()
      }
      const outgoing = request({
        host: address,
        servername: domain,
        method,
        path: '/',
        agent: agent ?? false,
        rejectUnauthorized: false,
        timeout: 60_000,
        headers: { host: domain, ...(method === 'POST' && { 'content-length': 4 }) },
      })
      outgoing.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', (error) => failed(error.message))
        response.on('end', () => {
          const [release, server] = text.split(' ')
          if (response.statusCode !== 200 || !release || !server)
            return failed(`status ${response.statusCode}: ${text.slice(0, 80)}`)
          releases.add(release)
          servers.add(server)
          resolve()
        })
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in a minute')))
      outgoing.on('error', (error) => failed(error.message))
      outgoing.end(method === 'POST' ? 'note' : undefined)
    })

  const client = async (index: number): Promise<void> => {
    const agent = index < 7 ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined
    while (requests < goal) {
      requests++
      await ask(agent, requests % 10 === 0 ? 'POST' : 'GET')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    agent?.destroy()
  }
  const clients = Promise.all(Array.from({ length: 8 }, (_, index) => client(index)))
  return {
    count: () => requests,
    end: async (atLeast) => {
      goal = Math.max(atLeast, requests)
      await clients
      return { requests, failures, releases: [...releases], servers: [...servers] }
    },
  }
}
