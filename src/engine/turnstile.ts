// Who may use the controller's processor, and how many connections are on their way. A host takes a place only when it
// answers, so that dead ones, which wait for their timeout, hold up nobody.

/** A number of places, given in the order of asking. */
class Places {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(count: number) {
    this.free = count
  }

  async take(): Promise<void> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  /** Takes a place that may not be there: as many must be left before the next one gets one. */
  owe(): void {
    this.free--
  }

  leave(): void {
    this.free++
    if (this.free < 1) return
    const next = this.waiting.shift()
    if (!next) return
    this.free--
    next()
  }
}

/** How long a host that is called may keep the next one from being called, in milliseconds. */
const patience = 1000

/** The way in for the hosts of a run: `forks` of them work at a time, and as many are called ahead. */
export class Turnstile {
  private readonly places: Places
  private readonly calls: Places

  constructor(forks: number) {
    this.places = new Places(forks)
    this.calls = new Places(forks)
  }

  /** Waits for the host's turn to be called. */
  async enter(): Promise<Pass> {
    await this.calls.take()
    return new Pass(this.places, this.calls)
  }
}

/** One host on its way in, at work, and out. */
export class Pass {
  private readonly places: Places
  private readonly calls: Places
  private calling = true
  private taking: Promise<void> | undefined
  private readonly timer: NodeJS.Timeout

  constructor(places: Places, calls: Places) {
    this.places = places
    this.calls = calls
    this.timer = setTimeout(() => this.endCall(), patience)
  }

  /** The host answers: waits for a place. Once it has one, the rest is for nothing. */
  admit(): Promise<void> {
    if (this.taking) return this.taking
    // who answers is not dead: the next ones are called when this one has a place, else all would wait connected
    clearTimeout(this.timer)
    if (!this.calling) {
      this.calling = true
      this.calls.owe()
    }
    this.taking = this.places.take().then(() => this.endCall())
    return this.taking
  }

  /** Gives everything back, also what is still on its way. */
  leave(): void {
    this.endCall()
    void this.taking?.then(() => this.places.leave())
    this.taking = undefined
  }

  private endCall(): void {
    clearTimeout(this.timer)
    if (!this.calling) return
    this.calling = false
    this.calls.leave()
  }
}
