// What most tests of a role ask of a run: that it came to its end, and that the next one has nothing to do.
import type { ExecutionContext } from 'ava'
import type { Ran } from '../../src/testing/runner.ts'

export function isConverged(t: ExecutionContext, ran: Ran): void {
  t.is(ran.result.outcome, 'ok', ran.errors.join('\n'))
}

/** A run has nothing to change, and all promises are kept. */
export async function isSteady(
  t: ExecutionContext,
  run: (more?: { readonly verify: boolean }) => Promise<Ran>,
): Promise<void> {
  const again = await run()
  isConverged(t, again)
  t.deepEqual(
    again.log.filter((line) => line.includes(' changed ')),
    [],
  )
  isConverged(t, await run({ verify: true }))
}
