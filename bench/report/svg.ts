// The few elements of SVG that the plots are made of. Colours are middle tones on no background: they can be read on a light
// page and on a dark one, without styles that some viewers do not know.

/** Colours of the plots. */
export const colours = {
  text: '#768390',
  line: '#8b949e55',
  other: '#8b949e',
  own: '#2f81f7',
  base: '#d29922',
} as const

type Attributes = Readonly<Record<string, string | number>>

/** An element with its content, which is markup already. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeMarkup(String(value))}"`)
  return content === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${content}</${name}>`
}

/** A text, escaped. */
export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element('text', { x: round(x), y: round(y), fill: colours.text, ...attributes }, escapeMarkup(content))
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes = {}): string {
  return element('line', {
    x1: round(x1),
    y1: round(y1),
    x2: round(x2),
    y2: round(y2),
    stroke: colours.line,
    ...attributes,
  })
}

/** A whole picture, with what it shows for those who cannot see it. */
export function picture(width: number, height: number, label: string, content: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': label,
    'font-family': 'system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif',
    'font-size': 13,
  }
  return `${element('svg', attributes, `\n${content.join('\n')}\n`)}\n`
}

/** hostwright, what the others are compared with, and all others can be told apart at a glance. */
export function colourOf(contestant: string, base: string): string {
  if (/^(hostwright|provision)/.test(contestant)) return colours.own
  return contestant === base ? colours.base : colours.other
}

/** Tenths of a pixel are enough. */
export function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeMarkup(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
