import { type Measures, newestOfEach, type Result, type RunFile } from '../results.ts'
import { spreadOfMeasure } from './statistics.ts'

/** What the goals are compared with. */
export interface Figures {
  /** The median of a measure over all hosts together; undefined if it was not measured. */
  readonly median: (
    workload: string,
    caseName: string,
    contestant: string,
    measure: keyof Measures,
  ) => number | undefined
  /** All results of a workload. */
  readonly results: (workload: string) => readonly Result[]
}

/** The figures of the newest run of each workload. */
export function figuresOf(runs: readonly RunFile[]): Figures {
  const newest = newestOfEach(runs)
  const results = (workload: string) => newest.get(workload)?.results ?? []
  return {
    results,
    median: (workload, caseName, contestant, measure) => {
      const own = results(workload).filter((result) => result.case === caseName && result.contestant === contestant)
      return spreadOfMeasure(own, measure)?.median
    },
  }
}
