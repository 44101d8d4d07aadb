// A client that keeps asking one address, each time anew, every 40 ms whether the last request was answered or not, and remembers when it was.
import { get } from 'node:https'

/** A time without an answer. */
export interface Outage {
  /** Milliseconds from the last request that was answered to the next that was. */
  readonly milliseconds: number
  /** Requests in between. */
  readonly failed: number
}

export interface SteadyClient {
  /** The longest time without an answer since the start or the last call. */
  outage: () => Outage
  /** What the last answer said. */
  last: () => string | undefined
  /** Requests that were answered so far. */
  answered: () => number
  end: () => void
}

/** Starts asking the site at an address; what counts is a 200. `end` must be called. */
export function startSteadyClient(address: string, domain: string): SteadyClient {
  let good = performance.now()
  let said: string | undefined
  let answered = 0
  let failed = 0
  let longest: Outage = { milliseconds: 0, failed: 0 }
  const ask = (): void => {
    const started = performance.now()
    let done = false
    const fail = (): void => {
      if (!done) failed += 1
      done = true
    }
    const options = {
      host: address,
      servername: domain,
      headers: { Host: domain },
      agent: false,
      rejectUnauthorized: false,
    }
    const request = get(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('error', fail)
      response.on('end', () => {
        if (done || response.statusCode !== 200) return fail()
        done = true
        answered += 1
        said = text
        if (started > good) {
          if (started - good > longest.milliseconds) longest = { milliseconds: Math.round(started - good), failed }
          good = started
          failed = 0
        }
      })
    })
    // a packet to an address that moves is lost: whoever waits for the kernel to send it again measures the kernel
    request.setTimeout(500, () => request.destroy(new Error('no answer')))
    request.on('error', fail)
  }
  const timer = setInterval(ask, 40)
  return {
    outage: () => {
      const found = longest
      longest = { milliseconds: 0, failed: 0 }
      return found
    },
    last: () => said,
    answered: () => answered,
    end: () => clearInterval(timer),
  }
}
