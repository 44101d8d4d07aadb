// The layers of src/ (see ARCHITECTURE.md) as data, each with its reason, and the function that finds what breaks them.
import { posix } from 'node:path'

/** What a folder may import of src/; `folder/file.ts` means that file alone. */
interface Layer {
  readonly folder: string
  readonly imports: readonly string[]
  readonly why: string
}

/** What the resources of MySQL have that is not a resource: statements, positions, the client. */
const mysqlParts = ['client', 'gtid', 'replication-state', 'replication-steps', 'sql'].map(
  (part) => `resources/mysql-${part}.ts`,
)

const layers: readonly Layer[] = [
  {
    folder: 'core',
    imports: [],
    why: 'core is the vocabulary of all others: what it imported, everything would depend on.',
  },
  { folder: 'shell', imports: ['core'], why: 'quoting and scripts are text; they must be testable without hosts.' },
  { folder: 'template', imports: ['core'], why: 'rendering is text to text.' },
  {
    folder: 'resources',
    imports: ['core', 'shell', 'template'],
    why: 'a resource is probe, plan and apply as data: it never meets a connection or the engine, and so is tested by table.',
  },
  {
    folder: 'inventory',
    imports: ['core'],
    why: 'loading and selecting hosts must work before anything is connected or run.',
  },
  { folder: 'secrets', imports: ['core'], why: 'the fewer modules see secrets, the fewer can leak them.' },
  { folder: 'transport', imports: ['core'], why: 'a connection runs scripts and knows nothing of what they mean.' },
  {
    folder: 'engine',
    imports: ['core', 'shell', 'transport/connection.ts'],
    why: 'the engine knows no resource by name and only the interface of a connection, so that both can be replaced.',
  },
  { folder: 'report', imports: ['core'], why: 'a report sees a run only through its events.' },
  {
    folder: 'record',
    imports: ['core', 'report/json.ts', 'report/report.ts'],
    why: "a record is a run's events on disk; who shows them is another's business.",
  },
  {
    folder: 'plan',
    imports: ['core', 'report/diff.ts', 'report/json.ts', 'report/paint.ts', 'report/text.ts'],
    why: 'a saved plan is made of the events of a check run; the command line runs it and carries it out.',
  },
  {
    folder: 'database',
    imports: ['core', 'shell', ...mysqlParts],
    why: 'who becomes the primary is decided on data, and done by scripts that are text; the command line holds the connections.',
  },
  {
    folder: 'lab',
    imports: ['core', 'transport'],
    why: 'a lab hands over an inventory like any other source of hosts.',
  },
  {
    folder: 'wizard',
    imports: ['core', 'inventory', 'template'],
    why: 'the wizard turns answers into files and runs nothing.',
  },
  {
    folder: 'fleet',
    imports: ['core', 'engine'],
    why: 'a queue hands out hosts and merges events; how a host is reached and where secrets come from stays with the worker.',
  },
  {
    folder: 'testing',
    imports: ['core', 'engine', 'transport/fake.ts'],
    why: "tests of users' roles must need no host, no ssh and no command line.",
  },
]

/** The public names. */
const entryImports = ['core', 'resources', 'inventory']

/** Where packages enter; elsewhere they are reached through the folder that wraps them. */
const packages: Readonly<Record<string, { readonly folders: readonly string[]; readonly why: string }>> = {
  ejs: { folders: ['template'], why: 'so that its errors always come out with template file and line.' },
  ssh2: { folders: ['transport'], why: 'so that another transport is another file.' },
  'node-ssh': { folders: ['transport'], why: 'so that another transport is another file.' },
  listr2: { folders: ['report'], why: 'so that nothing but the live view draws on a terminal.' },
  diff: {
    folders: ['report', 'wizard'],
    why: 'a difference is shown in a report; the wizard puts hand edits and new answers together.',
  },
  inquirer: { folders: ['wizard', 'cli'], why: 'so that a run never stops to ask.' },
  commander: { folders: ['cli'], why: 'arguments become plain options before anything else sees them.' },
  esbuild: {
    folders: ['inventory'],
    why: "it is the loader of users' TypeScript, and loaded only when a file changed.",
  },
  bullmq: {
    folders: ['fleet'],
    why: 'it is optional: nothing but the queue may need it, and another queue is another folder.',
  },
  ioredis: {
    folders: ['fleet'],
    why: 'it is optional: nothing but the queue may need it, and another queue is another folder.',
  },
  valibot: {
    folders: ['core', 'inventory', 'resources', 'wizard', 'index.ts'],
    why: 'what users write is checked once, where it comes in.',
  },
  tar: { folders: ['resources'], why: 'only a resource packs a folder for a host.' },
  'age-encryption': { folders: ['secrets'], why: 'the fewer modules see secrets, the fewer can leak them.' },
}

/** The worked example: it uses the package like any user, by its public names. */
const userFolders = ['roles', 'playbooks', 'inventory']
const ownNames = /^hostwright(\/|$)/

/** What only cli/ may touch. `process.env`, `.platform` and the like are left to judgement. */
const terminal = /\bprocess\.(exit|exitCode|argv|stdin|stdout|stderr)\b|\bconsole\.\w+\(/
const terminalImport = /import\s*\{[^}]*\b(exit|argv|stdin|stdout|stderr)\b[^}]*\}\s*from\s*'node:(process|console)'/

export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly path: string
  readonly text: string
}

/** What breaks a rule, as `path:line: what; why`. */
export function violationsOf(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const found = [...importsOf(file.text)].flatMap(({ specifier, line }) => {
      const complaint = judge(file.path, specifier)
      return complaint ? [`${file.path}:${line}: ${complaint}`] : []
    })
    return [...found, ...terminalUses(file)]
  })
}

function judge(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  const [top = '', folder = ''] = path.split('/')
  if (userFolders.includes(top)) return judgeUser(path, specifier)
  if (!specifier.startsWith('.')) {
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
    const rule = packages[name]
    if (!rule)
      return `imports the package '${specifier}', which has no layer: name it in scripts/layers.ts with a reason`
    if (rule.folders.includes(folder)) return undefined
    return `imports '${specifier}', which enters in ${rule.folders.join(', ')} only: ${rule.why}`
  }
  const target = posix.join(posix.dirname(path), specifier)
  if (!target.startsWith('src/')) return `imports '${specifier}' from outside src: what is published must hold together`
  const [, there = ''] = target.split('/')
  if (there === folder || folder === 'cli') return undefined
  if (folder === 'index.ts') {
    if (entryImports.includes(there)) return undefined
    return `imports '${specifier}', expected only ${entryImports.join(', ')}: it is the public names and nothing else`
  }
  const layer = layers.find((entry) => entry.folder === folder)
  if (!layer) return `is in the folder ${folder}, which has no layer: name it in scripts/layers.ts with a reason`
  if (layer.imports.some((allowed) => target === `src/${allowed}` || target.startsWith(`src/${allowed}/`)))
    return undefined
  return `imports '${specifier}', expected ${layer.imports.join(', ') || 'nothing else of src'}: ${layer.why}`
}

function judgeUser(path: string, specifier: string): string | undefined {
  if (ownNames.test(specifier)) return undefined
  const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : ''
  if (userFolders.includes(target.split('/')[0] ?? '')) return undefined
  return `imports '${specifier}', expected 'hostwright', node: or ${userFolders.join('/, ')}/: the example must be what a user could write`
}

/** Every `import`, `export … from` and `import(…)`, types too: a type that is imported is a dependency. */
function* importsOf(text: string): Generator<{ specifier: string; line: number }> {
  const pattern =
    /^[ \t]*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^[ \t]*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm
  for (const match of text.matchAll(pattern)) {
    const specifier = match[1] ?? match[2] ?? match[3]
    const line = text.slice(0, match.index).split('\n').length
    if (specifier && !isComment(text.split('\n')[line - 1] ?? '')) yield { specifier, line }
  }
}

function terminalUses({ path, text }: SourceFile): string[] {
  if (!path.startsWith('src/') || path.startsWith('src/cli/')) return []
  const why = 'only src/cli knows the process; everything else gets streams, arguments and signals passed in'
  const lines = text.split('\n').flatMap((line, index) => {
    const use = isComment(line) ? undefined : terminal.exec(line)?.[0]
    return use ? [`${path}:${index + 1}: uses ${use}: ${why}`] : []
  })
  const named = terminalImport.exec(text)
  return named ? [...lines, `${path}: imports ${named[1]} of node:${named[2]}: ${why}`] : lines
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/?\*)/.test(line)
}
