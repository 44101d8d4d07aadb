import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabHome } from './home.ts'
import { layersInUse } from './package-cache.ts'

const day = 86_400_000

/** Removes base images that a newer one has replaced and that no lab stands on; one of the last day is let be. */
export async function removeOldImages(home: LabHome): Promise<void> {
  const used = await layersInUse(home)
  const images: { name: string; kind: string; time: number }[] = []
  for (const name of await readdir(home.bases).catch(() => [])) {
    if (name.includes('.unfinished')) continue
    const { ctimeMs } = await stat(join(home.bases, name)).catch(() => ({ ctimeMs: Date.now() }))
    images.push({ name, kind: name.replace(/-[\da-f]{8}(-|$).*/, ''), time: ctimeMs })
  }
  for (const image of images) {
    const folder = join(home.bases, image.name)
    const replaced = images.some((other) => other.kind === image.kind && other.time > image.time)
    const standsOnIt = [...used].some((layer) => layer === folder || layer.startsWith(`${folder}/`))
    const isServicesBase = images.some(({ name }) => name.startsWith(`services-${image.name}-`))
    if (!replaced || standsOnIt || isServicesBase || Date.now() - image.time < day) continue
    await rm(folder, { recursive: true, force: true })
  }
}
