// A global variable of the running server. What it is after a restart is said by the configuration file (`mysql.config`).
// Read with SHOW GLOBAL VARIABLES.
import * as v from 'valibot'
import { ProvisionError } from '../core/error.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { notUp, parseAnswer, probeScript, type Server, sqlStep } from './mysql-client.ts'
import { literal } from './mysql-sql.ts'

const schema = {
  /** The variable's name, for example `max_connections`. */
  variable: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_.]*$/, 'expected the name of a global variable')),
  /** The value; sizes as in the file (`'1G'`), `true` for ON. */
  value: v.union([v.string(), v.number(), v.boolean()]),
}

export type VariableArgs = ArgumentsOf<typeof schema>

interface VariableState {
  readonly server: Server
  readonly value: string | undefined
}

/**
 * A global variable of the running server, without a restart; put it into `mysql.config` as well to keep it.
 * @example mysql.variable({ variable: 'max_connections', value: 500 })
 */
export const variable = defineResource<VariableArgs, VariableArgs, VariableState>({
  name: 'mysql.variable',
  schema,
  describe: (args) => args.variable,
  probe: (wishes) =>
    probeScript(
      `SELECT 'variables';\nSHOW GLOBAL VARIABLES WHERE Variable_name IN (${wishes.map((wish) => literal(wish.variable)).join(', ')});`,
    ),
  parse: (stdout, wishes) => {
    const { server, rows } = parseAnswer(stdout, 'mysql.variable')
    const found = new Map<string, string>()
    for (const [name = '', value, ...rest] of rows) {
      if (name === 'variables' && value === undefined) continue
      if (value === undefined || rest.length > 0) {
        throw new ProvisionError({
          code: 'probe',
          message: `mysql.variable: expected names and values, found ${JSON.stringify([name, value, ...rest])}`,
        })
      }
      found.set(name.toLowerCase(), value)
    }
    return wishes.map((wish) => ({ server, value: found.get(wish.variable) }))
  },
  plan: (state, wish) => {
    const down = notUp(state.server)
    if (down) return down
    if (state.value === undefined) return { refused: `the server has no variable ${wish.variable}` }
    const wished = normalValue(wish.value)
    if (normalValue(state.value).toUpperCase() === wished.toUpperCase()) return { unchanged: `is ${state.value}` }
    const value = /^(ON|OFF|-?\d+(\.\d+)?)$/.test(wished) ? wished : literal(wished)
    return {
      changes: [
        {
          summary: `${state.value === '' ? 'empty' : state.value} → ${wish.value}`,
          steps: [sqlStep([`SET GLOBAL ${wish.variable} = ${value}`])],
        },
      ],
    }
  },
})

/** One spelling for equal values: `1G` is 1073741824, YES and TRUE are ON. 0 and 1 stay numbers, as the server prints switches as words. */
function normalValue(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'ON' : 'OFF'
  const text = String(value).trim()
  const size = /^(\d+)([KMGTPE])$/i.exec(text)
  if (size) return String(BigInt(size[1] ?? 0) * 1024n ** BigInt('KMGTPE'.indexOf((size[2] ?? 'K').toUpperCase()) + 1))
  if (/^(on|off)$/i.test(text)) return text.toUpperCase()
  if (/^-?\d+\.\d+$/.test(text)) return String(Number(text))
  return text
}
