import { spawn } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { groupProcesses, killGroups, makeGroups } from './cgroups.ts'
import { pause, searchPath, tryCommand } from './command.ts'
import { upperFolder } from './disk.ts'
import type { LabPlace } from './home.ts'
import { hostFolder } from './keys.ts'
import { type LabPort, namespaceName, plugIn, unplug } from './network.ts'

/** What one container runs on. */
export interface Machine {
  readonly port: LabPort
  readonly subnet: string
  /** The shared layers of its disk, uppermost first. */
  readonly layers: readonly string[]
  /** A command to run instead of booting an operating system. */
  readonly command?: readonly string[]
}

// The disk is mounted inside a mount namespace of the container's own: when its last process is gone, so is the mount,
// however it ended. The other network namespaces are let go in there, else this container would keep them alive.
// `volatile` spares the machine the hosts' fsync calls (package managers and databases make thousands); what is written
// still survives the death of the container, only not the death of the machine.
const launch = `set -eu
for group in $LAB_GROUPS; do echo $$ >"$group/cgroup.procs"; done
exec unshare --mount --propagation slave sh -euc '
  : >"$LAB_FOLDER/network"
  mount --bind "/run/netns/$LAB_NETWORK" "$LAB_FOLDER/network"
  for other in /run/netns/*; do umount -l "$other" || :; done
  mount -t overlay -o "$LAB_OVERLAY,volatile" provision-lab "$LAB_FOLDER/root" 2>/dev/null ||
    mount -t overlay -o "$LAB_OVERLAY" provision-lab "$LAB_FOLDER/root"
  exec systemd-nspawn "$@"
' sh "$@"
`

/** Starts a container on its disk and in a fresh network; it outlives this process. */
export async function startMachine(place: LabPlace, machine: Machine): Promise<void> {
  const host = machine.port.host
  await stopMachine(place, machine.port)
  await plugIn(place, machine.port, machine.subnet)
  const folder = hostFolder(place, host)
  // An overlay's work folder holds nothing to keep; an old one would refuse a second `volatile` mount.
  await rm(join(folder, 'work'), { recursive: true, force: true })
  await mkdir(join(folder, 'work'))
  await mkdir(join(folder, 'root'), { recursive: true })
  const groups = await makeGroups(place, host)
  const overlay = `lowerdir=${machine.layers.join(':')},upperdir=${upperFolder(place, host)},workdir=${join(folder, 'work')}`
  const isolation = [
    '--quiet',
    `--machine=${machineName(place, host)}`,
    `--hostname=${host}`,
    `--directory=${join(folder, 'root')}`,
    `--network-namespace-path=${join(folder, 'network')}`,
    '--register=no',
    '--keep-unit',
    '--settings=no',
    '--capability=CAP_NET_ADMIN,CAP_NET_RAW',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=pipe',
    ...(machine.command ? ['--as-pid2', ...machine.command] : ['--boot']),
  ]
  const log = await open(consoleFile(place, host), 'w')
  try {
    const child = spawn('sh', ['-c', launch, 'sh', ...isolation], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: {
        PATH: searchPath,
        LAB_FOLDER: folder,
        LAB_GROUPS: groups.join(' '),
        LAB_NETWORK: namespaceName(place, host),
        LAB_OVERLAY: overlay,
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network', // or a role could not set net.* with sysctl
      },
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (cause) =>
        reject(new ProvisionError({ code: 'lab', message: `${host} could not be started.`, cause })),
      )
    })
    // From here on whoever looks for the host's processes finds them.
    while (child.exitCode === null && !(await isRunning(place, host))) await pause(5)
    child.unref()
  } finally {
    await log.close()
  }
}

/** Pulls a container's plug: no shutdown, every process killed at once. Its disk stays. */
export async function stopMachine(place: LabPlace, port: LabPort): Promise<void> {
  await killGroups(place, port.host)
  await unplug(place, port)
  await rm(join(nspawnFolder, 'propagate', machineName(place, port.host)), { recursive: true, force: true })
}

/** Removes what nspawn leaves in /run when it is killed, for a whole lab. */
export async function removeTraces(place: LabPlace): Promise<void> {
  const propagate = join(nspawnFolder, 'propagate')
  const hosts = await readdir(join(place.folder, 'hosts')).catch(() => [])
  for (const host of hosts) await rm(join(propagate, machineName(place, host)), { recursive: true, force: true })
  // A lock file that can be locked is nobody's; nspawn itself removes its own under the lock when it ends in peace.
  for (const name of await readdir(join(nspawnFolder, 'locks')).catch(() => [])) {
    const file = join(nspawnFolder, 'locks', name)
    await tryCommand('flock', ['--nonblock', file, 'rm', '-f', file])
  }
  for (const folder of ['propagate', 'locks', '']) await rmdir(join(nspawnFolder, folder)).catch(() => {})
}

/** Whether a container has any process. */
export async function isRunning(place: LabPlace, host: string): Promise<boolean> {
  return (await groupProcesses(place, host)).length > 0
}

/** The last lines that a container wrote on its console. */
export async function consoleTail(place: LabPlace, host: string): Promise<string> {
  const text = await readFile(consoleFile(place, host), 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-25).join('\n') || 'nothing on its console'
}

const nspawnFolder = '/run/systemd/nspawn'

function machineName(place: LabPlace, host: string): string {
  return `${place.name}-${place.id}-${host}`
}

function consoleFile(place: LabPlace, host: string): string {
  return join(hostFolder(place, host), 'console.log')
}
