// Small things about text on a screen.
import { stripVTControlCharacters } from 'node:util'

/**
 * A text that came from a host or a file, safe to print: no escape sequences, which could repaint the terminal or retitle
 * it, no other control characters; tabs and line breaks stay.
 */
export function clean(text: string): string {
  return (
    stripVTControlCharacters(text.replaceAll('\r\n', '\n'))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  )
}

/** The same on one line, for titles, messages and rows. */
export function oneLine(text: string): string {
  return clean(text)
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('\t', ' ')
    .trim()
}

/** At most so many characters, the last one `…` if some are left out. */
export function cut(text: string, columns: number): string {
  const characters = [...text]
  if (characters.length <= columns) return text
  return columns < 1 ? '' : `${characters.slice(0, columns - 1).join('')}…`
}

/** Columns that a text takes, as far as one character is one column. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

/** `812 ms`, `3.2 s`, `2 min 5 s`, `1 h 4 min`. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** `1 host`, `3 hosts`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** The host of a task: `web1`, or `web1 → lb1` if it runs on another one. */
export function renderTaskHost(host: string, { on }: { readonly on?: string | undefined }): string {
  return on === undefined ? host : `${host} → ${on}`
}

/** Host names, or only how many when they would fill the line. */
export function renderHosts(hosts: readonly string[]): string {
  const names = hosts.join(', ')
  return hosts.length > 8 || names.length > 60 ? count(hosts.length, 'host') : names
}
