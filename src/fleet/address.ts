// Where the queue is, as users write it. A password never comes from an argument, where `ps` would show it.
import { readFileSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'

/** Where the queue is and how to log in. */
export interface QueueAddress {
  /** How messages name it: without user and password. */
  readonly title: string
  readonly options: {
    readonly host?: string
    readonly port?: number
    /** A unix socket instead of host and port. */
    readonly path?: string
    readonly db: number
    readonly username?: string
    readonly password?: string
    /** Encrypted, the server's certificate checked against the system's authorities. */
    readonly tls?: Record<string, never>
  }
}

type Environment = Readonly<Record<string, string | undefined>>

const passwordVariable = 'PROVISION_QUEUE_PASSWORD'
const forms =
  'redis://HOST:6379/0, rediss://HOST:6380/0 (TLS), unix:/path/of/socket, or env:NAME of a variable that holds one'

/**
 * Parses `--queue`. The password comes from `PROVISION_QUEUE_PASSWORD`, from the file that `PROVISION_QUEUE_PASSWORD_FILE`
 * names, or from the URL in the variable of `env:NAME`.
 * @throws ProvisionError (`input`) that shows no password
 * @example parseAddress('rediss://queue.example.com:6380/2', { PROVISION_QUEUE_PASSWORD: '…' })
 */
export function parseAddress(text: string, env: Environment): QueueAddress {
  if (!text.startsWith('env:')) return parse(text, '--queue', env, false)
  const name = text.slice('env:'.length)
  const value = env[name]
  if (!value) throw wrong(`--queue ${text}: the environment variable ${name} is not set`)
  return parse(value, `--queue ${text}`, env, true)
}

function parse(text: string, what: string, env: Environment, hidden: boolean): QueueAddress {
  const shown = hidden ? what : `${what} ${text}`
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
    if (!path.startsWith('/')) throw wrong(`${shown}: expected an absolute path after unix:`)
    const password = passwordOf(env)
    return { title: `unix:${path}`, options: { path, db: 0, ...(password !== undefined && { password }) } }
  }
  // a URL that cannot be parsed may still hold a password, and is not repeated
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) throw wrong(`${what}: expected ${forms}`)
  const secure = url.protocol === 'rediss:'
  const bare = !hidden && /^[\w.-]+:\d+$/.test(text) // a host and a port, and surely no password
  if (bare) throw wrong(`${what} ${text}: expected ${forms}`, `Did you mean redis://${text}?`)
  if (!secure && url.protocol !== 'redis:') throw wrong(`${what}: found ${url.protocol}//…, expected ${forms}`)
  if (url.password !== '' && !hidden)
    throw wrong(
      `${what} ${url.protocol}//${url.host}: found a password in the URL, where every user of this machine can read it`,
      `Leave it out of the URL and set ${passwordVariable}, or give the whole URL in a variable: --queue env:NAME.`,
    )
  const db = /^\/?([0-9]*)$/.exec(url.pathname)?.[1]
  if (db === undefined || url.hostname === '') throw wrong(`${what}: expected ${forms}`)
  const password = url.password === '' ? passwordOf(env) : decodeURIComponent(url.password)
  return {
    title: `${url.protocol}//${url.host}${db === '' ? '' : `/${db}`}`,
    options: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : Number(url.port),
      db: Number(db),
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(password !== undefined && { password }),
      ...(secure && { tls: {} }),
    },
  }
}

function passwordOf(env: Environment): string | undefined {
  const direct = env[passwordVariable]
  if (direct) return direct
  const file = env[`${passwordVariable}_FILE`]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : error
    throw wrong(`${passwordVariable}_FILE ${file} cannot be read: ${why}`)
  }
}

function wrong(message: string, hint?: string): ProvisionError {
  return new ProvisionError({ code: 'input', message, hint })
}
