// Debian packages that the bench needs on this machine; what is missing is installed with this machine's own apt.
import { tryCommand } from '../src/lab/command.ts'

/** Installs packages unless they are there; answers with the reason why they cannot be had, or undefined. */
export async function installPackages(names: readonly string[]): Promise<string | undefined> {
  const missing: string[] = []
  for (const name of names) {
    if ((await packageField(name, 'db:Status-Status')) !== 'installed') missing.push(name)
  }
  if (missing.length === 0) return undefined
  const options = ['-o', 'DPkg::Lock::Timeout=300', '--quiet', '--yes']
  const install = () =>
    tryCommand('apt-get', [...options, '--no-install-recommends', 'install', ...missing], {
      environment: { DEBIAN_FRONTEND: 'noninteractive' },
    })
  let result = await install()
  if (result.exitCode !== 0) {
    await tryCommand('apt-get', [...options, 'update'])
    result = await install()
  }
  if (result.exitCode === 0) return undefined
  return `apt-get install ${missing.join(' ')} failed: ${result.stderr.trim().split('\n').at(-1) ?? ''}`
}

/** The versions of some packages and programs, for the report. */
export async function versionsOf(packages: readonly string[]): Promise<Record<string, string>> {
  const versions: Record<string, string> = { node: process.version }
  for (const name of packages) {
    const version = await packageField(name, 'Version')
    if (version) versions[name] = version
  }
  return versions
}

/** A field of a package's status; empty if dpkg does not know the package. */
async function packageField(name: string, field: string): Promise<string> {
  return (await tryCommand('dpkg-query', ['-W', '-f', `\${${field}}`, name])).stdout
}
