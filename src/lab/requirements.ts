import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { commandFailed, searchPath, tryCommand } from './command.ts'
import { withLock } from './lock.ts'

// What the lab runs on this machine, and the Debian package that has it.
const requirements: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  nft: 'nftables',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  openssl: 'openssl',
  flock: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
}

/** Checks that this machine can run a lab: Linux, root, and the packages above, which are installed if they are missing. */
export async function ensureRequirements(onProgress: (message: string) => void, signal?: AbortSignal): Promise<void> {
  const missing = process.platform === 'linux' ? await missingPackages() : []
  requirePlatform(missing)
  if (missing.length === 0) return
  if (await isMissing('apt-get')) {
    throw new ProvisionError({
      code: 'lab',
      message: `This machine lacks ${missing.join(', ')} and has no apt-get to install them with: a lab needs Debian or Ubuntu.`,
    })
  }
  await withLock('/run/lock/provision-lab-packages', { signal }, async () => {
    const stillMissing = await missingPackages()
    if (stillMissing.length === 0) return
    onProgress(`installing ${stillMissing.join(', ')} on this machine`)
    const install = ['-o', 'DPkg::Lock::Timeout=300', '--quiet', '--yes', 'install', ...stillMissing]
    const options = { environment: { DEBIAN_FRONTEND: 'noninteractive' }, signal }
    let result = await tryCommand('apt-get', install, options)
    if (result.exitCode !== 0) {
      await tryCommand('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '--quiet', 'update'], options)
      result = await tryCommand('apt-get', install, options)
    }
    if (result.exitCode !== 0) throw commandFailed('apt-get', install, result)
  })
}

/** Checks that this is Linux and that we are root; whoever is not is told which packages are missing too. */
export function requirePlatform(missing: readonly string[] = []): void {
  if (process.platform !== 'linux') {
    throw new ProvisionError({ code: 'lab', message: `A lab needs Linux; this machine runs ${process.platform}.` })
  }
  if (process.getuid?.() !== 0) {
    throw new ProvisionError({
      code: 'lab',
      message: 'A lab needs root: it makes network namespaces, mounts and containers.',
      hint:
        missing.length > 0
          ? `sudo apt-get install ${missing.join(' ')}, then sudo provision lab up`
          : 'sudo provision lab up',
    })
  }
}

async function missingPackages(): Promise<string[]> {
  const missing = new Set<string>()
  for (const [command, name] of Object.entries(requirements)) if (await isMissing(command)) missing.add(name)
  return [...missing]
}

async function isMissing(command: string): Promise<boolean> {
  const places = command.startsWith('/') ? [command] : searchPath.split(':').map((folder) => join(folder, command))
  for (const place of places) {
    const found = await access(place, constants.R_OK).then(
      () => true,
      () => false,
    )
    if (found) return false
  }
  return true
}
