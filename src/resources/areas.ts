// The parts of a host that files and accounts are, for footprints.
import { posix } from 'node:path'
import type { Area, Footprint } from '../core/resource.ts'

/** Files that hold users and groups. */
const accountFiles = ['/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', '/etc/subuid', '/etc/subgid']

/** Where systemd looks for units, systemd.unit(5). */
export const unitAreas: readonly Area[] = [
  'units',
  'tree:/etc/systemd',
  'tree:/run/systemd',
  'tree:/lib/systemd',
  'tree:/usr/lib/systemd',
  'tree:/usr/local/lib/systemd',
  'tree:/etc/init.d',
]

/** One path. */
export function fileArea(path: string): Area {
  return `file:${absolute(path)}`
}

/** A path and all below it. */
export function treeArea(path: string): Area {
  return `tree:${absolute(path)}`
}

/** The directories above a path. */
export function areasAbove(path: string): readonly Area[] {
  const parent = posix.dirname(absolute(path))
  return parent === path ? [fileArea(parent)] : [fileArea(parent), ...(parent === '/' ? [] : areasAbove(parent))]
}

/** What one file is, with the owner and group that it shall have. */
export function fileFootprint(
  path: string,
  { owner, group }: { readonly owner?: string | undefined; readonly group?: string | undefined } = {},
): Footprint {
  if (leadsElsewhere(path)) return {}
  const isAccounts = accountFiles.includes(absolute(path))
  return {
    reads: [
      fileArea(path),
      fileArea(posix.dirname(absolute(path))),
      ...(isAccounts ? ['accounts' as const] : []),
      ...(owner === undefined ? [] : [userArea(owner)]),
      ...(group === undefined ? [] : [groupArea(group)]),
    ],
    alters: isAccounts ? undefined : [fileArea(path)],
  }
}

export function userArea(name: string): Area {
  return `user:${name}`
}

export function groupArea(name: string | number): Area {
  return `group:${name}`
}

/** The files of accounts, which tasks may edit too. */
export const accountFileAreas: readonly Area[] = accountFiles.map(fileArea)

/** What `..` means depends on links. */
export function leadsElsewhere(path: string): boolean {
  return path.split('/').includes('..')
}

/** `//a/./b/` as `/a/b`. */
function absolute(path: string): `/${string}` {
  const plain = posix.normalize(path.startsWith('/') ? path : `/${path}`).replace(/(?<=.)\/+$/, '')
  return plain as `/${string}` // begins with a slash
}
