// The arguments of `provision vault …`.
import { type Command, Option } from 'commander'
import type { Io } from './io.ts'
import { type Choose, collect, optionsOf } from './program-options.ts'
import type { VaultCommandOptions } from './vault-command.ts'
import type { VaultInitOptions } from './vault-init.ts'

/** Adds `vault` and what is under it. */
export function addVaultCommands(program: Command, io: Io, choose: Choose): void {
  const load = () => import('./vault-command.ts')
  const vault = program
    .command('vault')
    .description('secrets of the project in an encrypted file, to be committed')
    .helpCommand(false)
  const withFile = (command: Command, description: string) =>
    command
      .description(description)
      .addOption(new Option('--vault <file>', 'the vault').default('secrets.age'))
      .option('--vault-key-file <file>', 'the key (default: PROVISION_VAULT_KEY_FILE, or ~/.config/provision/key)')
  const options = (command: Command) => optionsOf<VaultCommandOptions>(command)

  withFile(vault.command('init'), 'make a vault, and a key if you have none')
    .option('--passphrase', 'lock it with a passphrase instead of keys')
    .option('-r, --recipient <age1…>', 'who may open it besides you; may be repeated', collect)
    .option('--import <file>', 'take secrets over: .provision/secrets.json, or the text of vault view (- for stdin)')
    .action((_options: object, command: Command) =>
      choose(async () => (await import('./vault-init.ts')).initCommand(io, optionsOf<VaultInitOptions>(command))),
    )
  withFile(vault.command('edit'), 'open the secrets in $EDITOR').action((_options: object, command: Command) =>
    choose(async () => (await import('./vault-edit.ts')).editCommand(io, options(command))),
  )
  withFile(vault.command('view'), 'print all secrets')
    .argument('[file]', 'another vault than --vault')
    .option('--names', 'the names alone')
    .action((file: string | undefined, _options: object, command: Command) =>
      choose(async () => (await load()).viewCommand(io, file, options(command))),
    )
  withFile(vault.command('get'), 'print a secret')
    .argument('<name>')
    .action((name: string, _options: object, command: Command) =>
      choose(async () => (await load()).getCommand(io, name, options(command))),
    )
  withFile(vault.command('set'), 'set a secret; the value is read from stdin, or asked for')
    .argument('<name>')
    .action((name: string, _options: object, command: Command) =>
      choose(async () => (await load()).setCommand(io, name, options(command))),
    )
  withFile(vault.command('rotate'), 'give generated secrets new random values')
    .argument('<name...>')
    .option('--force', 'also secrets that do not look generated')
    .action((names: string[], _options: object, command: Command) =>
      choose(async () => (await load()).rotateCommand(io, names, options(command))),
    )
  withFile(vault.command('key'), 'print your public key; makes a key if you have none').action(
    (_options: object, command: Command) =>
      choose(async () => (await import('./vault-key-command.ts')).keyCommand(io, options(command))),
  )
  withFile(vault.command('merge'), "git's merge driver: merges secret by secret")
    .argument('<base>')
    .argument('<ours>')
    .argument('<theirs>')
    .action((base: string, ours: string, theirs: string, _options: object, command: Command) =>
      choose(async () => (await load()).mergeCommand(io, [base, ours, theirs], options(command))),
    )
  const recipients = vault.command('recipients').description('who may open the vault').helpCommand(false)
  withFile(recipients.command('list'), 'public keys and whose they are').action((_options: object, command: Command) =>
    choose(async () => (await load()).listRecipientsCommand(io, options(command))),
  )
  withFile(recipients.command('add'), 'encrypt to one more')
    .argument('<age1…>', 'a public key')
    .argument('[label...]', 'whose it is')
    .action((recipient: string, label: string[], _options: object, command: Command) =>
      choose(async () => (await load()).addRecipientCommand(io, recipient, label, options(command))),
    )
  withFile(recipients.command('remove'), 'encrypt to one less')
    .argument('<who>', 'a public key, or its label')
    .action((who: string, _options: object, command: Command) =>
      choose(async () => (await load()).removeRecipientCommand(io, who, options(command))),
    )
}
