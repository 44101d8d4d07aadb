// What the wizard knows of a site: one type and one validation for answers that are typed, read from a file or defaults.
// Nothing in it is secret: it lies beside the files that it made, as provision.answers.json.
import { isIP } from 'node:net'
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import { accountName, checkObject } from '../core/schema.ts'

/** Where the answers lie in a project. */
export const answersFile = 'provision.answers.json'

/** The groups that the site's playbook knows. */
export const tiers = ['lb', 'web', 'app', 'db'] as const
export type Tier = (typeof tiers)[number]

const reserved: readonly string[] = ['all', ...tiers]

export const hostName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'expected a host name: small letters, digits and -, at most 63 characters',
  ),
  v.check((name) => !reserved.includes(name), `expected another name: ${reserved.join(', ')} are names of groups`),
)

const dottedNumbers = /^[0-9.]+$/
export const address = v.pipe(
  v.string(),
  v.check(
    (text) => isIP(text) !== 0 || !dottedNumbers.test(text),
    'expected an IPv4 address of four numbers from 0 to 255',
  ),
  v.check(
    (text) =>
      isIP(text) !== 0 || /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text),
    'expected an IP address or a name (letters, digits, - and dots)',
  ),
)

export const domain = v.pipe(
  v.string(),
  v.check((name) => !/^[a-z]+:\/\//i.test(name), 'expected the name alone, without https:// and path'),
  v.check((name) => isIP(name) === 0, 'expected a name: certificates are not issued for addresses'),
  v.check((name) => !name.startsWith('*.'), 'expected a name without *: a wildcard cannot be proven over HTTP'),
  v.regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/,
    'expected a domain name in small letters such as www.example.com',
  ),
)

export const port = v.pipe(
  v.number('expected a port from 1 to 65535'),
  v.integer('expected a port from 1 to 65535'),
  v.minValue(1, 'expected a port from 1 to 65535'),
  v.maxValue(65535, 'expected a port from 1 to 65535'),
)
export const email = v.pipe(v.string(), v.regex(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'expected an e-mail address'))
export const gitUrl = v.pipe(
  v.string(),
  v.regex(
    /^((https?|ssh|git):\/\/\S+|[\w.-]+@[\w.-]+:\S+)$/,
    'expected a git URL: https://…, ssh://… or git@host:path',
  ),
)
export const publicKey = v.pipe(
  v.string(),
  v.regex(
    /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[\w@.-]+) [A-Za-z0-9+/]+=*( .*)?$/,
    'expected a public key, one line: ssh-ed25519 AAAA… name',
  ),
)

const host = v.strictObject({
  name: hostName,
  /** Not in a lab or with Vagrant: they give addresses themselves. */
  address: v.optional(address),
  user: v.optional(accountName),
  port: v.optional(port),
  /** Path of a private key. */
  identityFile: v.optional(v.pipe(v.string(), v.nonEmpty('expected a path'))),
})

const text = v.pipe(v.string(), v.nonEmpty('expected a text'))
const placement = v.strictObject({
  lb: v.array(v.string()),
  web: v.array(v.string()),
  app: v.array(v.string()),
  db: v.array(v.string()),
})

const entries = {
  /** Where the hosts come from. */
  where: v.picklist(['lab', 'servers', 'vagrant']),
  topology: v.picklist(['active-active', 'active-passive', 'extra-replica', 'tiers', 'own']),
  hosts: v.pipe(v.array(host), v.minLength(1, 'expected at least one host')),
  /** Which host has which role; only with the topology `own`. */
  placement: v.optional(placement),
  domains: v.pipe(v.array(domain), v.minLength(1, 'expected at least one domain')),
  balance: v.picklist(['roundrobin', 'leastconn', 'source']),
  database: v.picklist(['mysql', 'mariadb']),
  app: v.union(
    [v.literal('sample'), v.strictObject({ git: gitUrl, version: text }), v.strictObject({ directory: text })],
    "expected 'sample', { git, version } or { directory }, with a git URL such as https://…",
  ),
  /** `email` is for expiry notices. */
  letsencrypt: v.strictObject({ directory: v.picklist(['staging', 'production']), email: v.optional(email) }),
  firewall: v.boolean(),
  admins: v.array(
    v.strictObject({
      name: accountName,
      keys: v.pipe(v.array(publicKey), v.minLength(1, 'expected at least one public key')),
    }),
  ),
}

const schema = v.strictObject(entries)
export type Answers = v.InferOutput<typeof schema>
export type HostAnswer = Answers['hosts'][number]
export type Placement = Readonly<Record<Tier, readonly string[]>>

/** Whether a single value is right: `true`, or the reason, as a prompt wants it. */
export function reasonOf(wanted: v.GenericSchema, value: unknown): true | string {
  const result = v.safeParse(wanted, value)
  return result.success || result.issues[0].message
}

/** How many hosts a topology needs at least. */
export const hostsNeeded: Readonly<Record<Answers['topology'], number>> = {
  'active-active': 3,
  'active-passive': 3,
  'extra-replica': 4,
  tiers: 5,
  own: 1,
}

/** The hosts of a lab or of Vagrant for a topology, by their usual names. */
export function usualHosts(topology: Answers['topology']): HostAnswer[] {
  const more = { 'active-active': [], 'active-passive': [], 'extra-replica': ['db3'], tiers: ['db1', 'db2'], own: [] }
  return ['lb1', 'web1', 'web2', ...more[topology]].map((name) => ({ name }))
}

/** What Enter at every question gives. */
export const defaultAnswers: Answers = {
  where: 'lab',
  topology: 'active-active',
  hosts: usualHosts('active-active'),
  domains: ['www.foobar.com', 'foobar.com'],
  balance: 'roundrobin',
  database: 'mysql',
  app: 'sample',
  letsencrypt: { directory: 'staging' },
  firewall: true,
  admins: [],
}

/** Checks answers from anywhere; throws a ProvisionError (`input`) that says which answer is wrong and what was expected. */
export function checkAnswers(input: unknown, source: string): Answers {
  const fail = (message: string, hint?: string): never => {
    throw new ProvisionError({ code: 'input', message: `${source}: ${message}`, hint })
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return fail('expected an object of answers')
  const checked = checkObject(entries, input)
  if ('issue' in checked) return fail(checked.issue)
  const answers = checked.value as Answers // the schema's own output
  const names = answers.hosts.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) fail(`hosts: '${twice}' is there twice, expected every name once`)
  const needed = hostsNeeded[answers.topology]
  if (names.length < needed)
    fail(`hosts: the topology ${answers.topology} needs ${needed} hosts, found ${names.length}`)
  const bare = answers.where === 'servers' && answers.hosts.find((one) => one.address === undefined)
  if (bare) fail(`hosts: ${bare.name} has no address, expected one for servers of your own`)
  if (answers.topology === 'own') checkPlacement(answers, names, fail)
  else if (answers.placement) fail(`placement: expected with the topology own only, found ${answers.topology}`)
  return answers
}

function checkPlacement(answers: Answers, names: readonly string[], fail: (message: string, hint?: string) => never) {
  if (!answers.placement) return fail('placement: expected with the topology own: { lb, web, app, db }, lists of names')
  for (const tier of tiers) {
    const here = answers.placement[tier]
    if (here.length === 0) fail(`placement.${tier}: expected at least one host`)
    const unknown = here.find((name) => !names.includes(name))
    if (unknown !== undefined) fail(`placement.${tier}: there is no host '${unknown}'`, `Hosts: ${names.join(', ')}.`)
  }
}

/** Which host gets which role. */
export function placementOf({ topology, hosts, placement: own }: Answers): Placement {
  const names = hosts.map(({ name }) => name)
  const [lb = '', first = '', second = '', ...rest] = names
  const web = [first, second]
  switch (topology) {
    case 'active-active':
    case 'active-passive':
      return { lb: [lb], web: [...web, ...rest], app: [...web, ...rest], db: web }
    case 'extra-replica':
      return { lb: [lb], web, app: web, db: [...web, ...rest] }
    case 'tiers':
      return { lb: [lb], web, app: web, db: rest }
    case 'own':
      return own ?? { lb: names, web: names, app: names, db: names }
  }
}
