/** A seeded stream of random numbers (sfc32, PractRand's small fast counter): integer arithmetic alone, so the same on every machine. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `seed` is any safe integer; `stream` tells apart streams of one seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = stream | 0
    for (let round = 0; round < 16; round++) this.bits()
  }

  /** Uniform in 0 .. 2^32-1. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.bits() / 4294967296
  }

  /** Uniform integer in 0 .. `limit` - 1; `limit` is at most 2^21, so that the product is exact. */
  below(limit: number): number {
    return Math.floor((this.bits() * limit) / 4294967296)
  }

  /** Heavy-tailed in [`least`, `most`): a bounded Pareto distribution with exponent 1, whose quantile needs one division only. */
  pareto(least: number, most: number): number {
    return least / (1 - this.unit() * (1 - least / most))
  }
}
