// One look and its change at a time on a host: between what a task finds there and what it changes comes no other task,
// neither the host's own nor one of another host that runs there.

export class Turns {
  private last: Promise<unknown> = Promise.resolve()

  /** Runs the body when all that were asked for before are over; gives what it gives. */
  take<T>(body: () => Promise<T>): Promise<T> {
    const own = this.last.then(body)
    this.last = own.catch(() => undefined)
    return own
  }
}
