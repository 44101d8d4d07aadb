// What an operator is told of handlers that did not run.
import type { HostState } from './host-state.ts'
import { itemTitle } from './items.ts'
import { type Mark, markPath } from './marks.ts'

/** Handlers that were notified in a play that ended before them. */
export function warnOfPending({ context, guard, handlers, options }: HostState): void {
  if (options.check) return
  const host = context.host.name
  const waiting = guard.waiting
  const after = waiting && handlers.waiting(waiting.item.after) ? waiting.item.after : undefined
  if (after) {
    const holds = waiting?.before.map(itemTitle).join(', ')
    options.emit({
      type: 'warning',
      host,
      message: `${after.name} did not run${holds ? `, so this still holds: ${holds}` : ''}`,
      hint: 'Mend what failed and run again: the next run of the play goes on from here.',
    })
  }
  const names = handlers.names().filter((name) => name !== after?.name)
  if (names.length === 0) return
  options.emit({
    type: 'warning',
    host,
    message: `handlers still to run: ${names.join(', ')}`,
    hint: 'They are marked on the host; the next run executes them.',
  })
}

/** Marks of an earlier run that no play answered. */
export function warnOfOrphans({ context, options, session }: HostState, orphans: readonly Mark[]): void {
  for (const { key, name } of orphans) {
    options.emit({
      type: 'warning',
      host: context.host.name,
      message: `an earlier run notified the handler ${name}, which no play of this run has`,
      hint: `Run the playbook that has it, or forget it: rm ${markPath(key, session.agentUser ?? 'root')}`,
    })
  }
}
