import { chmod, chown, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabPlace } from './home.ts'
import { hostFolder, hostKeyTypes } from './keys.ts'

// A host's disk is an overlay: read-only layers that hosts share (the base image, collected packages) below a folder of
// its own. Here that folder is filled with what makes the host itself: names, keys, the user.

/** What tells one host's disk from another's. */
export interface DiskContents {
  readonly host: string
  readonly user: string
  readonly machineId: string
  /** The content of its /etc/resolv.conf. */
  readonly resolver: string
  /** The folders of the shared layers, uppermost first. */
  readonly layers: readonly string[]
}

/** The folder of a host's own changes. */
export function upperFolder(place: LabPlace, host: string): string {
  return join(hostFolder(place, host), 'upper')
}

/** Makes a host's disk anew; whatever it held is gone. */
export async function makeDisk(place: LabPlace, contents: DiskContents): Promise<void> {
  const folder = hostFolder(place, contents.host)
  const upper = upperFolder(place, contents.host)
  await rm(upper, { recursive: true, force: true })
  await rm(join(folder, 'layers'), { force: true })
  const authorized = await readFile(`${place.identityFile}.pub`, 'utf8')
  const { host, user, machineId } = contents
  const home = join('home', user)

  // The folders' modes count: an overlay shows the mode of its upper folder.
  for (const path of ['', 'etc', 'etc/ssh', 'etc/sudoers.d', 'home']) await makeFolder(join(upper, path), 0o755)
  await makeFolder(join(upper, 'root'), 0o700)
  await makeFolder(join(upper, 'root/.ssh'), 0o700)
  await makeFolder(join(upper, home), 0o700, userId)
  await makeFolder(join(upper, home, '.ssh'), 0o700, userId)

  const addressBook = `127.0.0.1\tlocalhost\n127.0.1.1\t${host}\n\n::1\tlocalhost ip6-localhost ip6-loopback\n`
  await writeOwned(join(upper, 'etc/hostname'), `${host}\n`, 0o644)
  await writeOwned(join(upper, 'etc/hosts'), addressBook, 0o644)
  await writeOwned(join(upper, 'etc/machine-id'), `${machineId}\n`, 0o444)
  await writeOwned(join(upper, 'etc/resolv.conf'), contents.resolver, 0o644)
  await writeOwned(join(upper, 'root/.ssh/authorized_keys'), authorized, 0o600)
  await writeOwned(join(upper, home, '.ssh/authorized_keys'), authorized, 0o600, userId)
  await writeOwned(join(upper, 'etc/sudoers.d/provision-lab'), `${user} ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440)
  for (const type of hostKeyTypes) {
    for (const [suffix, mode] of [['', 0o600] as const, ['.pub', 0o644] as const]) {
      const name = `ssh_host_${type}_key${suffix}`
      await copyFile(join(folder, 'keys', name), join(upper, 'etc/ssh', name))
      await chmod(join(upper, 'etc/ssh', name), mode)
    }
  }
  const base = contents.layers.at(-1) ?? '/'
  for (const name of await readdir(join(base, 'etc/skel'))) {
    await writeOwned(join(upper, home, name), await readFile(join(base, 'etc/skel', name), 'utf8'), 0o644, userId)
  }
  const { layers } = contents
  await appendTo(layers, upper, 'etc/passwd', `${user}:x:${userId}:${userId}::/home/${user}:/bin/bash`, 0o644)
  await appendTo(layers, upper, 'etc/group', `${user}:x:${userId}:`, 0o644)
  await appendTo(layers, upper, 'etc/shadow', `${user}:*:20000:0:99999:7:::`, 0o640, shadowGroup)
  await appendTo(layers, upper, 'etc/gshadow', `${user}:!::`, 0o640, shadowGroup)
  // Written last: a disk without this file was not finished.
  await writeFile(join(folder, 'layers'), contents.layers.join('\n'))
}

/** The layers of a host's disk, or null if it has no whole disk. */
export async function diskLayers(place: LabPlace, host: string): Promise<string[] | null> {
  const text = await readFile(join(hostFolder(place, host), 'layers'), 'utf8').catch(() => null)
  return text ? text.split('\n') : null
}

const userId = 1000
const shadowGroup = 42 // the same in every Debian: base-passwd gives it

async function makeFolder(path: string, mode: number, owner = 0): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, mode)
  await chown(path, owner, owner)
}

async function writeOwned(path: string, text: string, mode: number, owner = 0, group = owner): Promise<void> {
  await writeFile(path, text)
  await chown(path, owner, group)
  await chmod(path, mode)
}

async function appendTo(
  layers: readonly string[],
  upper: string,
  path: string,
  line: string,
  mode: number,
  group = 0,
): Promise<void> {
  const text = await readTopmost(layers, path)
  await writeOwned(join(upper, path), `${text.trimEnd()}\n${line}\n`, mode, 0, group)
}

/** A file as the layers show it: packages of an upper layer have added users to the lower one's. */
async function readTopmost(layers: readonly string[], path: string): Promise<string> {
  for (const layer of layers) {
    const text = await readFile(join(layer, path), 'utf8').catch(() => null)
    if (text !== null) return text
  }
  throw new Error(`no layer has ${path}: ${layers.join(', ')}`)
}
