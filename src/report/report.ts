import type { Emit } from '../core/events.ts'

/** A consumer of a run's events. */
export interface Report {
  readonly emit: Emit
  /** Writes what is left; call it once, also after an error. */
  readonly end: () => Promise<void> | void
  /** A run that ended in an error and has no recap; for reports that are read by programs. */
  readonly fail?: (thrown: unknown) => void
  /** The process ends now: leaves the terminal whole, at once. */
  readonly abandon?: () => void
}

/** Where a report writes; the process's streams fit. */
export interface Output {
  readonly write: (text: string) => unknown
  readonly columns?: number | undefined
}

/** What people may ask of the reports on a screen. */
export interface ScreenOptions {
  readonly stream: Output
  readonly colour: boolean
  /** Paths in messages are shown relative to it. */
  readonly cwd: string
  /** 1 shows tasks that were ok or skipped, 2 the output of commands too. @default 0 */
  readonly verbosity?: number | undefined
  /** Show the texts of changed files. @default false */
  readonly diff?: boolean | undefined
  /** Show stacks. @default false */
  readonly debug?: boolean | undefined
}

/** Several reports of one run. */
export function inChorus(reports: readonly Report[]): Report {
  return {
    emit: (event) => {
      for (const report of reports) report.emit(event)
    },
    end: async () => {
      for (const report of reports) await report.end()
    },
    fail: (thrown) => {
      for (const report of reports) report.fail?.(thrown)
    },
    abandon: () => {
      for (const report of reports) report.abandon?.()
    },
  }
}
