// The sample app: notes in a MySQL database. Writes go to the primary, reads to a replica, and every answer says which
// web server and which database server gave it. Settings come from the environment; see roles/app.ts.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import mysql from 'mysql2/promise'

const env = process.env
const server = env.SERVER_NAME ?? hostname()
const release = env.RELEASE ?? 'unknown'

/** A pool to one database server, or to a port behind which the right one is; TLS is verified when a CA is given. */
function connect(host, port) {
  return mysql.createPool({
    host,
    port: Number(port ?? env.DB_PORT ?? 3306),
    user: env.DB_USER,
    password: env.DB_PASSWORD,
    database: env.DB_NAME,
    connectionLimit: 5,
    connectTimeout: 3000,
    ...(env.DB_CA && { ssl: { ca: readFileSync(env.DB_CA), minVersion: 'TLSv1.2', verifyIdentity: true } }),
  })
}

const primary = connect(env.DB_WRITE_HOST, env.DB_WRITE_PORT)
const replicas = (env.DB_READ_HOSTS ?? env.DB_WRITE_HOST ?? '')
  .split(',')
  .filter(Boolean)
  .map((host) => connect(host, env.DB_READ_PORT))
let turn = 0

const lost = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'PROTOCOL_CONNECTION_LOST'])
const isReadOnly = (error) => [1290, 1836].includes(error.errno) && /read[-_]only/i.test(error.message)

/**
 * Asks for up to five seconds, so that another server may become the primary meanwhile. A write is sent again only if it had no effect
 * for sure: there was no connection yet, or the server refused it because it takes no writes any more. One whose connection broke
 * after it was sent may have been carried out, so that is an error for whoever asked. The pauses grow: many who wait would otherwise
 * leave no processor to those who can be answered.
 */
async function ask(pool, sql, values = [], repeatable = /^SELECT|^SHOW/.test(sql)) {
  const end = Date.now() + 5000
  for (let pause = 100; ; pause = Math.min(2 * pause, 1000)) {
    let sent = false
    try {
      const connection = await pool.getConnection()
      try {
        sent = true
        const [rows] = await connection.query(sql, values)
        return rows
      } catch (error) {
        if (error.fatal || isReadOnly(error)) connection.destroy()
        throw error
      } finally {
        connection.release()
      }
    } catch (error) {
      const again = isReadOnly(error) || (lost.has(error.code) && (repeatable || !sent))
      if (!again || Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

const write = (sql, values) => ask(primary, sql, values)

/** Reads from the replicas in turn; from the primary if none of them answers. */
async function read(sql, values) {
  for (let tries = 0; tries < replicas.length; tries++) {
    try {
      return await ask(replicas[turn++ % replicas.length], sql, values)
    } catch (error) {
      console.error(`read failed: ${error.message}`)
    }
  }
  return await ask(primary, sql, values)
}

/** The table, made once: asked first, so that a restart writes nothing. */
async function prepare() {
  const tables = await write("SHOW TABLES LIKE 'notes'")
  if (tables.length > 0) return
  await write('CREATE TABLE IF NOT EXISTS notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(500) NOT NULL, written_by VARCHAR(100) NOT NULL, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)')
}
prepare().catch(() => undefined) // who writes finds out

const routes = {
  'GET /healthz': async () => ({ status: 'ok', server, release }),
  'GET /whoami': async (request) => ({ server, release, client: request.headers['x-real-ip'] ?? request.socket.remoteAddress, requestId: request.headers['x-request-id'] }),
  'GET /database': async () => {
    const [writes] = await write('SELECT @@hostname AS host, @@server_id AS id, @@global.read_only AS readOnly')
    const [reads] = await read('SELECT @@hostname AS host, @@server_id AS id, @@global.read_only AS readOnly')
    return { server, writes, reads }
  },
  'GET /notes': async () => {
    const rows = await read('SELECT id, text, written_by AS writtenBy, @@hostname AS readFrom FROM notes ORDER BY id DESC LIMIT 20')
    return { server, readFrom: rows[0]?.readFrom, notes: rows.map(({ readFrom, ...note }) => note) }
  },
  'POST /notes': async (request) => {
    await prepare()
    const text = (await body(request)).slice(0, 500)
    const result = await write('INSERT INTO notes (text, written_by) VALUES (?, ?)', [text, server])
    return { server, id: result.insertId }
  },
  'GET /': async () => `<!doctype html><html lang="en"><meta charset="utf-8"><title>foobar</title><link rel="stylesheet" href="/static/site.css"><h1>www.foobar.com</h1><p>answered by <b>${server}</b>, release ${release}</p><p><a href="/notes">notes</a> · <a href="/database">database</a></p></html>`,
}

async function body(request) {
  const parts = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > 10_000) throw Object.assign(new Error('body too large'), { status: 413 })
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

const http = createServer(async (request, response) => {
  const began = Date.now()
  const path = new URL(request.url, 'http://localhost').pathname
  const send = (status, value) => {
    const html = typeof value === 'string'
    response.writeHead(status, { 'content-type': html ? 'text/html; charset=utf-8' : 'application/json', 'x-served-by': server })
    response.end(html ? value : `${JSON.stringify(value)}\n`)
    // one JSON object a request; the id is the load balancer's, so that one request is found in the logs of all tiers
    if (path !== '/healthz')
      console.log(JSON.stringify({ id: request.headers['x-request-id'], method: request.method, path, status, milliseconds: Date.now() - began }))
  }
  const route = routes[`${request.method === 'HEAD' ? 'GET' : request.method} ${path}`]
  if (!route) return send(404, { error: 'not found', server })
  try {
    send(200, await route(request))
  } catch (error) {
    console.error(`${request.method} ${path}: ${error.message}`)
    send(error.status ?? 500, { error: 'this request failed', server })
  }
})
http.keepAliveTimeout = 75_000
http.listen(Number(env.PORT ?? 3000), env.LISTEN ?? '127.0.0.1', () => console.log(`${server} listens, release ${release}`))

// A restart lets the requests that run come to their end.
process.on('SIGTERM', () => {
  http.close(() => process.exit(0))
  http.closeIdleConnections()
  setTimeout(() => process.exit(0), 10_000).unref()
})
