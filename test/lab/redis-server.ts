// A Redis server of a test's own: on a unix socket, in a folder of its own, with nothing kept.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

export interface RedisServer {
  /** For `--queue`. */
  readonly address: string
  readonly client: Redis
  /** Every key with its whole value, as text. */
  readonly dump: () => Promise<string>
  readonly stop: () => Promise<void>
}

/** Starts a server; `password` is asked of every client. */
export async function startRedis(password?: string): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-redis-'))
  const socket = join(folder, 'redis.sock')
  const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder]
  const child = spawn('redis-server', [...settings, ...(password ? ['--requirepass', password] : [])], {
    stdio: 'ignore',
  })
  const ended = new Promise<void>((resolve, reject) => child.on('exit', () => resolve()).on('error', reject))
  const client = new Redis({
    path: socket,
    ...(password && { password }),
    retryStrategy: () => 50,
    maxRetriesPerRequest: 200,
  })
  client.on('error', () => undefined)
  await Promise.race([client.ping(), ended.then(() => Promise.reject(new Error('redis-server ended')))])
  return {
    address: `unix:${socket}`,
    client,
    dump: async () => {
      const names = await client.keys('*')
      const values = await Promise.all(names.map(async (name) => `${name} ${await contentOf(client, name)}`))
      return values.join('\n')
    },
    stop: async () => {
      client.disconnect()
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function contentOf(client: Redis, key: string): Promise<string> {
  switch (await client.type(key)) {
    case 'string':
      return String(await client.get(key))
    case 'hash':
      return JSON.stringify(await client.hgetall(key))
    case 'list':
      return JSON.stringify(await client.lrange(key, 0, -1))
    case 'set':
      return JSON.stringify(await client.smembers(key))
    case 'zset':
      return JSON.stringify(await client.zrange(key, '0', '-1', 'WITHSCORES'))
    case 'stream':
      return JSON.stringify(await client.xrange(key, '-', '+'))
    default:
      return ''
  }
}
