// Hides secrets in texts and in streams of chunks. Matches that overlap are hidden together, so that no end of one stays.
import { redacted } from '../core/secret.ts'

/** Hides what was added, wherever it stands. */
export interface Redactor {
  /** Adds texts to hide. */
  readonly add: (forms: Iterable<string>) => void
  readonly redact: (text: string) => string
  /** Redacts chunks of one text, for output that is shown as it comes. */
  readonly stream: () => RedactStream
}

/** Chunks in, redacted chunks out. What may be the beginning of a secret is held back until more is known. */
export interface RedactStream {
  readonly push: (chunk: string) => string
  /** What was held back; the stream starts anew. */
  readonly end: () => string
}

interface Span {
  readonly start: number
  end: number
}

interface Matcher {
  readonly pattern: RegExp
  readonly longest: number
  /** The forms by their first character. */
  readonly byStart: ReadonlyMap<string, readonly string[]>
}

export function makeRedactor(): Redactor {
  const forms = new Set<string>()
  let matcher: Matcher | undefined
  const current = (): Matcher | undefined => {
    if (forms.size > 0) matcher ??= makeMatcher(forms)
    return matcher
  }
  const redact = (text: string): string => {
    const found = current()
    return found ? hide(text, findSpans(found.pattern, text)) : text
  }
  return {
    add: (added) => {
      for (const form of added) {
        if (forms.has(form)) continue
        forms.add(form)
        matcher = undefined
      }
    },
    redact,
    stream: () => {
      let held = ''
      return {
        push: (chunk) => {
          const text = held + chunk
          const found = current()
          if (!found) return chunk
          const spans = findSpans(found.pattern, text)
          const cut = safeCut(found, text, spans)
          held = text.slice(cut)
          return hide(
            text.slice(0, cut),
            spans.filter((span) => span.end <= cut),
          )
        },
        end: () => {
          const rest = redact(held)
          held = ''
          return rest
        },
      }
    },
  }
}

function makeMatcher(forms: ReadonlySet<string>): Matcher {
  const longestFirst = [...forms].sort((left, right) => right.length - left.length)
  const byStart = new Map<string, string[]>()
  for (const form of longestFirst) {
    const list = byStart.get(form.charAt(0))
    if (list) list.push(form)
    else byStart.set(form.charAt(0), [form])
  }
  return {
    pattern: new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g'),
    longest: longestFirst[0]?.length ?? 0,
    byStart,
  }
}

function findSpans(pattern: RegExp, text: string): readonly Span[] {
  const spans: Span[] = []
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const end = match.index + match[0].length
    const last = spans.at(-1)
    if (last && match.index < last.end) last.end = Math.max(last.end, end)
    else spans.push({ start: match.index, end })
    pattern.lastIndex = match.index + 1
  }
  return spans
}

function hide(text: string, spans: readonly Span[]): string {
  let output = ''
  let done = 0
  for (const { start, end } of spans) {
    output += text.slice(done, start) + redacted
    done = end
  }
  return output + text.slice(done)
}

/** Up to where a text may be shown: before anything that could become a secret with the next chunk, and never inside a match. */
function safeCut(matcher: Matcher, text: string, spans: readonly Span[]): number {
  let cut = text.length
  for (let at = Math.max(0, text.length - matcher.longest + 1); at < text.length; at++) {
    const candidates = matcher.byStart.get(text.charAt(at))
    if (!candidates) continue
    const rest = text.slice(at)
    if (candidates.some((form) => form.length > rest.length && form.startsWith(rest))) {
      cut = at
      break
    }
  }
  return spans.find((span) => span.start < cut && cut < span.end)?.start ?? cut
}
