// Plain lines: for CI, for pipes, for NO_COLOR. One line a task that did something; -v shows the others too.
import { makeLines } from './lines.ts'
import type { Report, ScreenOptions } from './report.ts'

/** The plain report. */
export function createPlainReport(options: ScreenOptions): Report {
  const lines = makeLines(options)
  return {
    emit: (event) => {
      const text = lines(event)
      if (text) options.stream.write(text)
    },
    end: () => undefined,
  }
}
