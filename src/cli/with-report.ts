// A run as the command line has it: shown, recorded, and stopped by signals.
import type { Emit } from '../core/events.ts'
import type { RunResult } from '../engine/run.ts'
import { inChorus, type Report } from '../report/report.ts'
import type { Io } from './io.ts'
import { openRecord } from './open-record.ts'
import { stopOnSignals } from './stop-signals.ts'

/** Runs the body; what it emits goes to the report and into a record of this description. */
export async function withReport(
  io: Io,
  shown: Report,
  description: Parameters<typeof openRecord>[1],
  warnings: readonly string[],
  body: (emit: Emit, stopping: ReturnType<typeof stopOnSignals>) => Promise<RunResult>,
): Promise<RunResult> {
  const record = openRecord(io, description)
  const report = record ? inChorus([shown, record]) : shown
  const stopping = stopOnSignals(
    io,
    (giveUp) => report.emit({ type: 'interrupted', giveUp }),
    () => report.abandon?.(),
  )
  try {
    for (const message of warnings) report.emit({ type: 'warning', host: undefined, message })
    const result = await body(report.emit, stopping)
    record?.setOutcome(result.outcome)
    return result
  } catch (error) {
    report.fail?.(error)
    throw error
  } finally {
    await report.end()
    stopping.release()
  }
}
