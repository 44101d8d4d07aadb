// The only place where values become shell text.

const safe = /^[A-Za-z0-9_@%+=:,./-]+$/

/** One word of sh: whatever the value is, the shell sees it literally. Never use it for secrets (they go to stdin). */
export function quote(value: string | number): string {
  const text = String(value)
  if (text.includes('\0')) throw new TypeError('a NUL byte cannot be a word of a shell command')
  if (text !== '' && safe.test(text) && !text.startsWith('-') && !text.startsWith('~')) return text
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Several words, quoted, joined by spaces. */
export function words(...values: readonly (string | number)[]): string {
  return values.map(quote).join(' ')
}

/** A script from a template: every `${value}` is quoted; arrays become several words; wrap finished shell text in `raw()`. */
export function sh(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | readonly (string | number)[] | RawShell)[]
): string {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) {
    if (value instanceof RawShell) text += value.text
    else text += Array.isArray(value) ? value.map(quote).join(' ') : quote(value as string | number)
    text += strings[index + 1] ?? ''
  }
  return text
}

/** Shell text that is finished and must not be quoted again. */
export class RawShell {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Marks shell text as finished, for `sh`. */
export function raw(text: string): RawShell {
  return new RawShell(text)
}
