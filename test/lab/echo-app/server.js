// Stands in for an application: says who asks, and gives back what it was sent.
const server = require('node:http').createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part)
  if (request.url === '/healthz') return response.end('ok\n')
  response.end(`echo ${process.env.SERVER_NAME} ${request.headers['x-real-ip']}\n${Buffer.concat(parts).toString()}`)
})
server.keepAliveTimeout = 75_000
server.listen(Number(process.env.PORT), process.env.LISTEN)
