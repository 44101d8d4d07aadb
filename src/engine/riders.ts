// Tasks whose change was sent to the host with an earlier one, until their turn comes.
import type { StepResult } from '../transport/connection.ts'
import type { Handlers } from './handlers.ts'
import type { TaskItem } from './items.ts'
import type { Work } from './segment.ts'

/** A change that was made ahead of its task's turn, with what its steps answered. */
export interface Ride {
  readonly work: Work
  readonly results: readonly StepResult[]
}

export class Riders {
  private readonly rides = new Map<TaskItem, Ride>()
  /** Those that the host left out because an earlier one failed; their marks may be written. */
  private readonly dropped = new Set<TaskItem>()

  add(work: Work, results: readonly StepResult[]): void {
    this.rides.set(work.prepared.item, { work, results })
  }

  /** Its change was not made: it is planned anew when its turn comes. */
  drop(item: TaskItem, handlers: Handlers): void {
    handlers.release(item)
    this.dropped.add(item)
  }

  /** Its turn has come. */
  take(item: TaskItem): Ride | undefined {
    const ride = this.rides.get(item)
    this.rides.delete(item)
    this.dropped.delete(item)
    return ride
  }

  /** The walk ends here: tasks whose change was made and that must still be told of. */
  left(): readonly TaskItem[] {
    return [...this.rides.keys()]
  }

  /** The walk ends here: tasks that were marked in vain. */
  takeDropped(): readonly TaskItem[] {
    const items = [...this.dropped]
    this.dropped.clear()
    return items
  }
}
