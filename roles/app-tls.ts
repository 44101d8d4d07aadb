// The app on servers of its own: stunnel stands before it, so that the app itself needs no TLS. Whoever comes in shows a certificate of the
// internal CA, as the app does. Where nginx runs on the same host, nothing of this is there.
import { isIPv6 } from 'node:net'
import {
  apt,
  file,
  group,
  type Host,
  handler,
  type InventoryHost,
  type Opening,
  shell,
  systemd,
  type Tasks,
  tls,
  user,
} from 'hostwright'
import { reader, sandboxSettings } from './sandbox.ts'
import { caChoice, isEncryptedInside, membersOf } from './site.ts'

/** What is told to the tunnel. */
export interface Tunnel {
  /** Name of the app. */
  readonly name: string
  /** Port of the app on this host. */
  readonly port: number
  /** Port that the web servers connect to. */
  readonly tlsPort: number
  /** Path that answers 200 when the app works. */
  readonly healthPath: string
}

/** Name in the certificates of all app servers: nginx asks for it, whichever of them it has chosen. */
export const tunnelName = 'app'

/** Port of the tunnel, unless the inventory has another one. */
export const tunnelPort = 3443

/** A user of its own, who reads the key; that of Debian's package has another name in each release. */
const accountOf = (name: string) => `${name}-tls`
const directoryOf = (name: string) => `/etc/stunnel/${name}`

/** Web servers that have no app on themselves: to them it goes over the network. */
export function webElsewhere(host: Pick<Host, 'inventory'>) {
  const apps = new Set(membersOf(host, 'app').map((member) => member.name))
  return membersOf(host, 'web').filter((member) => !apps.has(member.name))
}

/** Whether apps are reached over TLS: where web servers are elsewhere, and the site encrypts. */
export function isTunnelled(host: Pick<Host, 'inventory' | 'vars'>): boolean {
  return isEncryptedInside(host) && webElsewhere(host).length > 0
}

/** How nginx names an app server on another host, as seen from one of the web servers. */
export function upstreamOf(host: Pick<Host, 'inventory' | 'vars'>, server: InventoryHost): string {
  const { tlsPort = tunnelPort, port = 3000 } = server.vars.app ?? {}
  const { address } = server.connection
  return `${isIPv6(address) ? `[${address}]` : address}:${isTunnelled(host) ? tlsPort : port}`
}

/** The web servers alone come in, over TLS or, with `site.encryption: false`, to the app itself. */
export function appOpenings({ port, tlsPort }: Tunnel, host: Host): Opening[] {
  const from = webElsewhere(host).map((web) => web.connection.address)
  if (from.length === 0) return []
  return [{ port: isTunnelled(host) ? tlsPort : port, from, comment: 'the app from the web servers' }]
}

export function tunnelTasks(tunnel: Tunnel, host: Host): Tasks {
  const unit = `${tunnel.name}-tls.service`
  if (!isTunnelled(host)) return [systemd.unit({ name: unit, state: 'absent' })]
  const directory = directoryOf(tunnel.name)
  const account = accountOf(tunnel.name)
  const restart = handler(systemd.service({ unit, state: 'restarted' }), { name: `restart ${unit}` })
  const reload = handler(systemd.service({ unit, state: 'reloaded' }), { name: `reload ${unit}` })
  return [
    apt.package({ pkg: 'stunnel4', startServices: false }),
    group({ name: account, system: true }),
    user({
      name: account,
      group: account,
      system: true,
      home: '/nonexistent',
      createHome: false,
      shell: '/usr/sbin/nologin',
    }),
    file.directory({ path: directory, mode: '0755', owner: 'root', group: 'root' }),
    tls.internal({
      directory,
      subject: host.name,
      names: [tunnelName, host.name],
      group: account,
      ...caChoice(host),
      notify: reload,
    }),
    file.file({
      dest: `${directory}.conf`,
      content: configuration(tunnel, host),
      mode: '0644',
      owner: 'root',
      group: 'root',
      notify: restart,
    }),
    systemd.unit({ name: unit, content: unitFile(tunnel), notify: restart }),
    systemd.service({ unit, state: 'started', enabled: true }),
  ]
}

/** Asked as nginx asks: by name, with a certificate of this host. */
export function tunnelVerify({ name, tlsPort, healthPath }: Tunnel, host: Host): Tasks {
  const directory = directoryOf(name)
  const ask = (...more: string[]) =>
    `curl -sS -f -o /dev/null --cacert ${directory}/ca.pem ${more.join(' ')} --connect-to ${tunnelName}:${tlsPort}:127.0.0.1:${tlsPort} https://${tunnelName}:${tlsPort}${healthPath}`
  const own = `--cert ${directory}/server.pem --key ${directory}/server.key`
  return (
    isTunnelled(host) && [
      shell.command({ name: 'the app answers over TLS, with its present certificate', run: ask(own), probe: true }),
      shell.command({
        name: 'the app answers nobody who has no certificate of the internal CA',
        run: `! ${ask()} 2>/dev/null`,
        probe: true,
      }),
    ]
  )
}

function configuration({ name, port, tlsPort }: Tunnel, host: Host): string {
  const directory = directoryOf(name)
  const accept = isIPv6(host.address) ? `:::${tlsPort}` : `${tlsPort}`
  return `; Written by provision (role app). Changes made here are undone by the next run.
foreground = yes
syslog = no
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
sslVersionMin = TLSv1.2

[${name}]
accept = ${accept}
connect = 127.0.0.1:${port}
cert = ${directory}/server.pem
key = ${directory}/server.key
CAfile = ${directory}/ca.pem
verifyChain = yes
TIMEOUTclose = 0
`
}

function unitFile({ name }: Tunnel): string {
  return `# Written by provision (role app). Changes made here are undone by the next run.
[Unit]
Description=TLS for ${name}
After=network-online.target
Wants=network-online.target

[Service]
User=${accountOf(name)}
Group=${accountOf(name)}
ExecStart=/usr/bin/stunnel4 ${directoryOf(name)}.conf
ExecReload=+/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
${sandboxSettings(reader).join('\n')}

[Install]
WantedBy=multi-user.target
`
}
