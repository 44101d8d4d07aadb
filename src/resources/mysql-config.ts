// A drop-in of the server's configuration, as a whole. The server itself checks it before it replaces the old one:
// `mysqld --validate-config` (whose exit code alone tells too little) or `mariadbd --verbose --help`. See mysqld(8), mariadbd(8).
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { atomicWrite } from '../shell/atomic-write.ts'
import type { Flavour } from './mysql-client.ts'
import { flavourSchema } from './mysql-flavour.ts'
import { contentOf, fileDifferences, fileOf, parseTextFiles, type TextFile, textFilesProbe } from './text-file.ts'

const value = v.union(
  [v.pipe(v.string(), v.regex(/^[^\n\r\0]*$/, 'expected one line')), v.number(), v.boolean()],
  'expected a text, a number, true or false',
)

const schema = {
  /** Which server it is for. */
  flavour: flavourSchema,
  /** Options of the server, in this order; `true` is ON, a list repeats the option. */
  settings: v.record(
    v.pipe(v.string(), v.regex(/^[a-zA-Z][a-zA-Z0-9_.-]*$/, 'expected the name of an option')),
    v.union([value, v.array(value)]),
  ),
  /** The file. @default the last one that is read: /etc/mysql/mysql.conf.d/zz-hostwright.cnf or /etc/mysql/mariadb.conf.d/zz-hostwright.cnf */
  path: v.optional(v.pipe(absolutePath, v.endsWith('.cnf', 'expected a file name that ends in .cnf'))),
}

type Setting = string | number | boolean
export type ConfigArgs = ArgumentsOf<typeof schema>

interface ConfigState {
  readonly file: TextFile
  readonly installed: boolean
}

/**
 * The settings of the server in a file of their own. The running server has them after a restart only: notify a handler.
 * @example mysql.config({ flavour: 'mysql', settings: { max_connections: 500, log_bin: 'binlog' }, notify: restart })
 */
export const config = defineResource<ConfigArgs, ConfigArgs, ConfigState>({
  name: 'mysql.config',
  schema,
  describe: (args) => pathOf(args),
  probe: (wishes) =>
    `${textFilesProbe(wishes.map(pathOf))}
for server in mysqld mariadbd; do
  if command -v "$server" >/dev/null 2>&1 || [ -x "/usr/sbin/$server" ]; then printf 'server\\t%s\\n' "$server"; fi
done`,
  parse: (stdout, wishes) => {
    const files = parseTextFiles(stdout)
    return wishes.map((wish) => ({
      file: fileOf(files, pathOf(wish)),
      installed: stdout.split('\n').includes(`server\t${serverOf[wish.flavour]}`),
    }))
  },
  plan: ({ file, installed }, wish) => {
    const content = renderSettings(wish.flavour, wish.settings)
    const differences = fileDifferences(file, { content, mode: '0644' })
    if (differences.length === 0) return { unchanged: 'is as wished' }
    if (!installed) return { unknown: `${serverOf[wish.flavour]}, which checks the file, is not installed` }
    return {
      changes: [
        {
          summary: differences.join(', '),
          diff: { label: pathOf(wish), before: contentOf(file), after: content },
          steps: [
            {
              script: atomicWrite({ path: pathOf(wish), ...rootFile, validate: validation[wish.flavour] }),
              input: content,
            },
          ],
        },
      ],
    }
  },
})

const rootFile = { mode: '0644', owner: 'root', group: 'root' }

const serverOf: Readonly<Record<Flavour, string>> = { mysql: 'mysqld', mariadb: 'mariadbd' }

/** The new file alone, so that a broken old one cannot keep the good one out. */
const validation: Readonly<Record<Flavour, string>> = {
  // mysqld ends with 0 for a file whose rest it ignores after "[ERROR] … Stopped processing".
  mysql:
    "mysqld --defaults-file=%s --validate-config && ! mysqld --defaults-file=%s --validate-config 2>&1 | grep -F '[ERROR]'",
  mariadb: 'mariadbd --defaults-file=%s --verbose --help >/dev/null',
}

function pathOf(args: ConfigArgs): string {
  return args.path ?? `/etc/mysql/${args.flavour === 'mysql' ? 'mysql.conf.d' : 'mariadb.conf.d'}/zz-hostwright.cnf`
}

/** The text of an option file. */
export function renderSettings(
  flavour: Flavour,
  settings: Readonly<Record<string, Setting | readonly Setting[]>>,
): string {
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: Setting) => `${name} = ${renderValue(one)}`),
  )
  return `# Managed by hostwright: changes are overwritten.\n[${serverOf[flavour]}]\n${lines.join('\n')}\n`
}

/** Option files read backslashes as escapes, # as a comment and strip one pair of quotes. */
function renderValue(value: Setting): string {
  if (typeof value === 'boolean') return value ? 'ON' : 'OFF'
  const text = String(value).replaceAll('\\', '\\\\')
  return /^[\w.,:;/@%*+\\=-]+( [\w.,:;/@%*+\\=-]+)*$/.test(text) ? text : `"${text}"`
}
