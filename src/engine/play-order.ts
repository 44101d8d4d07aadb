// On each host plays run in the playbook's order, also where plays of different hosts overlap.

/** What others wait for. */
export interface Gate {
  readonly passed: Promise<void>
  readonly open: () => void
}

export class PlayOrder {
  /** For each host, by the number of the play. */
  private readonly gates = new Map<string, Map<number, Gate>>()

  /** @param plays the hosts of each play */
  constructor(plays: readonly (readonly string[])[]) {
    for (const [index, hosts] of plays.entries()) {
      for (const host of hosts) {
        const own = this.gates.get(host) ?? new Map<number, Gate>()
        this.gates.set(host, own.set(index, makeGate()))
      }
    }
  }

  /** Waits until all earlier plays of the host are over. */
  async turn(host: string, index: number): Promise<void> {
    const earlier = [...(this.gates.get(host) ?? [])].filter(([at]) => at < index)
    await Promise.all(earlier.map(([, gate]) => gate.passed))
  }

  /** This play is over on the host, or never comes to it. */
  pass(host: string, index: number): void {
    this.gates.get(host)?.get(index)?.open()
  }
}

export function makeGate(): Gate {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
