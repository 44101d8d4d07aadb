/** Cuts a stream into whole lines, so that a secret is never split over two reports. A lone `\r` (progress bars) ends a line too. */
export class LineBuffer {
  private rest = ''

  push(text: string): string[] {
    const parts = (this.rest + text).split(/\r\n|\n|\r(?!$)/)
    this.rest = parts.pop() ?? ''
    return parts
  }

  end(): string[] {
    const last = this.rest.replace(/\r$/, '')
    this.rest = ''
    return last === '' ? [] : [last]
  }
}
