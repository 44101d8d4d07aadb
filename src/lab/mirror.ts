import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import {
  type AptSource,
  chooseMirrors,
  extraSuites,
  type MirrorCandidates,
  parseAptSettings,
  parseDeb822Sources,
  parseListSources,
  parseMirrorList,
} from './apt-sources.ts'
import { runCommand, tryCommand } from './command.ts'
import type { Suite } from './lab-host.ts'

/** How this machine reaches Debian packages, read from its own apt configuration. */
export interface Mirror {
  readonly candidates: MirrorCandidates
  /** Lines for the hosts' apt.conf.d: proxies, certificates, checks of dates. */
  readonly settings: readonly string[]
  /** CA certificates that the machine's owner added, by file name: a mirror or proxy may need them. */
  readonly certificates: Readonly<Record<string, string>>
}

const aptFolder = '/etc/apt'
const certificateFolder = '/usr/local/share/ca-certificates'

/** Reads this machine's apt configuration; no address of any mirror is written down in the lab itself. */
export async function readMirror(override?: string): Promise<Mirror> {
  const sources: AptSource[] = parseListSources(await readText(join(aptFolder, 'sources.list')))
  for (const name of await listFolder(join(aptFolder, 'sources.list.d'))) {
    const text = await readText(join(aptFolder, 'sources.list.d', name))
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(text))
    if (name.endsWith('.list')) sources.push(...parseListSources(text))
  }
  if (override) sources.unshift({ uris: [override], suites: ['stable'], components: ['main'] })
  const candidates = chooseMirrors(sources)
  const found = { archive: await resolveAll(candidates.archive), security: await resolveAll(candidates.security) }
  if (override) found.archive = [override.replace(/\/+$/, '')]
  if (found.archive.length === 0) {
    throw new ProvisionError({
      code: 'lab',
      message:
        'The apt configuration of this machine names no Debian mirror (an entry with a Debian suite and "main").',
      hint: 'PROVISION_LAB_MIRROR=http://…/debian provision lab up',
    })
  }
  return {
    candidates: found,
    settings: parseAptSettings(await runCommand('apt-config', ['dump'])),
    certificates: await readCertificates(),
  }
}

/** Finds the mirrors that really have a release, and answers with its sources.list(5) stanzas. */
export async function probeSources(mirror: Mirror, suite: Suite, signal?: AbortSignal): Promise<string> {
  const archive = await firstWith(mirror.candidates.archive, suite, signal)
  if (!archive) {
    throw new ProvisionError({
      code: 'lab',
      message: `None of this machine's apt mirrors has the Debian suite ${suite}: tried ${mirror.candidates.archive.join(', ')}.`,
    })
  }
  const stanzas = [{ uri: archive, suites: [suite as string] }]
  for (const extra of extraSuites(suite)) {
    const candidates = extra.mirror === 'archive' ? [archive] : mirror.candidates.security
    const uri = await firstWith(candidates, extra.suite, signal)
    if (uri === archive) stanzas[0]?.suites.push(extra.suite)
    else if (uri) stanzas.push({ uri, suites: [extra.suite] })
  }
  return stanzas.map(renderStanza).join('\n')
}

function renderStanza({ uri, suites }: { uri: string; suites: readonly string[] }): string {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  return `Types: deb\nURIs: ${uri}\nSuites: ${suites.join(' ')}\nComponents: main\nSigned-By: ${keyring}\n`
}

// apt's own downloader, so that proxies, certificates and passwords of the machine count here as they do for apt.
async function firstWith(uris: readonly string[], suite: string, signal?: AbortSignal): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'provision-lab-'))
  try {
    for (const uri of uris) {
      const file = `${uri}/dists/${suite}/InRelease`
      const helper = ['download-file', file, join(folder, 'InRelease'), '-o', 'Acquire::Retries=1']
      const { exitCode } = await tryCommand('/usr/lib/apt/apt-helper', helper, { signal, timeoutMs: 60_000 })
      if (exitCode === 0) return uri
    }
    return null
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function resolveAll(uris: readonly string[]): Promise<string[]> {
  const resolved: string[] = []
  for (const uri of uris) {
    const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1]
    const address = list ? parseMirrorList(await readText(list)) : uri
    if (address) resolved.push(address.replace(/\/+$/, ''))
  }
  return [...new Set(resolved)]
}

async function readCertificates(): Promise<Record<string, string>> {
  const certificates: Record<string, string> = {}
  for (const name of await listFolder(certificateFolder)) {
    if (name.endsWith('.crt')) certificates[name] = await readText(join(certificateFolder, name))
  }
  return certificates
}

async function listFolder(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort()
}

async function readText(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '')
}
