// The hosts: typed, pasted several at once or picked from ~/.ssh/config; then each is tried at once.
import { accountName } from '../../core/schema.ts'
import { type Answers, type HostAnswer, hostsNeeded, port, reasonOf, usualHosts } from '../../wizard/answers.ts'
import { parseHostLines, renderHostLine } from '../../wizard/host-lines.ts'
import type { Ask } from './ask.ts'

/** What was found on a host, or why not. */
export interface Tried {
  readonly ok: boolean
  /** Lines to show. */
  readonly lines: readonly string[]
}

/** What is asked of this machine and of hosts while the wizard asks. */
export interface HostSources {
  /** Names of `Host` lines in ~/.ssh/config. */
  readonly configured: readonly string[]
  /** Private keys found here. */
  readonly privateKeys: readonly string[]
  /** Public keys found here, a line each. */
  readonly publicKeys: readonly string[]
  /** Connects; asks before it trusts an unknown key. */
  readonly tryHost: (host: HostAnswer) => Promise<Tried>
}

const order: Readonly<Record<Answers['topology'], string>> = {
  'active-active': 'the load balancer first, then the servers',
  'active-passive': 'the load balancer first, then the active server, then those that wait',
  'extra-replica': 'the load balancer first, then the two servers, then the extra replicas',
  tiers: 'the load balancer first, then two web servers, then the database servers, the primary first',
  own: 'in any order',
}

/** Asks for servers until there are enough, and tries each. */
export async function askHosts(
  ask: Ask,
  topology: Answers['topology'],
  before: readonly HostAnswer[],
  world: HostSources,
): Promise<readonly HostAnswer[]> {
  if (before.length > 0) {
    for (const host of before) ask.say(`  ${renderHostLine(host)}`)
    if (await ask.yes('Keep these hosts?', true)) return await tryAll(ask, before, world)
  }
  const picked = await pickHosts(ask, topology, world)
  return await tryAll(ask, await completeHosts(ask, picked, world), world)
}

async function pickHosts(ask: Ask, topology: Answers['topology'], world: HostSources): Promise<readonly HostAnswer[]> {
  const needed = hostsNeeded[topology]
  const fromConfig =
    world.configured.length > 0 &&
    (await ask.choose(
      'How do you name the hosts?',
      [
        { value: false, name: 'type or paste them' },
        { value: true, name: `pick them from ~/.ssh/config (${world.configured.length} there)` },
      ],
      false,
    ))
  const names = usualHosts(topology).map(({ name }) => name)
  for (;;) {
    const found = fromConfig ? await pickConfigured(ask, world, names) : await pasteHosts(ask, topology, names)
    if (found === undefined) continue
    if (found.length >= needed) return found
    ask.say(`! ${topology} needs ${needed} hosts, found ${found.length}.`)
  }
}

async function pickConfigured(ask: Ask, world: HostSources, names: readonly string[]): Promise<readonly HostAnswer[]> {
  const choices = world.configured.map((name) => ({ value: name, name }))
  const picked = await ask.several('Which hosts?', choices, [])
  const lines = picked.map((name) => (/^[a-z0-9-]+$/.test(name) ? `${name} ${name}` : name))
  const { hosts, problems } = parseHostLines(lines.join('\n'), names)
  for (const problem of problems) ask.say(`! ${problem}`)
  return hosts
}

async function pasteHosts(ask: Ask, topology: Answers['topology'], names: readonly string[]) {
  const text = await ask.lines(
    `Hosts, one a line, ${order[topology]}; an empty line ends.\n  NAME USER@ADDRESS:PORT, or an address alone (it gets the name ${names[0]}, ${names[1]} …)`,
  )
  const { hosts, problems } = parseHostLines(text, names)
  for (const problem of problems) ask.say(`! ${problem}`)
  if (problems.length === 0) return hosts
  ask.say('Once more, please, all of them.')
  return undefined
}

/** User, port and key of the hosts that do not say them. */
async function completeHosts(ask: Ask, hosts: readonly HostAnswer[], world: HostSources): Promise<HostAnswer[]> {
  const needUser = hosts.some((host) => host.user === undefined)
  const user = needUser
    ? await ask.text(
        'User to log in as (empty: what ~/.ssh/config says):',
        'root',
        (text) => text === '' || reasonOf(accountName, text),
      )
    : ''
  const needPort = hosts.some((host) => host.port === undefined)
  const typed = needPort ? await ask.text('Port of ssh:', '22', (text) => reasonOf(port, Number(text))) : '22'
  const other = 'other'
  const key = await ask.choose(
    'Key to log in with:',
    [
      { value: '', name: 'the ssh-agent, or the usual keys of ~/.ssh' },
      ...world.privateKeys.map((path) => ({ value: path, name: path })),
      { value: other, name: 'another file' },
    ],
    '',
  )
  const identityFile =
    key === other ? await ask.text('Path of the private key:', '', (text) => text !== '' || 'expected a path') : key
  return hosts.map((host) => ({
    ...(user !== '' && { user }),
    ...(typed !== '22' && { port: Number(typed) }),
    ...host,
    ...(identityFile !== '' && { identityFile }),
  }))
}

async function tryAll(ask: Ask, hosts: readonly HostAnswer[], world: HostSources): Promise<readonly HostAnswer[]> {
  const kept: HostAnswer[] = []
  for (const host of hosts) kept.push(await tryUntilDecided(ask, host, world))
  return kept
}

async function tryUntilDecided(ask: Ask, host: HostAnswer, world: HostSources): Promise<HostAnswer> {
  for (let current = host; ; ) {
    ask.say(`  ${current.name}: connecting …`)
    const { ok, lines } = await world.tryHost(current)
    for (const line of lines) ask.say(`  ${line}`)
    if (ok) return current
    const next = await ask.choose(
      `What about ${current.name}?`,
      [
        { value: 'again', name: 'I have mended it: try again' },
        { value: 'change', name: 'change its address, user or port' },
        { value: 'go on', name: 'go on regardless' },
      ],
      'again',
    )
    if (next === 'go on') return current
    if (next === 'change') current = await changeHost(ask, current)
  }
}

async function changeHost(ask: Ask, host: HostAnswer): Promise<HostAnswer> {
  const line = await ask.text(
    `${host.name} is at (USER@ADDRESS:PORT):`,
    renderHostLine(host).replace(/^\S+ /, ''),
    (text) => {
      const { problems } = parseHostLines(`${host.name} ${text}`, [])
      return problems.length === 0 || problems.join('; ')
    },
  )
  const [changed] = parseHostLines(`${host.name} ${line}`, []).hosts
  return { ...(host.identityFile !== undefined && { identityFile: host.identityFile }), ...(changed ?? host) }
}
