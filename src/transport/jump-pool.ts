import type { SshSession } from './ssh-dial.ts'
import type { Hop } from './ssh-route.ts'

/** A session on the last of some jump hosts, to be given back. */
export interface Lease {
  readonly session: SshSession
  readonly release: () => Promise<void>
}

type Dial = (hop: Hop, through: SshSession | undefined) => Promise<SshSession>

interface Entry {
  readonly session: Promise<SshSession>
  users: number
}

/**
 * Sessions on jump hosts, shared by the hosts behind them: twenty hosts log in once to their bastion, whose sshd would
 * drop many unauthenticated connections at a time (MaxStartups).
 */
export class JumpPool {
  private readonly entries = new Map<string, Entry>()

  /** A session on the last of the jump hosts, dialled if there is none. */
  async lease(jumps: readonly Hop[], dial: Dial): Promise<Lease> {
    let before: Lease | undefined
    for (const [index, hop] of jumps.entries()) {
      before = await this.join(
        jumps
          .slice(0, index + 1)
          .map(nameOf)
          .join(' '),
        hop,
        before,
        dial,
      )
    }
    if (!before) throw new RangeError('a route without jump hosts needs no lease')
    return before
  }

  private async join(name: string, hop: Hop, before: Lease | undefined, dial: Dial): Promise<Lease> {
    const entry = this.entries.get(name) ?? { session: dial(hop, before?.session), users: 0 }
    this.entries.set(name, entry)
    entry.users += 1
    const release = async (): Promise<void> => {
      entry.users -= 1
      if (entry.users === 0) {
        if (this.entries.get(name) === entry) this.entries.delete(name)
        await entry.session.then(
          (session) => session.close(),
          () => undefined,
        )
      }
      await before?.release()
    }
    try {
      const session = await entry.session
      // One that broke serves those who have it no more; the next to come dials anew.
      session.client.once('close', () => {
        if (this.entries.get(name) === entry) this.entries.delete(name)
      })
      return { session, release }
    } catch (error) {
      if (this.entries.get(name) === entry) this.entries.delete(name)
      await release()
      throw error
    }
  }
}

function nameOf(hop: Hop): string {
  const { user, address, port } = hop.target
  return `${user}@${address}:${port}/${hop.hostKey.mode}`
}
