// Turns of the connection that ssh2 (1.17) spends and the protocol does not ask for: at 100 ms of round trip each costs a
// tenth of a second. They are saved by standing in front of a few of its internal functions. Where those are not as we
// know them (another version), the client is left alone and works as ever; a test counts the turns.
//
// - KEXINIT goes out with the identification, not after the server's (RFC 4253, 7.1: at any time).
// - Login begins with the request for its service, as Dropbear's client does; the server answers both in order.
// - A private key signs at once instead of asking first whether the server would take it (RFC 4252, 7). Keys of an
//   ssh-agent are still asked about: signing with one may ask its owner for consent.
// - The channel is ours when it is open, not when the command has started: the agent's text follows the command.
// - OpenSSH gives a channel its window of 2 MiB (128 KiB in old versions) when the command starts, and tells so afterwards.
//   The first 32 KiB are sent on that credit, behind the command.
// - What is written in one go leaves as one segment.
// - Proofs of further host keys (hostkeys-00@openssh.com) are not asked for: nobody reads them, and each costs the host and
//   us a signature for each of its keys.
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel, ParsedKey } from 'ssh2'

type Handler = (protocol: Protocol, ...rest: never[]) => void

interface Cipher {
  encrypt: (packet: Buffer) => void
}

interface Protocol {
  start: () => void
  rekey: () => void
  service: (name: string) => void
  session: (id: number, window: number, packetSize: number) => void
  authPK: (user: string, key: ParsedKey, algorithm?: string, sign?: Sign) => void
  readonly _handlers: {
    SERVICE_ACCEPT: (protocol: Protocol, name: string) => void
    EXT_INFO: Handler
    GLOBAL_REQUEST: (protocol: Protocol, name: string, ...rest: never[]) => void
    CHANNEL_OPEN_CONFIRMATION: (protocol: Protocol, info: { readonly recipient: number }) => void
    CHANNEL_WINDOW_ADJUST: (protocol: Protocol, id: number, amount: number) => void
  }
  readonly _onHeader: Handler
  readonly _cipher: Cipher
  _kexinit: Buffer | undefined
}

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void

interface Insides {
  readonly _protocol: Protocol
  readonly _chanMgr: { readonly get: (id: number) => unknown }
  readonly _remoteVer?: string
}

/** Opens channels of a client whose turns are saved. */
export interface QuickClient {
  /** Like `exec`, but hands the channel over as soon as it is open; `done` comes when the command has started or has not. */
  readonly exec: (command: string, opened: (channel: ClientChannel) => void, done: (error?: Error) => void) => void
}

/** Saves the turns of a client right after its `connect`. */
export function saveTurns(client: Client, socket: Duplex): QuickClient {
  const insides = client as unknown as Insides // internal fields, looked at one by one below
  const protocol = insides._protocol
  if (!looksFamiliar(insides)) return { exec: plainExec(client) }
  gatherWrites(socket)
  sendKexinitEarly(protocol)
  logInEarly(protocol)
  signAtOnce(protocol)
  leaveHostKeysAlone(protocol)
  return { exec: quickExec(client, insides) }
}

function looksFamiliar({ _protocol, _chanMgr }: Partial<Insides>): boolean {
  if (!_protocol || typeof _chanMgr?.get !== 'function') return false
  const { start, rekey, service, session, authPK, _onHeader, _handlers, _cipher } = _protocol
  const functions: readonly unknown[] = [
    start,
    rekey,
    service,
    session,
    authPK,
    _onHeader,
    _cipher?.encrypt,
    _handlers?.SERVICE_ACCEPT,
    _handlers?.EXT_INFO,
    _handlers?.GLOBAL_REQUEST,
    _handlers?.CHANNEL_OPEN_CONFIRMATION,
    _handlers?.CHANNEL_WINDOW_ADJUST,
  ]
  return functions.every((entry) => typeof entry === 'function') && _protocol._kexinit === undefined
}

/** ssh2 writes each packet by itself; those of one moment make one segment. */
function gatherWrites(socket: Duplex): void {
  const write = socket.write.bind(socket) as (...rest: unknown[]) => boolean // one signature for its overloads
  let gathering = false
  socket.write = (...rest: unknown[]) => {
    if (!gathering) {
      gathering = true
      socket.cork()
      setImmediate(() => {
        gathering = false
        socket.uncork()
      })
    }
    return write(...rest)
  }
}

function sendKexinitEarly(protocol: Protocol): void {
  const { start, _onHeader: onHeader } = protocol
  protocol.start = () => {
    start()
    protocol.rekey()
    const ours = protocol._kexinit
    const cipher = protocol._cipher
    const encrypt = cipher.encrypt.bind(cipher)
    // After the server's identification ssh2 makes a second KEXINIT: it must not go out, and the first is the one that counts.
    Object.assign(protocol, {
      _onHeader: (...rest: Parameters<Handler>) => {
        onHeader(...rest)
        cipher.encrypt = () => {
          cipher.encrypt = encrypt
          protocol._kexinit = ours
        }
      },
    })
  }
}

function logInEarly(protocol: Protocol): void {
  const { service, _handlers: handlers } = protocol
  const { SERVICE_ACCEPT: accept, EXT_INFO: extInfo } = handlers
  let toldAlgorithms = false
  handlers.EXT_INFO = (...rest) => {
    toldAlgorithms = true
    extInfo(...rest)
  }
  protocol.service = (name) => {
    service.call(protocol, name)
    // The server tells in the packet after its NEWKEYS how it takes an RSA key's signature; without that we wait.
    process.nextTick(() => {
      if (!toldAlgorithms) return
      handlers.SERVICE_ACCEPT = () => undefined
      accept(protocol, name)
    })
  }
}

const hashes: Readonly<Record<string, string>> = {
  'ssh-rsa': 'sha1',
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
}

function signAtOnce(protocol: Protocol): void {
  const { authPK } = protocol
  protocol.authPK = (user, key, algorithm, sign) => {
    if (sign || typeof key.isPrivateKey !== 'function' || !key.isPrivateKey()) {
      authPK.call(protocol, user, key, algorithm, sign)
      return
    }
    authPK.call(protocol, user, key, algorithm, (data, done) => {
      const signature: Buffer | Error = key.sign(data, hashes[algorithm ?? ''])
      if (signature instanceof Error) authPK.call(protocol, user, key, algorithm)
      else done(signature)
    })
  }
}

function leaveHostKeysAlone({ _handlers: handlers }: Protocol): void {
  const { GLOBAL_REQUEST: answer } = handlers
  handlers.GLOBAL_REQUEST = (protocol, name, ...rest) => {
    if (name !== 'hostkeys-00@openssh.com') answer(protocol, name, ...rest)
  }
}

const credit = 32 * 1024

interface OpenChannel extends ClientChannel {
  readonly outgoing: { window: number }
}

function quickExec(client: Client, insides: Insides): QuickClient['exec'] {
  const { _protocol: protocol, _chanMgr: channels } = insides
  const waiting = new Map<number, (channel: ClientChannel) => void>()
  const debts = new Map<number, number>()
  const handlers = protocol._handlers
  const { CHANNEL_OPEN_CONFIRMATION: confirm, CHANNEL_WINDOW_ADJUST: adjust } = handlers
  handlers.CHANNEL_OPEN_CONFIRMATION = (from, info) => {
    confirm(from, info) // makes the channel and sends the command
    const { recipient: id } = info
    const opened = waiting.get(id)
    waiting.delete(id)
    if (!opened) return
    const channel = channels.get(id) as OpenChannel // what `confirm` has put there
    if (channel.outgoing.window === 0 && insides._remoteVer?.startsWith('OpenSSH_')) {
      channel.outgoing.window = credit
      debts.set(id, credit)
      channel.once('close', () => debts.delete(id))
    }
    opened(channel)
  }
  handlers.CHANNEL_WINDOW_ADJUST = (from, id, amount) => {
    const paid = Math.min(amount, debts.get(id) ?? 0)
    if (paid > 0) debts.set(id, (debts.get(id) ?? 0) - paid)
    adjust(from, id, amount - paid)
  }
  return (command, opened, done) => {
    const { session } = protocol
    protocol.session = (id, ...rest) => {
      waiting.set(id, opened)
      session.call(protocol, id, ...rest)
    }
    try {
      client.exec(command, done)
    } finally {
      protocol.session = session
    }
  }
}

function plainExec(client: Client): QuickClient['exec'] {
  return (command, opened, done) => {
    client.exec(command, (error, channel) => {
      if (!error) opened(channel)
      done(error)
    })
  }
}
