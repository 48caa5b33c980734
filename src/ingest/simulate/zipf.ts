import type { Random } from './random.ts'

const STEPS = 1 << 14

/**
 * Ranks 0 .. `ranks` - 1 where rank r is drawn in proportion to 1 / (r + 1): few hosts make most of the traffic. The quantiles are a table of
 * 2^14 steps; within a step ranks are uniform, so that the long tail is reached although it is wider than the table.
 */
export class Zipf {
  readonly #first: Uint32Array

  constructor(ranks: number) {
    let total = 0
    for (let rank = 1; rank <= ranks; rank++) total += 1 / rank
    const first = new Uint32Array(STEPS + 1)
    let step = 0
    let sum = 0
    for (let rank = 0; rank < ranks; rank++) {
      sum += 1 / (rank + 1)
      while (step < STEPS && step < (sum / total) * STEPS) first[step++] = rank
    }
    while (step <= STEPS) first[step++] = ranks - 1
    this.#first = first
  }

  /** Draws a rank. */
  next(random: Random): number {
    const bits = random.bits()
    const step = bits >>> 18
    const low = this.#first[step] ?? 0
    const high = this.#first[step + 1] ?? 0
    return high === low ? low : low + Math.floor(((bits & 0x3ffff) * (high - low + 1)) / 0x40000)
  }
}
