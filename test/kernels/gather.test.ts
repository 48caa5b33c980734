import { describe, expect, it } from 'vitest'
import { orderScratchBytes, timeOrder } from '../../src/kernels/time-order.ts'
import { fc } from '../kit/fast-check.ts'
import { runKernel } from './harness.ts'

/** Columns of values of some bytes each, and row numbers of theirs in any order. */
const columnAndRows = fc
  .tuple(fc.constantFrom(1, 2, 4, 8, 16), fc.integer({ min: 1, max: 80 }))
  .chain(([bytes, rows]) =>
    fc.tuple(
      fc.constant(bytes),
      fc.uint8Array({ minLength: bytes * rows, maxLength: bytes * rows }),
      fc.array(fc.nat(rows - 1), { maxLength: 100 }),
    ),
  )

describe('kernels that move rows', () => {
  it('gather values of any width in any order', () => {
    fc.assert(
      fc.property(columnAndRows, ([bytes, column, rows]) => {
        const numbers = new Uint8Array(Uint32Array.from(rows).buffer)
        const { output } = runKernel(
          column,
          rows.length * bytes,
          (kernels, src, dst, extra) => {
            const gather = {
              1: kernels.gather8,
              2: kernels.gather16,
              4: kernels.gather32,
              8: kernels.gather64,
              16: kernels.gather128,
            }[bytes]!
            gather(src, extra, rows.length, dst)
            return 0
          },
          numbers,
        )
        const expected = rows.flatMap((row) => [...column.subarray(row * bytes, (row + 1) * bytes)])
        expect([...output]).toEqual(expected)
      }),
    )
  })

  it('copy bytes as they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { output } = runKernel(bytes, bytes.length, (kernels, src, dst) => {
          kernels.copyBytes(src, bytes.length, dst)
          return 0
        })
        expect([...output]).toEqual([...bytes])
      }),
    )
  })

  it('gather the 16-byte values of family 6, and zero for other rows', () => {
    const column = fc.array(fc.tuple(fc.constantFrom(0, 4, 6), fc.nat(255)), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(column, fc.array(fc.nat(), { maxLength: 80 }), (families, picks) => {
        const family = Uint8Array.from(families, ([value]) => value)
        const values = Uint8Array.from({ length: family.length * 16 }, (_, i) => families[i >>> 4]![1] + i)
        const rows = Uint32Array.from(picks, (pick) => pick % family.length)
        const { output } = runKernel(
          family,
          rows.length * 16,
          (kernels, src, dst, extra) => {
            kernels.gatherSparse(src, extra, extra + values.length, rows.length, dst)
            return 0
          },
          Buffer.concat([values, new Uint8Array(rows.buffer)]),
        )
        const expected = [...rows].flatMap((row) =>
          family[row] === 6 ? [...values.subarray(row * 16, row * 16 + 16)] : Array<number>(16).fill(0),
        )
        expect([...output]).toEqual(expected)
      }),
    )
  })

  it('pick the 16-byte values of family 6, and the bits of the rows that have one', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 4, 6), { maxLength: 70 }), (families) => {
        const family = Uint8Array.from(families)
        const values = Uint8Array.from({ length: families.length * 16 }, (_, i) => i * 7)
        const wanted = families.flatMap((value, row) => (value === 6 ? [row] : []))
        const picked = runKernel(
          family,
          wanted.length * 16,
          (kernels, src, dst, extra) => kernels.pick128(src, family.length, extra, dst),
          values,
        )
        expect(picked.result).toBe(wanted.length)
        expect([...picked.output]).toEqual(wanted.flatMap((row) => [...values.subarray(row * 16, row * 16 + 16)]))
        const bits = runKernel(family, Math.ceil(families.length / 8), (kernels, src, dst) =>
          kernels.equalBits(src, family.length, 6, dst),
        )
        const expected = new Uint8Array(bits.result)
        for (const row of wanted) expected[row >>> 3]! |= 1 << (row & 7)
        expect([...bits.output]).toEqual([...expected])
      }),
    )
  })

  it('put rows in order of time as their twin does', () => {
    const time = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_400_000 }),
      fc.integer({ min: 1_700_000_000_000, max: 1_700_016_700_000 }),
      fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
    )
    fc.assert(
      fc.property(fc.array(time, { maxLength: 300 }), (times) => {
        const values = Float64Array.from(times)
        const { output } = runKernel(
          new Uint8Array(values.buffer),
          times.length * 4,
          (kernels, src, dst, extra) => {
            kernels.timeOrder(src, times.length, dst, extra)
            return 0
          },
          new Uint8Array(orderScratchBytes(times.length)),
        )
        expect([...new Uint32Array(output.buffer)]).toEqual([...timeOrder(values, times.length)])
      }),
    )
  })
})
