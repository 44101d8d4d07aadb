// From when to when an internal certificate is valid, by the date alone: every controller comes to the same answer, and nothing is kept.
import { createHash } from 'node:crypto'

/** From when to when. */
export interface Period {
  readonly begins: Date
  readonly ends: Date
}

const day = 86_400_000
const epoch = Date.UTC(2020, 0, 1)

/**
 * The period of a subject's certificate on a day. A new one begins, at midnight UTC, when a third of the last one's life is left; on which
 * day follows from the subject, so that the hosts of a site do not all renew on the same one.
 */
export function subjectPeriod(at: Date, subject: string, lifetimeDays: number): Period {
  const every = Math.max(1, Math.floor((lifetimeDays * 2) / 3))
  const offset = createHash('sha256').update(subject).digest().readUInt32BE(0) % every
  const today = Math.floor((at.getTime() - epoch) / day)
  const since = (((today - offset) % every) + every) % every
  // a day earlier than that: a host whose clock is behind must not find it too new
  const begins = epoch + (today - since - 1) * day
  return { begins: new Date(begins), ends: new Date(begins + lifetimeDays * day) }
}

/** The authority's own: ten years, a new one (of the same key) every five. */
export function authorityPeriod(at: Date): Period {
  const first = at.getUTCFullYear() - (at.getUTCFullYear() % 5)
  return { begins: new Date(Date.UTC(first, 0, 1) - day), ends: new Date(Date.UTC(first + 10, 0, 1)) }
}
