// Which server of a group takes writes: read from the server and, where that does not tell, asked of the others by a program on the host,
// which also runs at boot. So the decision is made in one place, and no configuration can make a second primary.
import { ProvisionError } from '../core/error.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import type { Outcome } from '../core/task.ts'
import { sh } from '../shell/quote.ts'
import { notUp, parseAnswer, probeScript, type Server } from './mysql-client.ts'

const schema = {
  /** The program that decides: `look` prints verdict and reason, `open` opens the server, `await` waits for another one to be open. */
  program: absolutePath,
}

export type PrimaryArgs = ArgumentsOf<typeof schema>

/** What this server is in its group. */
export interface PrimaryResult extends Outcome {
  /** `primary`: it takes writes now. */
  readonly role: 'primary' | 'replica'
}

const verdicts = ['primary', 'replica', 'adopt', 'open', 'wait', 'follow', 'stay', 'idle', 'conflict'] as const
type Verdict = (typeof verdicts)[number]

interface PrimaryState {
  readonly server: Server
  /** Undefined if the program is not there yet. */
  readonly verdict: Verdict | undefined
  readonly why: string
}

/**
 * Opens the server that is the primary of its group for writes, and no other; tells which one this is.
 * @example mysql.primary({ program: '/usr/local/sbin/mysql-open-primary' })
 */
export const primary = defineResource<PrimaryArgs, PrimaryArgs, PrimaryState, PrimaryResult>({
  name: 'mysql.primary',
  schema,
  describe: () => 'of the group',
  probe: (wishes) =>
    probeScript(
      '',
      wishes
        .map(
          ({ program }) => sh`if [ -x ${program} ]; then
  said=$(${program} look 2>&1) || said=$(printf 'error\t%s' "$said" | tr '\n' ' ')
  printf '%s\n' "$said"
else
  echo missing
fi`,
        )
        .join('\n'),
    ),
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.primary')
    return wishes.map((_wish, index) => {
      const [word = 'missing', why = ''] = rows[index] ?? []
      const verdict = verdicts.find((known) => known === word)
      if (server.status === 'up' && !verdict && word !== 'missing')
        throw new ProvisionError({
          code: 'probe',
          message: `mysql.primary: expected a verdict, found '${word}'`,
          detail: why,
        })
      return { server, verdict, why }
    })
  },
  plan: ({ server, verdict, why }, { program }) => {
    const down = notUp(server)
    if (down) return down
    const act = (summary: string, verb: 'open' | 'await', role: PrimaryResult['role']) => ({
      changes: [{ summary, steps: [{ script: sh`${program} ${verb}` }] }] as const,
      result: { role },
    })
    switch (verdict) {
      case undefined:
        return { unknown: `${program}, which decides, is not there` }
      case 'primary':
        return { unchanged: why, result: { role: 'primary' } }
      case 'replica':
      case 'follow':
        return { unchanged: why, result: { role: 'replica' } }
      case 'adopt':
        return act(`${why} → the primary`, 'open', 'primary')
      case 'open':
        return act(`read-only → open for writes (${why})`, 'open', 'primary')
      case 'wait':
        return act(`read-only → open for writes, if the others agree (${why})`, 'open', 'primary')
      case 'stay':
      case 'idle':
        return act(`waits for the primary (${why})`, 'await', 'replica')
      case 'conflict':
        return {
          refused: why,
          hint: 'Look at both with `provision db status`, close the one that is not to be the primary (SET GLOBAL super_read_only = ON), then `provision db rejoin` it.',
        }
    }
  },
  // who only waited has changed nothing
  didChange: (outputs) => !outputs.some(({ stdout }) => / takes writes\s*$/.test(stdout)),
})
