// Which plots there are: dots for each case, and lines where cases are points on a scale.
import type { Measures, Result } from '../results.ts'
import type { Workload } from '../workload.ts'
import { renderDotPlot } from './dot-plot.ts'
import { renderLinePlot, type Series } from './line-plot.ts'
import { spreadOfMeasure } from './statistics.ts'
import { groupBy } from './table.ts'

/** A picture of the page. */
export interface Plot {
  readonly workload: string
  /** Undefined: it is about all cases. */
  readonly case: string | undefined
  /** Its name in docs/performance/. */
  readonly file: string
  readonly title: string
  readonly svg: string
}

/** Workloads whose cases are numbers on a scale, and what is shown of them. */
const scales: Readonly<Record<string, readonly { measure: keyof Measures; name: string; title: string; y: string }[]>> =
  {
    many: [
      { measure: 'wall', name: 'wall', title: 'Wall time of a rerun', y: 'seconds' },
      { measure: 'controllerCpu', name: 'cpu', title: 'Controller CPU of a rerun', y: 'CPU seconds' },
      { measure: 'peakMemory', name: 'memory', title: 'Peak memory of the controller', y: 'MiB' },
    ],
  }

/** All plots of a workload's results. */
export function plotsOf(workload: Workload, results: readonly Result[]): readonly Plot[] {
  const base = workload.base ?? 'floor'
  const lines = scales[workload.name]
  if (lines) {
    return lines.map(({ measure, name, title, y }) => ({
      workload: workload.name,
      case: undefined,
      file: `${workload.name}-${name}.svg`,
      title,
      svg: renderLinePlot(title, { x: 'hosts, logarithmic', y }, seriesOf(results, measure), base),
    }))
  }
  return Object.entries(workload.cases).flatMap(([name, title]) => {
    const rows = rowsOf(results.filter((result) => result.case === name))
    if (rows.length === 0) return []
    const file = name === workload.name ? `${name}.svg` : `${workload.name}-${name}.svg`
    return [{ workload: workload.name, case: name, file, title, svg: renderDotPlot(title, rows, base) }]
  })
}

function rowsOf(results: readonly Result[]) {
  return [...groupBy(results, ({ contestant }) => contestant)].flatMap(([label, own]) => {
    const spread = spreadOfMeasure(own, 'wall')
    return spread ? [{ label, spread }] : []
  })
}

function seriesOf(results: readonly Result[], measure: keyof Measures): Series[] {
  const unit = measure === 'peakMemory' ? 2 ** 20 : 1
  return [...groupBy(results, ({ contestant }) => contestant)].flatMap(([label, own]) => {
    const points = [...groupBy(own, ({ hosts }) => String(hosts))].flatMap(([hosts, at]) => {
      const spread = spreadOfMeasure(at, measure)
      return spread ? [{ x: Number(hosts), y: spread.median / unit }] : []
    })
    return points.length > 0 ? [{ label, points }] : []
  })
}
