/** Shortest text that is hidden: anything shorter would blank out half of what is printed. */
export const shortestHidden = 4
const shortestEncoded = 8
const shortestLine = 8

/** Every form in which a secret may turn up in output: as it is, line by line, and as programs quote and encode it. */
export function formsOf(value: string): ReadonlySet<string> {
  const forms = new Set<string>()
  const texts = [value, value.trim(), ...secretLines(value)]
  for (const text of texts) {
    if (text.length < shortestHidden) continue
    forms.add(text)
    for (const form of quotedForms(text)) if (form.length >= shortestHidden) forms.add(form)
  }
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  for (const form of [...base64Forms(bytes), hex, hex.toUpperCase()])
    if (form.length >= shortestEncoded) forms.add(form)
  return forms
}

function secretLines(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim())
  if (lines.length < 2) return []
  // -----BEGIN PRIVATE KEY----- is no secret
  return lines.filter((line) => line.length >= shortestLine && !/^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line))
}

function quotedForms(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1)
  const backslashed = value
    .replace(/[\\'"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
  const wellFormed = Buffer.from(value).toString() // encodeURIComponent throws on half a surrogate pair
  const url = encodeURIComponent(wellFormed)
  const urlStrict = url.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  const urlLoose = encodeURI(wellFormed)
  const html = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return [
    json,
    json.replaceAll('/', '\\/'),
    json.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
    value.replaceAll("'", `'\\''`), // sh, quoted
    value.replaceAll("'", `'"'"'`),
    value.replace(/[^A-Za-z0-9_@%+=:,./\n-]/g, '\\$&'), // printf %q
    value.replace(/[\\"$`]/g, '\\$&'), // sh, in double quotes
    value.replaceAll("'", "''"), // SQL
    value.replaceAll("'", "''").replaceAll('\\', '\\\\'),
    backslashed, // SQL and C
    value.replace(/[\\']/g, '\\$&'),
    value.replace(/[\\"]/g, '\\$&'),
    value.replaceAll('%', '%%'), // systemd, cron, printf
    value.replaceAll('$', '$$$$'), // systemd, make
    ...[url, urlStrict, urlStrict.replaceAll('%20', '+'), urlLoose].flatMap((form) => [form, lowerPercent(form)]),
    html.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    html.replaceAll('"', '&#34;').replaceAll("'", '&#x27;'),
    html,
  ]
}

function lowerPercent(form: string): string {
  return form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
}

/** Base64 of the bytes at each of the three alignments, less the characters that neighbours share: also finds `user:secret`. */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const first = offset === 0 ? 0 : offset + 1
    const shared = (bytes.length + offset) % 3 === 0 ? 0 : 1
    const core = encoded.slice(first, encoded.length - shared)
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
  })
}
