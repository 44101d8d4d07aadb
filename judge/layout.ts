// The layouts that are proven: inventories of the examples, each with the lab hosts that the comment at its top names.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defaultHosts, type LabHost, parseLabHost } from '../src/lab/lab-host.ts'

/** A way to spread the tiers over hosts. */
export interface Layout {
  readonly name: string
  /** The inventory, relative to the project. */
  readonly inventory: string
  readonly hosts: readonly LabHost[]
}

export const projectFolder = fileURLToPath(new URL('..', import.meta.url))

const files = {
  'three-hosts': 'inventory/lab.ts',
  'five-hosts': 'inventory/examples/separate-tiers.ts',
  'three-hosts-no-single-point': 'inventory/examples/three-hosts-no-single-point.ts',
  production: 'inventory/examples/production.ts',
} as const

export type LayoutName = keyof typeof files
export const layoutNames = Object.keys(files) as LayoutName[] // the keys of the literal above

/** The name, if there is a layout of that name; throws with those that there are. */
export function findLayout(name: string): LayoutName {
  const found = layoutNames.find((known) => known === name)
  if (found) return found
  throw new Error(`there is no layout ${name}; there are ${layoutNames.join(', ')}`)
}

/** A layout by its name, with the hosts that its inventory's comment brings up. */
export function layoutOf(name: LayoutName): Layout {
  const inventory = files[name]
  const hosts = hostsOfComment(readFileSync(`${projectFolder}${inventory}`, 'utf8'))
  return { name, inventory, hosts: hosts.length > 0 ? hosts : defaultHosts }
}

/** The hosts of `provision lab up --host name:suite …` in the comment that a file begins with; none means the lab's default. */
export function hostsOfComment(text: string): LabHost[] {
  const comment = text.split('\n').slice(
    0,
    text.split('\n').findIndex((line) => !line.startsWith('//')),
  )
  return [...comment.join(' ').matchAll(/--host ([a-z0-9:-]+)/g)].map(([, host = '']) => parseLabHost(host))
}
