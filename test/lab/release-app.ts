// An app of a few lines whose answers say which release it is and which server answered: `two web1`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes its folder anew; `healthy` is an expression. */
export function writeReleaseApp(folder: string, release: string, healthy = 'true'): void {
  mkdirSync(join(folder, 'static'), { recursive: true })
  writeFileSync(join(folder, 'static/robots.txt'), '')
  writeFileSync(
    join(folder, 'server.js'),
    `const { existsSync } = require('node:fs')
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/healthz') {
    response.writeHead((${healthy}) ? 200 : 503)
    return response.end()
  }
  request.resume()
  request.on('end', () => response.end('${release} ' + process.env.SERVER_NAME))
})
server.keepAliveTimeout = 75000
server.listen(process.env.PORT, process.env.LISTEN)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
`,
  )
}
