import { mkdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buildOnce, ensureBaseImage, exists, type ImageContext, recipeKey, runBuilder } from './base-image.ts'
import type { Suite } from './lab-host.ts'

const packages = ['dnsmasq-base', 'pebble']

// $1 is the base image, $2 the folder of the layer. It runs in a mount namespace of its own: nothing stays mounted.
// Where an overlay cannot be written to (the machine itself runs on one), the layer is a whole copy.
const install = `set -eu
mkdir -p "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" provision-lab "$2/root" 2>/dev/null || {
  cp -a "$1/." "$2/upper/"
  mount --bind "$2/upper" "$2/root"
}
mount --rbind /dev "$2/root/dev"
mount -t proc proc "$2/root/proc"
printf '%s' "$LAB_RESOLV" >"$2/root/etc/resolv.conf"
printf '#!/bin/sh\\nexit 101\\n' >"$2/root/usr/sbin/policy-rc.d"
chmod 755 "$2/root/usr/sbin/policy-rc.d"
shift 2
chroot "$root" apt-get -qq -o DPkg::Lock::Timeout=60 --no-install-recommends --yes install "$@" ||
  { chroot "$root" apt-get -qq update && chroot "$root" apt-get -qq --no-install-recommends --yes install "$@"; }
chroot "$root" apt-get clean
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
`

/** The layers, uppermost first, of the small system that runs a lab's name server and its certificate authority. */
export async function ensureServicesImage(suite: Suite, context: ImageContext): Promise<readonly string[]> {
  const base = await ensureBaseImage(suite, context)
  const folder = join(context.home.bases, `services-${basename(base)}-${recipeKey([packages, install])}`)
  if (!(await exists(folder))) {
    await buildOnce(folder, context, async (unfinished) => {
      context.onProgress(
        `adding a name server and the Pebble test CA to the ${suite} base image (once for this machine)`,
      )
      await mkdir(unfinished, { recursive: true })
      const environment = { LAB_RESOLV: await readFile('/etc/resolv.conf', 'utf8'), root: join(unfinished, 'root') }
      await runBuilder(['sh', '-c', install, 'sh', base, unfinished, ...packages], environment, context.signal)
      await rm(join(unfinished, 'work'), { recursive: true, force: true })
    })
  }
  return [join(folder, 'upper'), base]
}
