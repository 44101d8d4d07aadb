/** A text as a TypeScript literal, in single quotes. */
export function literal(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return text.includes("'") && !text.includes('"') ? JSON.stringify(text) : `'${escaped}'`
}

/** Texts as a list on one line. */
export function listOf(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`
}

/** A key of an object: quoted only where it must be. */
export function keyOf(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)
}
