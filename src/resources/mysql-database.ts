// A database (schema) of MySQL or MariaDB: its existence, character set and collation. Read from information_schema.SCHEMATA.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import type { Change } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { needsWrites, notUp, parseAnswer, probeScript, type Server, sqlStep } from './mysql-client.ts'
import { identifier, literal } from './mysql-sql.ts'

const word = v.pipe(v.string(), v.regex(/^[a-z0-9_]+$/, 'expected lower-case letters, digits and underscores'))

const schema = {
  /** The schema's name. */
  database: v.pipe(v.string(), v.nonEmpty(), v.maxLength(64), v.excludes('\0', 'expected a name without NUL bytes')),
  /** Default character set of new tables. @default 'utf8mb4' */
  charset: v.optional(word, 'utf8mb4'),
  /** Default collation of new tables. Existing tables keep theirs. @default the character set's own */
  collation: v.optional(word),
  /** `absent` drops the schema with everything in it. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
}

type Wish = v.InferOutput<v.StrictObjectSchema<typeof schema, undefined>>
export type DatabaseArgs = ArgumentsOf<typeof schema>

interface DatabaseState {
  readonly server: Server
  readonly charset: string | undefined
  readonly collation: string | undefined
}

/**
 * A schema on the primary; replicas get it by replication. A schema that is as wished costs no write, so no transaction id.
 * @example mysql.database({ database: 'shop', collation: 'utf8mb4_unicode_ci' })
 */
export const database = defineResource<DatabaseArgs, Wish, DatabaseState>({
  name: 'mysql.database',
  schema,
  describe: (args) => args.database,
  probe: (wishes) =>
    probeScript(
      `SELECT 'schema', SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN (${wishes.map((wish) => literal(wish.database)).join(', ')});`,
    ),
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.database')
    const found = new Map<string, string[]>()
    for (const [kind, name, ...columns] of rows) {
      if (kind !== 'schema' || name === undefined || columns.length !== 2) {
        throw new ProvisionError({
          code: 'probe',
          message: `mysql.database: expected a row of schemata, found ${JSON.stringify([kind, name, ...columns])}`,
        })
      }
      found.set(name, columns)
    }
    return wishes.map((wish) => {
      const [charset, collation] = found.get(wish.database) ?? []
      return { server, charset, collation }
    })
  },
  plan: (state, wish) => {
    const down = notUp(state.server)
    if (down) return down
    const name = identifier(wish.database)
    const charset = `CHARACTER SET ${wish.charset}${wish.collation ? ` COLLATE ${wish.collation}` : ''}`
    let change: Change | undefined
    if (wish.state === 'absent') {
      if (state.charset === undefined) return { unchanged: 'is absent' }
      change = { summary: 'present → absent', steps: [sqlStep([`DROP DATABASE ${name}`])] }
    } else if (state.charset === undefined) {
      change = { summary: `absent → present (${charset})`, steps: [sqlStep([`CREATE DATABASE ${name} ${charset}`])] }
    } else if (state.charset !== wish.charset || (wish.collation !== undefined && state.collation !== wish.collation)) {
      const from = `${state.charset} ${state.collation ?? ''}`.trim()
      change = {
        summary: `default ${from} → ${wish.charset}${wish.collation ? ` ${wish.collation}` : ''} (existing tables stay)`,
        steps: [sqlStep([`ALTER DATABASE ${name} ${charset}`])],
      }
    }
    if (!change) return { unchanged: `is present (${state.charset}, ${state.collation})` }
    return needsWrites(state.server, `database ${wish.database}`) ?? { changes: [change] }
  },
})
