// Every mistake that an inventory can hold, each found before anything is resolved, with the line of the thing itself.
import { ProvisionError } from '../core/error.ts'
import type { InventoryEntry } from '../core/inventory.ts'
import { describeValue, nearest } from '../core/schema.ts'
import type { Group } from './layers.ts'
import type { Locate } from './locate.ts'
import { findComplaint, isPlainObject } from './settings.ts'

const hostName = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/
const groupName = /^[A-Za-z_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

/** Checks an inventory as written and returns its groups, in the order written. */
export function checkInventory(entry: InventoryEntry, locate: Locate): readonly Group[] {
  const fail: Fail = (path, message, hint) => {
    throw new ProvisionError({ code: 'inventory', message, where: locate(path).get(), hint })
  }
  const checkEntry = (what: string, path: readonly string[], value: unknown, others: readonly string[]): void => {
    if (!isPlainObject(value)) fail(path, `${what}: expected an object, found ${describeValue(value)}`)
    const complaint = findComplaint(value as object, others)
    if (complaint) fail([...path, complaint.option], `${what}: ${complaint.message}`, complaint.hint)
  }
  checkEntry('inventory', [], entry, ['hosts', 'groups', 'vars'])
  if (!isPlainObject(entry.hosts))
    return fail(
      ['hosts'],
      `inventory: option 'hosts': expected an object of hosts by name, found ${describeValue(entry.hosts)}`,
    )
  const hosts = Object.keys(entry.hosts)
  if (hosts.length === 0)
    return fail(['hosts'], 'the inventory has no host', "Add one: hosts: { web1: { address: '192.0.2.11' } }.")
  for (const [name, host] of Object.entries(entry.hosts)) {
    const path = ['hosts', name]
    if (name === 'all') fail(path, "host 'all': this name means all hosts in patterns, choose another")
    if (!hostName.test(name))
      fail(
        path,
        `host '${name}': expected a name of letters, digits, - _ and .`,
        /[:@]/.test(name) ? 'Give it a plain name and say how to reach it by address, user and port.' : undefined,
      )
    checkEntry(`host ${name}`, path, host, ['vars'])
  }
  const groups = groupsAsWritten(entry, fail, checkEntry)
  checkMembers(groups, hosts, fail)
  checkCycles(groups, fail)
  return groups
}

type Fail = (path: readonly string[], message: string, hint?: string) => never

function groupsAsWritten(
  entry: InventoryEntry,
  fail: Fail,
  checkEntry: (what: string, path: readonly string[], value: unknown, others: readonly string[]) => void,
): readonly Group[] {
  if (entry.groups !== undefined && !isPlainObject(entry.groups))
    return fail(
      ['groups'],
      `inventory: option 'groups': expected an object of groups by name, found ${describeValue(entry.groups)}`,
    )
  return Object.entries(entry.groups ?? {}).map(([name, written]) => {
    const path = ['groups', name]
    if (name === 'all')
      fail(
        path,
        "group 'all': every host is in it already",
        'What holds for all hosts is written at the top of the inventory: defineInventory({ vars: { … }, … }).',
      )
    if (!groupName.test(name))
      fail(path, `group '${name}': expected a name of letters, digits, - _ and ., not beginning with a digit`)
    if (Object.hasOwn(entry.hosts, name)) fail(path, `group '${name}': there is a host of the same name`)
    const group: unknown = Array.isArray(written) ? { hosts: written } : written
    checkEntry(`group ${name}`, path, group, ['hosts', 'groups', 'vars'])
    const { hosts = [], groups = [], ...rest } = group as Partial<Group> // its options were checked
    for (const [option, list] of [
      ['hosts', hosts],
      ['groups', groups],
    ] as const) {
      if (!Array.isArray(list) || list.some((member) => typeof member !== 'string')) {
        const odd: unknown = Array.isArray(list) ? list.find((member) => typeof member !== 'string') : list
        fail(
          [...path, option],
          `group ${name}: option '${option}': expected a list of names, found ${describeValue(odd)}`,
        )
      }
    }
    return { ...rest, name, hosts, groups }
  })
}

function checkMembers(groups: readonly Group[], hosts: readonly string[], fail: Fail): void {
  const names = groups.map((group) => group.name)
  for (const group of groups) {
    for (const member of group.hosts) {
      if (hosts.includes(member)) continue
      const isGroup = names.includes(member)
      const near = nearest(member, hosts)
      fail(
        ['groups', group.name, 'hosts', member],
        `group ${group.name}: ${isGroup ? `'${member}' is a group, expected a host` : `no host '${member}' in the inventory`}`,
        isGroup ? `Write groups: ['${member}'].` : near ? `Did you mean '${near}'?` : `Hosts: ${hosts.join(', ')}.`,
      )
    }
    for (const member of group.groups) {
      if (names.includes(member)) continue
      const isHost = hosts.includes(member)
      const near = nearest(member, names)
      fail(
        ['groups', group.name, 'groups', member],
        `group ${group.name}: ${isHost ? `'${member}' is a host, expected a group` : `no group '${member}' in the inventory`}`,
        isHost ? `Write hosts: ['${member}'].` : near ? `Did you mean '${near}'?` : `Groups: ${names.join(', ')}.`,
      )
    }
  }
}

function checkCycles(groups: readonly Group[], fail: Fail): void {
  const byName = new Map(groups.map((group) => [group.name, group]))
  const finished = new Set<string>()
  const walk = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name)
    const last = path.at(-1)
    if (start !== -1 && last !== undefined) {
      fail(['groups', last, 'groups', name], `groups contain each other: ${[...path.slice(start), name].join(' → ')}`)
    }
    if (finished.has(name)) return
    for (const inner of byName.get(name)?.groups ?? []) walk(inner, [...path, name])
    finished.add(name)
  }
  for (const group of groups) walk(group.name, [])
}
