import { ProvisionError } from '../core/error.ts'

/** The Debian releases that a lab host can run. */
export const suites = ['bookworm', 'trixie', 'sid'] as const

/** One of the Debian releases that a lab host can run. */
export type Suite = (typeof suites)[number]

/** A wished lab host. */
export interface LabHost {
  /** The name of the host, also its host name inside. */
  readonly name: string
  /** Its Debian release. @default 'bookworm' */
  readonly suite?: Suite | undefined
}

/** The hosts of a lab when none are asked for: one load balancer and two web and database hosts (MySQL is in sid only). */
export const defaultHosts: readonly LabHost[] = [
  { name: 'lb1', suite: 'bookworm' },
  { name: 'web1', suite: 'sid' },
  { name: 'web2', suite: 'sid' },
]

/** The release of a host that names none. */
export const defaultSuite: Suite = 'bookworm'

/** The name of the lab's own container, which no host may have. */
export const reservedName = 'services'

/** Reads `name` or `name:suite`, the form of a host on the command line. */
export function parseLabHost(text: string): LabHost {
  const [name = '', suite, ...rest] = text.split(':')
  if (rest.length > 0) {
    throw new ProvisionError({
      code: 'input',
      message: `The lab host "${text}" has more than one colon; expected name or name:suite.`,
      hint: 'Write for example db1 or db1:trixie.',
    })
  }
  checkName('lab host', name)
  if (suite === undefined) return { name }
  if (!isSuite(suite)) {
    throw new ProvisionError({
      code: 'input',
      message: `The lab host "${text}" asks for the suite "${suite}"; expected one of ${suites.join(', ')}.`,
    })
  }
  return { name, suite }
}

/** Whether a text names a Debian release that a lab host can run. */
export function isSuite(text: string): text is Suite {
  return suites.some((suite) => suite === text)
}

/** Checks the name of a lab or a host: it becomes a host name, a directory and a part of network names. */
export function checkName(what: 'lab' | 'lab host' | 'user', name: string): void {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(name) && !name.endsWith('-')) return
  throw new ProvisionError({
    code: 'input',
    message: `The ${what} name "${name}" must be 1 to 31 lower-case letters, digits and inner hyphens and begin with a letter.`,
  })
}

/** Checks a whole list of wished hosts: names and suites, and that no name occurs twice. */
export function checkHosts(hosts: readonly LabHost[]): void {
  if (hosts.length === 0) throw new ProvisionError({ code: 'input', message: 'A lab needs at least one host.' })
  const seen = new Set<string>()
  for (const { name, suite } of hosts) {
    checkName('lab host', name)
    if (name === reservedName) {
      throw new ProvisionError({
        code: 'input',
        message: `The name "${name}" is taken by the lab itself; choose another.`,
      })
    }
    if (suite !== undefined && !isSuite(suite)) parseLabHost(`${name}:${String(suite)}`)
    if (seen.has(name))
      throw new ProvisionError({ code: 'input', message: `The lab host name "${name}" is given twice.` })
    seen.add(name)
  }
  if (hosts.length > 180) {
    throw new ProvisionError({ code: 'input', message: `A lab has room for 180 hosts; ${hosts.length} are asked for.` })
  }
}
