import { asProvisionError } from '../core/error.ts'
import { renderError } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { exitCode, hasColour, type Io } from './io.ts'

/** Shows an error that ended the command; resolves to the exit code. */
export function reportError(thrown: unknown, io: Io, debug: boolean): number {
  const error = asProvisionError(thrown)
  const unexpected = error.code === 'internal'
  const context = { paint: makePaint(hasColour(io, io.stderr)), cwd: io.cwd, columns: io.stderr.columns ?? 100, debug }
  io.stderr.write(renderError(error, context))
  if (unexpected && !debug)
    io.stderr.write('  This is a fault of provision itself; run it again with --debug to see where.\n')
  if (error.code === 'interrupted') return exitCode.interrupted
  return exitCode.input
}
