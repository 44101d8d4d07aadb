import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { upperFolder } from './disk.ts'
import type { LabHome, LabPlace } from './home.ts'
import type { Suite } from './lab-host.ts'
import { withLock } from './lock.ts'
import { labNames } from './state.ts'

// Packages that one lab downloaded are there for the next. They lie in a layer of the hosts' disks, below the host's own
// folder and above the base image, so apt finds them in its usual archive and no two hosts share a lock. A layer never
// changes while disks may stand on it: collecting makes a new generation, of hard links, which cost nothing.

const archive = 'var/cache/apt/archives'
const sizeLimit = 3 * 1024 ** 3
const hour = 3_600_000

/** The newest layer of downloaded packages of a release, or null if nothing has been collected. */
export async function packageLayer(home: LabHome, suite: Suite): Promise<string | null> {
  const newest = (await generations(join(home.packages, suite))).at(-1)
  return newest === undefined ? null : join(home.packages, suite, String(newest))
}

/** Keeps the packages that a lab's hosts have downloaded, before their disks are thrown away. */
export async function collectPackages(
  place: LabPlace,
  hosts: readonly { readonly name: string; readonly suite: Suite }[],
): Promise<void> {
  const { home } = place
  await withLock(join(home.locks, 'packages'), {}, async () => {
    for (const suite of new Set(hosts.map((host) => host.suite))) {
      const folders = hosts
        .filter((host) => host.suite === suite)
        .map((host) => join(upperFolder(place, host.name), archive))
      await addGeneration(home, suite, folders)
    }
    await removeOldGenerations(home)
  })
}

async function addGeneration(home: LabHome, suite: Suite, folders: readonly string[]): Promise<void> {
  const before = await packageLayer(home, suite)
  const packages = new Map<string, string>()
  if (before) for (const file of await packageFiles(join(before, archive))) packages.set(file.name, file.path)
  const known = packages.size
  for (const folder of folders) {
    for (const file of await packageFiles(folder)) if (!packages.has(file.name)) packages.set(file.name, file.path)
  }
  if (packages.size === known) return
  const number = ((await generations(join(home.packages, suite))).at(-1) ?? 0) + 1
  const layer = join(home.packages, suite, String(number))
  const unfinished = `${layer}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(join(unfinished, archive), { recursive: true })
  // An overlay shows the modes of its uppermost folder that has the path: they must be those of Debian.
  for (const folder of ['', 'var', 'var/cache', 'var/cache/apt', archive]) await chmod(join(unfinished, folder), 0o755)
  for (const path of await newestWithin(sizeLimit, [...packages.values()])) {
    const kept = join(unfinished, archive, path.slice(path.lastIndexOf('/') + 1))
    await link(path, kept).catch(() => copyFile(path, kept)) // disks may lie in memory, see disk-space.ts
  }
  await rename(unfinished, layer)
}

async function packageFiles(folder: string): Promise<{ name: string; path: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.deb')) // a deleted one is a device here
  return files.map(({ name }) => ({ name, path: join(folder, name) }))
}

async function newestWithin(limit: number, paths: readonly string[]): Promise<string[]> {
  const files = await Promise.all(paths.map(async (path) => ({ path, ...sizeAndTime(await stat(path)) })))
  files.sort((one, other) => other.time - one.time)
  let total = 0
  return files.flatMap(({ path, size }) => {
    total += size
    return total <= limit ? [path] : []
  })
}

function sizeAndTime({ size, ctimeMs }: { size: number; ctimeMs: number }): { size: number; time: number } {
  return { size, time: ctimeMs }
}

async function generations(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [])
  const numbers = names.filter((name) => /^\d+$/.test(name)).map(Number)
  return numbers.sort((one, other) => one - other)
}

// A generation goes when a newer one exists, no disk stands on it, and it is not so fresh that a disk may be about to.
async function removeOldGenerations(home: LabHome): Promise<void> {
  const used = await layersInUse(home)
  for (const suite of await readdir(home.packages).catch(() => [])) {
    for (const number of (await generations(join(home.packages, suite))).slice(0, -1)) {
      const layer = join(home.packages, suite, String(number))
      if (used.has(layer) || Date.now() - (await stat(layer)).mtimeMs < hour) continue
      await rm(layer, { recursive: true, force: true })
    }
  }
}

/** The layers that some host's disk of some lab stands on. */
export async function layersInUse(home: LabHome): Promise<Set<string>> {
  const used = new Set<string>()
  for (const lab of await labNames(home)) {
    const hosts = join(home.labs, lab, 'hosts')
    for (const host of await readdir(hosts).catch(() => [])) {
      const layers = await readFile(join(hosts, host, 'layers'), 'utf8').catch(() => '')
      for (const layer of layers.split('\n')) used.add(layer)
    }
  }
  return used
}
