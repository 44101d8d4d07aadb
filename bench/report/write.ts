import type { Workload } from '../workload.ts'

export async function writeReport(
  _folder: string,
  _workloads: readonly Workload[],
  say: (m: string) => void,
): Promise<void> {
  say('not yet')
}
