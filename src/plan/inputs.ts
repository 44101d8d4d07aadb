// The local files that a plan rests on, as keyed digests: what they hold may be secret too.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import type { InventoryHost } from '../core/host.ts'
import type { PlanKey } from './plan-key.ts'

const absent = 'absent'

/** Notes files and folders, each as it is when it is first named. */
export class Inputs {
  private readonly digests = new Map<string, string>()
  private readonly cwd: string
  private readonly key: PlanKey

  constructor(cwd: string, key: PlanKey) {
    this.cwd = cwd
    this.key = key
  }

  note(path: string): void {
    const name = nameOf(this.cwd, path)
    if (!this.digests.has(name)) this.digests.set(name, digestOf(resolve(this.cwd, path), this.key))
  }

  all(): Record<string, string> {
    return Object.fromEntries([...this.digests].sort(([left], [right]) => (left < right ? -1 : 1)))
  }
}

/** What is no longer as the plan has it, one sentence a file. */
export function changedInputs(inputs: Readonly<Record<string, string>>, cwd: string, key: PlanKey): string[] {
  return Object.entries(inputs).flatMap(([name, before]) => {
    const now = digestOf(resolve(cwd, name), key)
    if (now === before) return []
    if (before === absent) return [`${name} is new`]
    return [now === absent ? `${name} is gone` : `${name} changed`]
  })
}

/** What the inventory came out as: connections without passwords and keys, groups, variables. */
export function digestInventory(hosts: readonly InventoryHost[], key: PlanKey): string {
  const plain = hosts.map(({ name, groups, connection, vars }) => {
    const { password, becomePassword, passphrase, ...settings } = connection
    return { name, groups, settings, vars }
  })
  return key.digest('inventory', plain)
}

function nameOf(cwd: string, path: string): string {
  const near = relative(cwd, resolve(cwd, path))
  return near.startsWith('..') || isAbsolute(near) ? resolve(cwd, path) : near
}

/** A folder counts by the names in it; the files in it are inputs of their own. */
function digestOf(path: string, key: PlanKey): string {
  try {
    const status = statSync(path)
    return status.isDirectory()
      ? key.digest('folder', readdirSync(path).sort())
      : key.digest('file', readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // an error of the file system has a code
    if (code === 'ENOENT' || code === 'ENOTDIR') return absent
    throw error
  }
}
