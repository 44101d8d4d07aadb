import { styleText } from 'node:util'

export type Style = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold' | 'magenta'

/** Colours a text, or does not. */
export type Paint = (style: Style | Style[], text: string) => string

/** Makes a painter; without colour it gives the text back. */
export function makePaint(colour: boolean): Paint {
  return colour ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text
}
