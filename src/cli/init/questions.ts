// The questions, in the order in which one thinks of a site. Each begins with the present answer, so that Enter keeps it.

import { accountName } from '../../core/schema.ts'
import {
  type Answers,
  domain,
  email,
  gitUrl,
  type HostAnswer,
  placementOf,
  publicKey,
  reasonOf,
  type Tier,
  tiers,
  usualHosts,
} from '../../wizard/answers.ts'
import type { Ask } from './ask.ts'
import { askHosts, type HostSources } from './host-questions.ts'

export interface Surveyed extends HostSources {
  /** Warns of domains that do not lead to the load balancers. */
  readonly checkDomains: (answers: Pick<Answers, 'domains'>, addresses: readonly string[]) => Promise<readonly string[]>
  /** Whether a folder is there. */
  readonly isFolder: (path: string) => boolean
}

/** Asks everything; `before` are the present answers, or the defaults. */
export async function askAnswers(ask: Ask, before: Answers, world: Surveyed): Promise<Answers> {
  const where = await ask.choose(
    'Where do the hosts come from?',
    [
      {
        value: 'lab' as const,
        name: 'a lab on this machine',
        description: 'real Debian hosts to try things on (Linux, root)',
      },
      { value: 'servers' as const, name: 'my own servers', description: 'reached by ssh' },
      { value: 'vagrant' as const, name: 'Vagrant', description: 'a Vagrantfile is written too' },
    ],
    before.where,
  )
  const topology = await askTopology(ask, before)
  const same = where === before.where && topology === before.topology
  const hosts: readonly HostAnswer[] =
    where === 'servers'
      ? await askHosts(ask, topology, same ? before.hosts : [], world)
      : same
        ? before.hosts
        : usualHosts(topology)
  const placement = topology === 'own' ? await askPlacement(ask, { ...before, topology, hosts: [...hosts] }) : undefined
  const domains = await askDomains(ask, before.domains)
  const draft: Answers = { ...before, where, topology, hosts: [...hosts], domains }
  if (where === 'servers') {
    const { lb } = placementOf(placement ? { ...draft, placement } : draft)
    const addresses = hosts.filter((host) => lb.includes(host.name)).map((host) => host.address ?? host.name)
    for (const warning of await world.checkDomains({ domains }, addresses)) ask.say(warning)
  }
  const balance = await ask.choose(
    'How are requests spread over the web servers?',
    [
      { value: 'roundrobin' as const, name: 'in turn (roundrobin)' },
      { value: 'leastconn' as const, name: 'to the one with the fewest connections (leastconn)' },
      { value: 'source' as const, name: 'by the client address (source)' },
    ],
    before.balance,
  )
  const database = await ask.choose(
    'Which database?',
    [
      { value: 'mysql' as const, name: 'MySQL', description: 'Debian sid and Ubuntu have it; Debian releases do not' },
      { value: 'mariadb' as const, name: 'MariaDB', description: 'of every Debian and Ubuntu' },
    ],
    same ? before.database : where === 'lab' ? 'mysql' : 'mariadb',
  )
  const app = await askApp(ask, before.app, world.isFolder)
  const letsencrypt = where === 'lab' ? before.letsencrypt : await askLetsencrypt(ask, before.letsencrypt)
  const firewall = await ask.yes('Firewall (ufw) that opens only what the roles need?', before.firewall)
  const admins = await askAdmins(ask, before.admins, world.publicKeys)
  return {
    where,
    topology,
    hosts: [...hosts],
    ...(placement && { placement }),
    domains,
    balance,
    database,
    app,
    letsencrypt,
    firewall,
    admins,
  }
}

async function askTopology(ask: Ask, before: Answers): Promise<Answers['topology']> {
  return await ask.choose(
    'What should the site look like?',
    [
      {
        value: 'active-active' as const,
        name: 'active-active',
        description: 'one load balancer, two servers that both serve; app and database on them',
      },
      {
        value: 'active-passive' as const,
        name: 'active-passive',
        description: 'the same, but the second server waits until the first fails',
      },
      {
        value: 'extra-replica' as const,
        name: 'extra replica',
        description: 'active-active and a fourth server with another copy of the database',
      },
      {
        value: 'tiers' as const,
        name: 'tiers on their own servers',
        description: 'one load balancer, two web servers, two or more database servers',
      },
      { value: 'own' as const, name: 'I place the roles myself' },
    ],
    before.topology,
  )
}

async function askPlacement(ask: Ask, answers: Answers): Promise<NonNullable<Answers['placement']>> {
  const what: Readonly<Record<Tier, string>> = {
    lb: 'load balancer (HAProxy, certificates)',
    web: 'web server (nginx)',
    app: 'application',
    db: 'database (the first is the primary)',
  }
  const placed: Record<Tier, string[]> = { lb: [], web: [], app: [], db: [] }
  const usual = answers.placement
  const choices = answers.hosts.map(({ name }) => ({ value: name, name }))
  for (const tier of tiers) {
    const from =
      usual?.[tier].filter((name) => choices.some((choice) => choice.value === name)) ??
      (tier === 'app' ? placed.web : [])
    placed[tier] = [...(await ask.several(`Which hosts are ${what[tier]}?`, choices, from))]
  }
  return placed
}

async function askDomains(ask: Ask, before: readonly string[]): Promise<string[]> {
  const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== '')
  const validate = (text: string): true | string => {
    if (words(text).length === 0) return 'expected at least one domain'
    for (const word of words(text)) {
      const reason = reasonOf(domain, word)
      if (reason !== true) return `${word}: ${reason}`
    }
    return true
  }
  return words(await ask.text('Domain names, the main one first:', before.join(' '), validate))
}

async function askApp(ask: Ask, before: Answers['app'], isFolder: (path: string) => boolean): Promise<Answers['app']> {
  const kind = before === 'sample' ? 'sample' : 'git' in before ? 'git' : 'directory'
  const chosen = await ask.choose(
    'Where is your app?',
    [
      { value: 'sample', name: 'take the sample app', description: 'a small Node app, copied into app/' },
      { value: 'git', name: 'in a git repository' },
      { value: 'directory', name: 'in a folder on this machine' },
    ],
    kind,
  )
  if (chosen === 'git') {
    const old = before !== 'sample' && 'git' in before ? before : { git: '', version: 'main' }
    const git = await ask.text('URL of the repository:', old.git, (text) => reasonOf(gitUrl, text))
    return {
      git,
      version: await ask.text(
        'Branch, tag or commit:',
        old.version,
        (text) => text !== '' || 'expected a branch, a tag or a commit',
      ),
    }
  }
  if (chosen === 'directory') {
    const old = before !== 'sample' && 'directory' in before ? before.directory : ''
    const validate = (path: string) => isFolder(path) || `there is no folder ${path}`
    return { directory: await ask.text('Folder (relative to the project, or absolute):', old, validate) }
  }
  return 'sample'
}

async function askLetsencrypt(ask: Ask, before: Answers['letsencrypt']): Promise<Answers['letsencrypt']> {
  const directory = await ask.choose(
    "Certificates of Let's Encrypt:",
    [
      {
        value: 'staging' as const,
        name: 'staging first',
        description: 'browsers do not trust them; no rate limits while you try',
      },
      { value: 'production' as const, name: 'production', description: 'trusted; five failures an hour and you wait' },
    ],
    before.directory,
  )
  const mail = await ask.text(
    'E-mail for expiry notices (empty: none):',
    before.email ?? '',
    (text) => text === '' || reasonOf(email, text),
  )
  return { directory, ...(mail !== '' && { email: mail }) }
}

async function askAdmins(ask: Ask, before: Answers['admins'], keys: readonly string[]): Promise<Answers['admins']> {
  const names = await ask.text(
    'Admin users to create on every host (names, or empty for none):',
    before.map(({ name }) => name).join(' '),
    (text) => {
      for (const word of text.split(/[\s,]+/).filter(Boolean)) {
        const reason = reasonOf(accountName, word)
        if (reason !== true) return `${word}: ${reason}`
      }
      return true
    },
  )
  const admins: Answers['admins'] = []
  for (const name of new Set(names.split(/[\s,]+/).filter(Boolean))) {
    const old = before.find((admin) => admin.name === name)?.keys ?? []
    const offered = [...new Set([...old, ...keys])]
    const other = ''
    const choices = [
      ...offered.map((key) => ({ value: key, name: shortKey(key) })),
      { value: other, name: 'another key, which I paste' },
    ]
    const chosen =
      offered.length === 0 ? other : await ask.choose(`Public key of ${name}:`, choices, old[0] ?? offered[0] ?? other)
    const key =
      chosen === other ? await ask.text(`Public key of ${name}:`, '', (text) => reasonOf(publicKey, text)) : chosen
    admins.push({ name, keys: [...new Set([...old.filter((one) => one !== key), key])] })
  }
  return admins
}

function shortKey(key: string): string {
  const [type = '', blob = '', ...comment] = key.split(' ')
  return `${type} …${blob.slice(-12)} ${comment.join(' ')}`.trim()
}
