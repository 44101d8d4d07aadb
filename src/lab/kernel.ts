import { readFile, writeFile } from 'node:fs/promises'
import { ProvisionError } from '../core/error.ts'

/** Prepares the kernel of this machine for hosts: it forwards their packets, and has room for many of them. */
export async function prepareKernel(hosts: number): Promise<void> {
  await raiseSetting('net.ipv4.ip_forward', 1)
  // Each systemd takes several inotify instances: at the default of 128 the 13th host cannot boot. A machine that is
  // itself a container may not change this; a few hosts fit in any case.
  await raiseSetting('fs.inotify.max_user_instances', 8192).catch((error: unknown) => {
    if (hosts > 8) throw error
  })
}

async function raiseSetting(name: string, least: number): Promise<void> {
  const file = `/proc/sys/${name.replaceAll('.', '/')}`
  const value = Number(await readFile(file, 'utf8'))
  if (value >= least) return
  await writeFile(file, String(least)).catch((cause: unknown) => {
    throw new ProvisionError({
      code: 'lab',
      message: `The kernel setting ${name} is ${value} here and cannot be raised to ${least}, which the lab needs.`,
      cause,
    })
  })
}
