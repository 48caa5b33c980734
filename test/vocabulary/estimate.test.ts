import { describe, expect, it } from 'vitest'
import { estimate } from '../../src/index.ts'
import { fc } from '../kit/fast-check.ts'

describe('estimate', () => {
  it('is floor(count * N / n), exactly, or an error above 2^53 - 1', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        (count, sampleSize, samplePopulation) => {
          const exact = (BigInt(count) * BigInt(samplePopulation)) / BigInt(sampleSize)
          const got = () => BigInt(estimate(count, { sampleSize, samplePopulation }))
          if (exact > 2n ** 53n - 1n) expect(got).toThrowError(/^estimate: expected at most 2\^53 - 1, got \d+/)
          else expect(got()).toBe(exact)
        },
      ),
      { numRuns: 300 },
    )
    expect(estimate(10, { sampleSize: 3, samplePopulation: 100 })).toBe(333)
  })

  it('takes unknown sampling as 1 of 1', () => {
    expect(estimate(7, { sampleSize: 0, samplePopulation: 0 })).toBe(7)
  })
})
