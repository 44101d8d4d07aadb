// What may be written about a host, a group or the whole inventory, and the check of it.
import { isIP } from 'node:net'
import * as v from 'valibot'
import type { ConnectionSettings } from '../core/host.ts'
import { describeValue, nearest, secretOrString } from '../core/schema.ts'
import { isSecret } from '../core/secret.ts'

const text = v.pipe(v.string('expected a text'), v.nonEmpty('expected a text that is not empty'))
const seconds = v.pipe(v.number('expected a number of seconds'), v.gtValue(0, 'expected more than 0 seconds'))

const connectionEntries = {
  connection: v.picklist(['ssh', 'local']),
  address: v.pipe(
    v.string('expected a host name or an IP address'),
    v.check(isAddress, 'expected a host name or an IP address'),
  ),
  port: v.pipe(
    v.number('expected a port from 1 to 65535'),
    v.integer('expected a port from 1 to 65535'),
    v.minValue(1, 'expected a port from 1 to 65535'),
    v.maxValue(65535, 'expected a port from 1 to 65535'),
  ),
  user: text,
  identityFile: text,
  passphrase: secretOrString,
  password: secretOrString,
  proxyJump: v.union([text, v.array(text)], "expected a jump host 'user@host:port' or a list of them"),
  knownHosts: text,
  hostKeyChecking: v.picklist(['strict', 'accept-new', 'off']),
  become: v.union([v.boolean(), text], 'expected true, false or a user name'),
  becomeMethod: v.picklist(['sudo', 'su']),
  becomePassword: secretOrString,
  connectTimeout: seconds,
  connectAttempts: v.pipe(
    v.number('expected a whole number from 1'),
    v.integer('expected a whole number from 1'),
    v.minValue(1, 'expected a whole number from 1'),
  ),
  keepalive: seconds,
} satisfies Record<keyof ConnectionSettings, v.GenericSchema>

/** The names of the connection settings. */
export const connectionNames: readonly string[] = Object.keys(connectionEntries)

/** A complaint about one option, with the option's name. */
export interface Complaint {
  readonly option: string
  readonly message: string
  readonly hint?: string | undefined
}

/** The first thing wrong with an entry: an unknown option, a wrong connection setting, variables that are no object. */
export function findComplaint(entry: object, others: readonly string[]): Complaint | undefined {
  const known = [...connectionNames, ...others]
  for (const [option, value] of Object.entries(entry)) {
    if (!known.includes(option)) return unknownOption(option, known)
    if (value === undefined) continue
    if (option === 'vars') {
      if (!isPlainObject(value))
        return { option, message: `option 'vars': expected an object of variables, found ${describeValue(value)}` }
      continue
    }
    if (!isConnectionName(option)) continue
    const result = v.safeParse(connectionEntries[option], value)
    if (result.success) continue
    const issue = result.issues[0]
    const expected = issue.message.startsWith('Invalid')
      ? `expected ${(issue.expected ?? '')
          .replace(/^\((.*)\)$/, '$1')
          .replaceAll('"', "'")
          .replaceAll(' | ', ' or ')}`
      : issue.message
    return {
      option,
      message: `option '${option}': ${expected}, found ${describeValue(value)}`,
      hint: hintFor(option, value),
    }
  }
  return undefined
}

function unknownOption(option: string, known: readonly string[]): Complaint {
  const near = nearest(option, known)
  const hint = near ? `Did you mean '${near}'?` : `Your own variables go into vars: { ${option}: … }.`
  return { option, message: `unknown option '${option}'`, hint }
}

function isConnectionName(name: string): name is keyof typeof connectionEntries {
  return name in connectionEntries
}

function isAddress(address: string): boolean {
  if (isIP(address.replace(/%[\w.-]+$/, '')) !== 0) return true
  if (/^[0-9.]+$/.test(address)) return false // meant as an IPv4 address
  return (
    address.length <= 253 &&
    /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/.test(address)
  )
}

/** Only for what was surely meant. */
function hintFor(option: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (option === 'port' && /^[0-9]+$/.test(value)) return `Write it without quotes: port: ${value}`
  if (option !== 'address') return undefined
  const parts = /^(?:([^@\s/:]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@\s/:[\]]+)(?::([0-9]+))?$/.exec(value)
  const address = parts?.[2]?.replace(/^\[|\]$/g, '')
  if (!address || !isAddress(address)) return undefined
  const settings = [
    `address: '${address}'`,
    ...(parts?.[1] ? [`user: '${parts[1]}'`] : []),
    ...(parts?.[3] ? [`port: ${parts[3]}`] : []),
  ]
  return `Write ${settings.join(', ')}.`
}

/** Whether a value is an object literal, not a list, a secret or an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isSecret(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
