import { createHash } from 'node:crypto'
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runCommand } from './command.ts'
import type { LabHome } from './home.ts'
import type { Suite } from './lab-host.ts'
import { withLock } from './lock.ts'
import { type Mirror, probeSources } from './mirror.ts'

/** What every image builder needs to know. */
export interface ImageContext {
  readonly home: LabHome
  readonly mirror: Mirror
  readonly onProgress: (message: string) => void
  readonly signal?: AbortSignal | undefined
}

// What a small Debian server has, and nothing more: roles install what they need. No Python, on purpose.
const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'sudo',
  'iproute2',
  'ca-certificates',
  'procps',
  'iputils-ping',
  'debian-archive-keyring',
]

// Runs outside the new root ($1) at the end of the build. Units are masked only where a container has no use for them;
// timers that a role may want are merely off, so that they do not fight with tests for apt's locks.
const customize = `#!/bin/sh
set -eu
root=$1
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -f "$root"/etc/ssh/ssh_host_*
cp -r "$LAB_FILES/." "$root/"
: >"$root/etc/machine-id"
chroot "$root" update-ca-certificates >/dev/null
chroot "$root" systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer 2>/dev/null || :
for unit in getty.target console-getty.service systemd-networkd-wait-online.service systemd-firstboot.service systemd-pstore.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
`

/** Answers with the folder of a release's base image; builds it first if this machine has none that is up to date. */
export async function ensureBaseImage(suite: Suite, context: ImageContext): Promise<string> {
  const folder = join(context.home.bases, `${suite}-${recipeKey([suite, context.mirror, packages, customize])}`)
  if (await exists(folder)) return folder
  return await buildOnce(folder, context, async (unfinished) => {
    context.onProgress(`building the ${suite} base image (once for this machine, about 20 seconds)`)
    const sources = await probeSources(context.mirror, suite, context.signal)
    const files = `${unfinished}.files`
    await writeTree(files, baseFiles(suite, sources, context.mirror))
    await writeFile(`${unfinished}.customize`, customize, { mode: 0o755 })
    await runBuilder(
      [
        'mmdebstrap',
        '--quiet',
        '--mode=root',
        '--format=directory',
        '--variant=minbase',
        '--skip=cleanup/apt/lists,check/signed-by',
        `--include=${packages.join(',')}`,
        `--aptopt=${join(files, aptConfiguration)}`,
        `--dpkgopt=force-unsafe-io`,
        `--customize-hook=${unfinished}.customize`,
        suite,
        unfinished,
        join(files, aptSources),
      ],
      { LAB_FILES: files },
      context.signal,
    )
  })
}

/** Builds a folder under a temporary name and renames it when it is whole; two callers at once build it one time. */
export async function buildOnce(
  folder: string,
  context: ImageContext,
  build: (unfinished: string) => Promise<void>,
): Promise<string> {
  const lock = join(context.home.locks, `image-${folder.slice(folder.lastIndexOf('/') + 1)}`)
  const waiting = {
    signal: context.signal,
    onWait: () => context.onProgress('waiting for another lab to build the image'),
  }
  return await withLock(lock, waiting, async () => {
    if (await exists(folder)) return folder
    const unfinished = `${folder}.unfinished`
    await removeUnfinished(unfinished)
    try {
      await mkdir(dirname(folder), { recursive: true })
      await build(unfinished)
      await rename(unfinished, folder)
    } finally {
      await removeUnfinished(unfinished)
    }
    return folder
  })
}

/** Runs a long command in namespaces of its own, so that whatever ends it or us ends all of it and its mounts. */
export async function runBuilder(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  const isolation = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'slave', '--pid', '--fork']
  return await runCommand('setpriv', [...isolation, '--kill-child', '--mount-proc', ...command], {
    environment: { DEBIAN_FRONTEND: 'noninteractive', ...environment },
    signal,
  })
}

/** A short fingerprint of everything that an image is made from. */
export function recipeKey(recipe: unknown): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 8)
}

/** Writes small files, given by their path inside a folder. */
export async function writeTree(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
}

/** Whether a path exists. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

const aptConfiguration = 'etc/apt/apt.conf.d/90lab'
const aptSources = 'etc/apt/sources.list.d/debian.sources'

function baseFiles(suite: Suite, sources: string, mirror: Mirror): Record<string, string> {
  const settings = [
    ...mirror.settings,
    'Acquire::Languages "none";',
    'APT::Keep-Downloaded-Packages "true";', // labDown collects them for the next lab
    'Binary::apt::APT::Keep-Downloaded-Packages "true";',
    ...(suite === 'sid' ? ['Acquire::Check-Valid-Until "false";'] : []), // a mirror's snapshot of sid is soon past its date
  ]
  const files: Record<string, string> = {
    [aptConfiguration]: `${settings.join('\n')}\n`,
    [aptSources]: sources,
    'etc/dpkg/dpkg.cfg.d/lab': 'force-unsafe-io\n',
  }
  for (const [name, text] of Object.entries(mirror.certificates))
    files[`usr/local/share/ca-certificates/${name}`] = text
  return files
}

async function removeUnfinished(unfinished: string): Promise<void> {
  const folder = dirname(unfinished)
  const prefix = unfinished.slice(folder.length + 1)
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true })
  }
}
