import { asProvisionError } from '../core/error.ts'
import { renderError } from '../report/error.ts'
import { makePaint } from '../report/paint.ts'
import { exitCode, hasColour, type Io } from './io.ts'

/** How errors are shown on stderr. */
export function errorContext(io: Io, debug: boolean) {
  return { paint: makePaint(hasColour(io, io.stderr)), cwd: io.cwd, columns: io.stderr.columns ?? 100, debug }
}

/** Shows an error that ended the command; gives the exit code. */
export function reportError(thrown: unknown, io: Io, debug: boolean): number {
  const error = asProvisionError(thrown)
  io.stderr.write(renderError(error, errorContext(io, debug)))
  if (error.code === 'internal' && !debug)
    io.stderr.write('  This is a fault of provision itself; run it again with --debug to see where.\n')
  return error.code === 'interrupted' ? exitCode.interrupted : exitCode.input
}
