import type { Measures, Result } from '../results.ts'

/** Several measurements of one thing. */
export interface Spread {
  readonly count: number
  readonly median: number
  readonly least: number
  readonly most: number
}

/** The median: of an even number of values the mean of the two in the middle. Undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other)
  const [lower, upper] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]]
  return lower === undefined || upper === undefined ? undefined : (lower + upper) / 2
}

/** Median, least and most; undefined of none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const middle = median(values)
  if (middle === undefined) return undefined
  return { count: values.length, median: middle, least: Math.min(...values), most: Math.max(...values) }
}

/** One measure over those runs of a contestant that worked. */
export function spreadOfMeasure(results: readonly Result[], measure: keyof Measures): Spread | undefined {
  const worked = results.filter(({ failure }) => failure === undefined)
  return spreadOf(worked.map((result) => result[measure]).filter((value) => value !== undefined))
}

/** A number as a reader wants it: three digits that count, no more. */
export function renderNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return value.toFixed(2)
}

/** `median (least–most)`, or the one value. */
export function renderSpread(spread: Spread): string {
  if (spread.count === 1) return renderNumber(spread.median)
  return `${renderNumber(spread.median)} (${renderNumber(spread.least)}–${renderNumber(spread.most)})`
}
