import type { Result } from '../results.ts'

/** One result on one line of the terminal. */
export function renderLine(result: Result): string {
  const parts = [
    `${result.workload} ${result.case}`.padEnd(18),
    result.contestant.padEnd(22),
    `${result.wall.toFixed(2)} s`,
    result.controllerCpu !== undefined && `cpu ${result.controllerCpu.toFixed(2)}`,
    result.hostsCpu !== undefined && `hosts ${result.hostsCpu.toFixed(2)}`,
    result.peakMemory !== undefined && `${Math.round(result.peakMemory / 2 ** 20)} MiB`,
    result.logins !== undefined && `logins ${result.logins}`,
    result.sessions !== undefined && `sessions ${result.sessions}`,
    result.turns !== undefined && `turns ${result.turns}`,
    result.changed !== undefined && `changed ${result.changed}`,
    result.failure !== undefined && `FAILED: ${result.failure}`,
  ]
  return parts.filter((part) => part !== false).join('  ')
}
