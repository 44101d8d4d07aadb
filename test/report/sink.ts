/** A stream that keeps what is written. */
export interface Sink {
  readonly write: (text: string) => boolean
  readonly text: () => string
  readonly columns: number
}

export function sink(columns = 100): Sink {
  let text = ''
  return {
    columns,
    write: (more) => {
      text += more
      return true
    },
    text: () => text,
  }
}
