import type { WritableSecretSource } from './source.ts'
import { changeVault } from './vault.ts'
import { type KeyOf, type OpenVault, openVault } from './vault-file.ts'
import { withValues } from './vault-text.ts'

/** Secrets from a vault, decrypted when the first is asked for; generated ones are added to it. */
export function vaultSource(file: string, keyOf: KeyOf): WritableSecretSource {
  let opened: OpenVault | undefined
  const open = (): OpenVault => {
    opened ??= openVault(file, keyOf)
    return opened
  }
  return {
    title: file,
    find: (name) => open().content.entries.get(name)?.value,
    howToSet: (name) => `run provision vault set ${name}`,
    keep: (name, value) => {
      const add: Parameters<typeof changeVault>[2] = (content) =>
        content.entries.has(name) ? content : withValues(content, { [name]: value })
      opened = changeVault(file, keyOf, add, open())
      return opened.content.entries.get(name)?.value ?? value
    },
  }
}
