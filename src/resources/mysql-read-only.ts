// Whether the running server takes writes. All servers start read-only by their file; the primary is opened here, after it has proved
// that it replicates from nobody, and by a unit at boot. MySQL: super_read_only; MariaDB: read_only.
import * as v from 'valibot'
import type { ApplyStep } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { notUp, parseAnswer, probeScript, type Server, sqlStep } from './mysql-client.ts'

const schema = {
  /** `false` opens the server for writes, `true` closes it for all (MySQL) or all but root (MariaDB). */
  readOnly: v.boolean(),
  /** A program that is called with `check` before the server is opened and fails if it must stay closed: it asks the peers. */
  guard: v.optional(absolutePath),
}

export type ReadOnlyArgs = ArgumentsOf<typeof schema>

interface ReadOnlyState {
  readonly server: Server
  /** From where this server replicates; undefined if it is no replica. */
  readonly source: string | undefined
}

/** Prints `source` and the host if this server is a replica; for the end of a `probeScript`. */
const sourceQuestion = `case "$answer" in
*[Mm]aria[Dd][Bb]*) echo 'SHOW SLAVE STATUS;' | show | sed -n 's/^ *Master_Host: /source	/p' ;;
*) echo "SELECT 'source', HOST FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = '';" | ask ;;
esac`

/**
 * Opens a primary for writes, or closes a server. A server that replicates from another one is never opened.
 * @example mysql.readOnly({ readOnly: false })
 */
export const readOnly = defineResource<ReadOnlyArgs, ReadOnlyArgs, ReadOnlyState>({
  name: 'mysql.readOnly',
  schema,
  describe: (args) => (args.readOnly ? 'on' : 'off'),
  probe: () => probeScript('', sourceQuestion),
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.readOnly')
    const source = rows.find(([kind]) => kind === 'source')?.[1]
    return wishes.map(() => ({ server, source: source === '' ? undefined : source }))
  },
  plan: ({ server, source }, wish) => {
    const down = notUp(server)
    if (down || server.status !== 'up') return down ?? { unknown: 'the server is not up' }
    const mysql = server.flavour === 'mysql'
    if (wish.readOnly) {
      if (mysql ? server.superReadOnly : server.readOnly) return { unchanged: 'is closed for writes' }
      return {
        changes: [
          {
            summary: 'open → read-only',
            steps: [sqlStep([`SET GLOBAL ${mysql ? 'super_read_only' : 'read_only'} = ON`])],
          },
        ],
      }
    }
    if (source !== undefined) {
      return {
        refused: `this server replicates from ${source}, so it cannot be opened as the primary`,
        hint: `If it was meant to be a replica, name ${source} as the primary. To promote it, stop and reset its replication first.`,
      }
    }
    if (!server.readOnly && !server.superReadOnly) return { unchanged: 'is open for writes' }
    const guard: ApplyStep[] = wish.guard === undefined ? [] : [{ script: sh`${wish.guard} check` }]
    const open = mysql
      ? ['SET GLOBAL super_read_only = OFF', 'SET GLOBAL read_only = OFF']
      : ['SET GLOBAL read_only = OFF']
    return { changes: [{ summary: 'read-only → open for writes', steps: [...guard, sqlStep(open)] }] }
  },
})
