// A logarithmic axis: the contestants differ by a factor of a hundred, and a ratio is the same length everywhere on it.

/** From values to pixels. */
export interface Scale {
  readonly at: (value: number) => number
  /** Round values to mark: 1, 2 and 5 times powers of ten. */
  readonly marks: readonly number[]
}

/** An axis from `from` to `to` pixels that has room for all values, which are above 0. */
export function logarithmicScale(values: readonly number[], from: number, to: number): Scale {
  const least = Math.min(...values)
  const most = Math.max(...values)
  const candidates = roundValues(Math.floor(Math.log10(least)) - 1, Math.ceil(Math.log10(most)) + 1)
  const low = candidates.filter((value) => value <= least).at(-1) ?? least
  const high = candidates.find((value) => value >= most && value > low) ?? most
  const span = Math.log(high / low)
  const at = (value: number) => from + (Math.log(value / low) / span) * (to - from)
  const inside = candidates.filter((value) => value >= low && value <= high)
  return { at, marks: inside.length > 10 ? inside.filter(isPowerOfTen) : inside }
}

function roundValues(fromPower: number, toPower: number): number[] {
  const values: number[] = []
  for (let power = fromPower; power <= toPower; power += 1)
    for (const digit of [1, 2, 5]) values.push(Number(`${digit}e${power}`))
  return values
}

function isPowerOfTen(value: number): boolean {
  return Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6)
}
