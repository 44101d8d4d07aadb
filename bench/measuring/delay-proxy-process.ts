// The delay proxy's process: what comes in on one side goes out on the other half a round trip later. There is no limit of
// bandwidth and no slow start, so it shows what latency costs and nothing else.
import { connect, createServer, type Socket } from 'node:net'
import type { Route, Traffic } from './delay-proxy.ts'

let traffic = nothing()

process.on('message', (message: 'take' | { routes: readonly Route[]; roundTripMs: number }) => {
  if (message === 'take') {
    process.send?.(traffic)
    traffic = nothing()
    return
  }
  const { routes, roundTripMs } = message
  void Promise.all(routes.map((route) => serve(route, roundTripMs))).then(() => process.send?.('ready'))
})

function serve(route: Route, roundTripMs: number): Promise<void> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => carry(client, route, roundTripMs))
  return new Promise((resolve) => server.listen(route.listen.port, route.listen.address, resolve))
}

function carry(client: Socket, { to }: Route, roundTripMs: number): void {
  const half = roundTripMs / 2
  const early: Buffer[] = []
  let speaker: 'client' | 'server' = 'server'
  let server: Socket | undefined
  traffic.connections += 1
  client.on('error', () => server?.destroy())
  client.on('data', (data) => {
    traffic.up += data.length
    if (speaker === 'server') traffic.turns += 1
    speaker = 'client'
    later(half, () => (server ? server.write(data) : early.push(data)))
  })
  client.on('end', () => later(half, () => server?.end()))
  // The client's handshake with us took no time. A real one costs a round trip, and the server hears of it half of one later.
  later(roundTripMs * 1.5, () => {
    const onward = connect({ host: to.address, port: to.port, noDelay: true, allowHalfOpen: true })
    server = onward
    onward.on('error', () => client.destroy())
    for (const data of early) onward.write(data)
    onward.on('data', (data) => {
      traffic.down += data.length
      speaker = 'server'
      later(half, () => client.write(data))
    })
    onward.on('end', () => later(half, () => client.end()))
    client.on('close', () => onward.destroy())
  })
}

function later(milliseconds: number, work: () => void): void {
  setTimeout(work, milliseconds)
}

function nothing(): { -readonly [Key in keyof Traffic]: number } {
  return { connections: 0, turns: 0, up: 0, down: 0 }
}
