import { describe, expect, it } from 'vitest'
import type { MarkedSlice } from '../../../src/runtime/shuffle/marks.ts'
import { startsBefore } from '../../../src/runtime/shuffle/marks.ts'
import { fc } from '../../kit/fast-check.ts'

const hex = (value: number): string => value.toString(16).padStart(4, '0')

/** A slice of sorted values with a mark at every so many. */
function markedSlice(values: readonly number[], every: number): MarkedSlice {
  const marks = values.flatMap((value, row) =>
    row > 0 && row % every === 0 ? [{ row, offset: row, key: hex(value) }] : [],
  )
  return { records: values.length, marks }
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

describe('the places to begin a merge at', () => {
  it('leave out only what comes before the row, so that passing over the rest of it leads there', () => {
    const slice = fc.array(fc.nat(400), { maxLength: 200 }).map(sorted)
    fc.assert(
      fc.property(
        fc.array(slice, { maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(1200),
        (slices, every, row) => {
          const { starts, skipped } = startsBefore(
            slices.map((values) => markedSlice(values, every)),
            row,
          )
          expect(skipped).toBeLessThanOrEqual(row)
          const rest = sorted(slices.flatMap((values, i) => values.slice(starts[i]?.row ?? 0)))
          expect(rest.slice(row - skipped)).toEqual(sorted(slices.flat()).slice(row))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('leave few rows to pass over, when keys differ', () => {
    const slices = [0, 1, 2].map((first) => Array.from({ length: 5000 }, (_, i) => i * 3 + first))
    const marked = slices.map((values) => markedSlice(values, 100))
    for (const row of [0, 1, 1000, 7500, 14_999]) {
      const { skipped } = startsBefore(marked, row)
      expect(row - skipped).toBeLessThanOrEqual(3 * 200)
    }
  })
})
