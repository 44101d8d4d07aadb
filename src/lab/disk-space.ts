import { mkdir, readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand, tryCommand } from './command.ts'
import type { LabPlace } from './home.ts'

const overlayType = 0x794c7630 // OVERLAYFS_SUPER_MAGIC, statfs(2)

/** Makes the folder of the hosts' disks. On a machine that itself runs on an overlay (a container), it is kept in memory. */
export async function ensureDiskSpace(place: LabPlace): Promise<void> {
  const folder = join(place.folder, 'hosts')
  await mkdir(folder, { recursive: true })
  if ((await statfs(folder)).type !== overlayType) return // an overlay cannot write onto an overlay
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=75%', 'provision-lab', folder])
}

/** Lets go of what `ensureDiskSpace` may have mounted, this time or an earlier one. */
export async function releaseDiskSpace(place: LabPlace): Promise<void> {
  const folder = join(place.folder, 'hosts')
  while ((await readFile('/proc/self/mounts', 'utf8')).includes(` ${folder} `)) {
    const { exitCode } = await tryCommand('umount', [folder])
    if (exitCode !== 0) await runCommand('umount', ['-l', folder])
  }
}
