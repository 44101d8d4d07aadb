// The keywords of sshd_config(5) that may be set, how each is written in the file, and how `sshd -T` prints it.
import { isIP } from 'node:net'
import * as v from 'valibot'
import { parseNetwork } from './ufw-address.ts'

const text = v.pipe(v.string(), v.regex(/^[^\s"#][^\n"#]*$/, 'expected one line without quotes and #'))
const word = v.pipe(v.string(), v.regex(/^[^\s"#]+$/, 'expected one word'))
const many = v.pipe(v.array(word), v.minLength(1, 'expected at least one'))
const flag = v.boolean()
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const addresses = v.pipe(
  v.array(
    v.pipe(
      v.string(),
      v.check((value) => isIP(value) !== 0, 'expected an IP address'),
    ),
  ),
  v.minLength(1, 'expected at least one'),
)
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))

/** How the values of a keyword that takes several stand in the file and in the answer of `sshd -T`. */
type Form = 'one' | 'commas' | 'spaces' | 'lines' | 'wordsAsLines' | 'addresses'

const keywords = {
  AllowAgentForwarding: [flag, 'one'],
  AllowGroups: [many, 'wordsAsLines'],
  AllowStreamLocalForwarding: [v.union([flag, v.picklist(['all', 'local', 'remote'])]), 'one'],
  AllowTcpForwarding: [v.union([flag, v.picklist(['all', 'local', 'remote'])]), 'one'],
  AllowUsers: [many, 'wordsAsLines'],
  AuthenticationMethods: [many, 'spaces'],
  AuthorizedKeysFile: [many, 'spaces'],
  Banner: [text, 'one'],
  CASignatureAlgorithms: [many, 'commas'],
  Ciphers: [many, 'commas'],
  ClientAliveCountMax: [count, 'one'],
  /** Seconds. */
  ClientAliveInterval: [count, 'one'],
  Compression: [flag, 'one'],
  DebianBanner: [flag, 'one'],
  DenyGroups: [many, 'wordsAsLines'],
  DenyUsers: [many, 'wordsAsLines'],
  DisableForwarding: [flag, 'one'],
  GatewayPorts: [v.union([flag, v.literal('clientspecified')]), 'one'],
  GSSAPIAuthentication: [flag, 'one'],
  HostbasedAuthentication: [flag, 'one'],
  HostKey: [many, 'lines'],
  HostKeyAlgorithms: [many, 'commas'],
  IgnoreRhosts: [v.union([flag, v.literal('shosts-only')]), 'one'],
  KbdInteractiveAuthentication: [flag, 'one'],
  KexAlgorithms: [many, 'commas'],
  /** Addresses of this host that sshd listens on; at each of the ports that `Port` says. */
  ListenAddress: [addresses, 'addresses'],
  /** Seconds to log in. */
  LoginGraceTime: [count, 'one'],
  LogLevel: [v.picklist(['QUIET', 'FATAL', 'ERROR', 'INFO', 'VERBOSE', 'DEBUG', 'DEBUG1', 'DEBUG2', 'DEBUG3']), 'one'],
  MACs: [many, 'commas'],
  MaxAuthTries: [count, 'one'],
  MaxSessions: [count, 'one'],
  MaxStartups: [v.pipe(v.string(), v.regex(/^\d+:\d+:\d+$/, "expected 'start:rate:full'")), 'one'],
  PasswordAuthentication: [flag, 'one'],
  PermitEmptyPasswords: [flag, 'one'],
  PermitOpen: [many, 'spaces'],
  PermitRootLogin: [v.union([flag, v.picklist(['prohibit-password', 'forced-commands-only'])]), 'one'],
  PermitTTY: [flag, 'one'],
  PermitTunnel: [v.union([flag, v.picklist(['point-to-point', 'ethernet'])]), 'one'],
  PermitUserEnvironment: [flag, 'one'],
  PermitUserRC: [flag, 'one'],
  /** Addresses and networks that are never penalised; OpenSSH 9.8 and later. */
  PerSourcePenaltyExemptList: [many, 'commas'],
  Port: [v.union([port, v.pipe(v.array(port), v.minLength(1))]), 'lines'],
  PrintMotd: [flag, 'one'],
  PubkeyAcceptedAlgorithms: [many, 'commas'],
  PubkeyAuthentication: [flag, 'one'],
  RequiredRSASize: [count, 'one'],
  StrictModes: [flag, 'one'],
  TCPKeepAlive: [flag, 'one'],
  TrustedUserCAKeys: [text, 'one'],
  UseDNS: [flag, 'one'],
  UsePAM: [flag, 'one'],
  X11Forwarding: [flag, 'one'],
} as const satisfies Record<string, readonly [v.GenericSchema, Form]>

type Keyword = keyof typeof keywords

/** Values by the keywords of sshd_config(5): booleans for yes and no, numbers, lists. */
export type SshdOptions = { readonly [K in Keyword]?: v.InferInput<(typeof keywords)[K][0]> }

/** The entries that check them. */
export const optionEntries = Object.fromEntries(
  Object.entries(keywords).map(([keyword, [schema]]) => [keyword, v.optional(schema as v.GenericSchema)]),
) as { [K in Keyword]: v.OptionalSchema<(typeof keywords)[K][0], undefined> } // the same keys, each made optional

/** The options as the text of a configuration file, in the order of the keywords. */
export function renderOptions(options: SshdOptions): string {
  return entriesOf(options)
    .flatMap(([keyword, values, form]) => {
      if (form === 'lines' || form === 'addresses') return values.map((value) => `${keyword} ${value}`)
      return `${keyword} ${values.join(form === 'commas' ? ',' : ' ')}`
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** One keyword whose value in effect is not the wished one. */
export interface OptionDifference {
  readonly keyword: string
  readonly found: string
  readonly wished: string
}

/** Compares with the answer of `sshd -T`, for the keywords that are set. Lists that begin with + - ^ are sshd's to resolve. */
export function compareEffective(options: SshdOptions, answer: string): readonly OptionDifference[] {
  const effective = new Map<string, string[]>()
  for (const line of answer.split('\n')) {
    const at = line.indexOf(' ')
    if (at < 0) continue
    const key = line.slice(0, at).toLowerCase() // OpenSSH 10.6 prints keywords as its manual writes them, earlier ones in lower case
    effective.set(key, [...(effective.get(key) ?? []), line.slice(at + 1).trim()])
  }
  return entriesOf(options).flatMap(([keyword, values, form]) => {
    if (form === 'commas' && /^[+^-]/.test(values[0] ?? '')) return []
    // Some keywords are never printed, DebianBanner of OpenSSH 9.2 for one.
    if (form === 'one' && !effective.has(keyword.toLowerCase())) return []
    const said = (effective.get(keyword.toLowerCase()) ?? []).map(normal)
    const found = form === 'addresses' ? distinct(said.map(withoutPort)) : said
    const wished =
      form === 'commas'
        ? [values.join(',')]
        : form === 'spaces'
          ? [values.join(' ')]
          : form === 'addresses'
            ? distinct(values)
            : values
    const same = form === 'commas' ? found.join(',') === wished.join(',') : sameWords(found, wished)
    return same ? [] : { keyword, found: found.join(' ') || 'not set', wished: wished.join(' ') }
  })
}

function entriesOf(options: SshdOptions): readonly (readonly [Keyword, readonly string[], Form])[] {
  return (Object.keys(keywords) as Keyword[]).flatMap((keyword) => {
    const value = options[keyword]
    if (value === undefined) return []
    const list: readonly (string | number | boolean)[] = typeof value === 'object' ? value : [value]
    return [[keyword, list.map(textOf), keywords[keyword][1]] as const]
  })
}

/** `192.0.2.1` of `192.0.2.1:22`, `2001:db8::1` of `[2001:db8::1]:22`. */
function withoutPort(text: string): string {
  return text.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}

/** Each address once, as the system writes it: sshd prints one line for each of its ports. */
function distinct(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses.map((address) => parseNetwork(address)?.text ?? address))].sort()
}

function textOf(value: string | number | boolean): string {
  if (value === true) return 'yes'
  return value === false ? 'no' : String(value)
}

function sameWords(left: readonly string[], right: readonly string[]): boolean {
  const words = (list: readonly string[]) => list.join(' ').toLowerCase().split(/\s+/).join(' ')
  return words(left) === words(right.map(normal))
}

/** `sshd -T` prints the old name of `prohibit-password`, and since OpenSSH 10.6 true and false for some flags. */
const synonyms: Readonly<Record<string, string>> = { 'without-password': 'prohibit-password', true: 'yes', false: 'no' }

function normal(value: string): string {
  return synonyms[value] ?? value
}
