// Which of the two servers a host has. A guard: changing the flavour of a host moves its data out of sight, so it is never done by a rerun.
// Read from dpkg-query(1).
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import type { Flavour } from './mysql-client.ts'

/** The `flavour` option of several resources. */
export const flavourSchema = v.picklist(['mysql', 'mariadb'])

const schema = {
  /** The server that this host has or shall get. */
  flavour: flavourSchema,
}

export type FlavourArgs = ArgumentsOf<typeof schema>

/** Package versions by flavour, of what is installed. */
type FlavourState = ReadonlyMap<Flavour, string>

/**
 * Refuses a host on which the other server is installed; changes nothing.
 * @example mysql.flavour({ flavour: 'mariadb' })
 */
export const flavour = defineResource<FlavourArgs, FlavourArgs, FlavourState>({
  name: 'mysql.flavour',
  schema,
  describe: (args) => args.flavour,
  readOnly: true,
  probe: () =>
    `dpkg-query -W -f '\${db:Status-Status}\\t\${Package}\\t\${Version}\\n' 'mysql-server*' 'mariadb-server*' 2>/dev/null || true`,
  parse: (stdout, wishes) => {
    const found = new Map<Flavour, string>()
    for (const line of stdout.split('\n').filter((text) => text !== '')) {
      const match = /^([a-z-]+)\t(mysql|mariadb)-server\S*\t(\S*)$/.exec(line)
      if (!match) {
        throw new ProvisionError({
          code: 'probe',
          message: `mysql.flavour: expected packages from dpkg-query, found '${line}'`,
        })
      }
      if (match[1] === 'installed') found.set(match[2] as Flavour, match[3] ?? '') // the expression allows no other word
    }
    return wishes.map(() => found)
  },
  plan: (state, wish) => {
    const other = wish.flavour === 'mysql' ? 'mariadb' : 'mysql'
    const version = state.get(other)
    if (version !== undefined) {
      return {
        refused: `expected ${wish.flavour} or no database server, found ${other}-server ${version}`,
        hint: `Say flavour: '${other}', or move the data (dump, purge ${other}-server, load) by hand.`,
      }
    }
    const own = state.get(wish.flavour)
    return { unchanged: own === undefined ? 'no database server yet' : `is ${wish.flavour} ${own}` }
  },
})
