// Somebody to be alarmed: a web server that takes alerts, and a mail server that takes mail. Both only remember.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'

/** An alert as Alertmanager posts it. */
export interface PostedAlert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface Receivers {
  readonly webhook: string
  /** `host:port` of the mail server. */
  readonly smarthost: string
  readonly posts: readonly { readonly headers: IncomingHttpHeaders; readonly alerts: readonly PostedAlert[] }[]
  readonly mails: readonly string[]
  readonly close: () => void
}

export async function startReceivers(address: string): Promise<Receivers> {
  const posts: { headers: IncomingHttpHeaders; alerts: PostedAlert[] }[] = []
  const mails: string[] = []
  const web = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      posts.push({ headers: request.headers, alerts: (JSON.parse(body) as { alerts: PostedAlert[] }).alerts })
      response.end()
    })
  })
  const mail = createTcpServer((socket) => {
    let rest = ''
    let message: string[] | undefined
    const say = (line: string) => socket.write(`${line}\r\n`)
    socket.on('error', () => undefined)
    say('220 sink')
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (message && line === '.') {
          mails.push(message.join('\n'))
          message = undefined
          say('250 taken')
        } else if (message) message.push(line)
        else if (/^data/i.test(line)) {
          message = []
          say('354 go on')
        } else if (/^quit/i.test(line)) socket.end('221 bye\r\n')
        else say('250 ok')
      }
    })
  })
  const port = (server: typeof web | typeof mail) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, address, () => resolve((server.address() as AddressInfo).port))
    })
  return {
    webhook: `http://${address}:${await port(web)}/alerts`,
    smarthost: `${address}:${await port(mail)}`,
    posts,
    mails,
    close: () => {
      web.closeAllConnections()
      web.close()
      mail.close()
    },
  }
}
