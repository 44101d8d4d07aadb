// From answers to files: a pure function, so that what was written last time can be written again to compare.
import { type Answers, answersFile } from './answers.ts'
import { deployFile } from './deploy-file.ts'
import { inventoryFile } from './inventory-file.ts'
import { playbookFile } from './playbook-file.ts'

/** What the files need to know beside the answers. */
export interface ProjectContext {
  /** Name of the project's folder. */
  readonly name: string
  /** The version of hostwright that package.json asks for: a range, or `file:…` of a checkout. */
  readonly hostwright: string
  /** The files of the sample app, by path inside its folder. */
  readonly sample: Readonly<Record<string, string>>
}

/** The secrets that the site needs; they are generated into the vault. */
export const secretNames = ['db.app', 'mysql.replication', 'mysql.salt', 'tls.ca'] as const

/** All files of a project but the vault, by path. */
export function filesFor(answers: Answers, context: ProjectContext): ReadonlyMap<string, string> {
  const app = answers.app === 'sample' ? Object.entries(context.sample) : []
  return new Map([
    ['inventory/hosts.ts', inventoryFile(answers)],
    ['playbooks/site.ts', playbookFile(answers)],
    ['playbooks/deploy.ts', deployFile()],
    ...app.map(([path, text]): [string, string] => [`app/${path}`, text]),
    ...(answers.where === 'vagrant' ? [['Vagrantfile', vagrantFile(answers)] as const] : []),
    ['package.json', json(packageFile(context))],
    ['tsconfig.json', json(tsconfigFile)],
    ['.gitignore', gitignoreFile],
    [answersFile, json(answers)],
  ])
}

/** The fields of package.json that are ours. */
export function packageFile({ name, hostwright }: ProjectContext) {
  return {
    name:
      name
        .toLowerCase()
        .replace(/[^a-z0-9._-]+/g, '-')
        .replace(/^[._-]+/, '') || 'site',
    private: true,
    type: 'module',
    scripts: { check: 'tsc --noEmit', provision: 'provision' },
    dependencies: { hostwright },
    devDependencies: { '@types/node': '^20.19.0', typescript: '^7.0.2' },
  }
}

const tsconfigFile = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['inventory', 'playbooks', 'roles'],
}

const gitignoreFile = `node_modules/
# what provision keeps here: caches and records of runs
.provision/
# secrets.age is encrypted and belongs into git; the key that opens it never does
*.key
`

function vagrantFile({ hosts }: Answers): string {
  return `# The machines of the site: vagrant up
Vagrant.configure('2') do |config|
  config.vm.box = 'debian/bookworm64'
  %w[${hosts.map(({ name }) => name).join(' ')}].each_with_index do |name, index|
    config.vm.define name do |machine|
      machine.vm.hostname = name
      machine.vm.network 'private_network', ip: "192.168.56.#{10 + index}"
    end
  end
end
`
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
