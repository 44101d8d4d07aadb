// What the bench's hosts have on top of the lab's base image, as one read-only layer that all of them share, made once for this
// machine. Python is there for Ansible; sshd writes its own log, in which logins and sessions are counted.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buildOnce, ensureBaseImage, type ImageContext, recipeKey, runBuilder } from '../src/lab/base-image.ts'
import { labHome } from '../src/lab/home.ts'
import { readMirror } from '../src/lab/mirror.ts'
import { packages, services } from './content/content.ts'

/**
 * `bare`: the content's packages are downloaded and not installed; `packages`: they are installed and their services are
 * stopped and disabled; `running`: their services start at boot, which saves many hosts the first converge.
 */
export type Image = 'bare' | 'packages' | 'running'

/** Where sshd writes on the hosts. */
export const sshdLog = 'var/log/sshd-bench.log'

// $1 is the base image, $2 the folder of the layer, $3 which image. It runs in a mount namespace of its own.
const build = `set -eu
mkdir -p "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" hostwright-bench "$2/root"
root=$2/root image=$3
shift 3
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
printf '%s' "$BENCH_RESOLV" >"$root/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf 'APT::Install-Recommends "false";\\n' >"$root/etc/apt/apt.conf.d/91bench"
apt() { chroot "$root" apt-get -qq -o DPkg::Lock::Timeout=60 --yes "$@"; }
apt install python3 python3-apt || { apt update && apt install python3 python3-apt; }
if [ "$image" = bare ]; then
  apt --download-only install "$@"
else
  apt install "$@"
  chroot "$root" systemctl --quiet disable $BENCH_SERVICES
  apt clean
fi
[ "$image" != running ] || chroot "$root" systemctl --quiet enable $BENCH_SERVICES
printf 'LogLevel VERBOSE\\nMaxStartups 200\\nUseDNS no\\n' >"$root/etc/ssh/sshd_config.d/bench.conf"
echo 'SSHD_OPTS="-E /${sshdLog}"' >"$root/etc/default/ssh"
for unit in man-db.timer logrotate.timer systemd-resolved.service; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
rm -f "$root"/etc/ssh/ssh_host_* "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
`

/** The folder of the layer, built first if this machine has none that is up to date. */
export async function ensureImage(image: Image, say: (message: string) => void): Promise<string> {
  const home = labHome()
  const mirror = await readMirror(process.env.PROVISION_LAB_MIRROR)
  const context: ImageContext = { home, mirror, onProgress: say }
  const base = await ensureBaseImage('bookworm', context)
  const name = `bench-${image}-${basename(base)}-${recipeKey([build, packages, services])}`
  const folder = await buildOnce(join(home.bases, name), context, async (unfinished) => {
    say(`adding the bench's packages to the base image (${image}, once for this machine)`)
    await mkdir(unfinished, { recursive: true })
    const environment = {
      BENCH_RESOLV: await readFile('/etc/resolv.conf', 'utf8'),
      BENCH_SERVICES: services.join(' '),
    }
    await runBuilder(['sh', '-c', build, 'sh', base, unfinished, image, ...packages], environment)
    await rm(join(unfinished, 'work'), { recursive: true, force: true })
  })
  return join(folder, 'upper')
}
