import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Key pairs in ~/.ssh: paths of the private keys, as `~/.ssh/…`, and the public keys' lines. */
export function keysHere(home: string): { privateKeys: readonly string[]; publicKeys: readonly string[] } {
  const folder = join(home, '.ssh')
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.pub'))
        .sort()
    : []
  const publicKeys = names
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
    .filter((line) => /^(ssh|ecdsa|sk)-/.test(line))
  const privateKeys = names
    .map((name) => name.slice(0, -'.pub'.length))
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => `~/.ssh/${name}`)
  return { privateKeys, publicKeys }
}
