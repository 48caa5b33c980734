import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../src/kernels/load.ts'
import { joinMarks, markedRows, markRange } from '../../src/kernels/marks.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { fc } from '../kit/fast-check.ts'

const memory = KernelMemory.create(1 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

describe('the mark kernels agree with their twins', () => {
  it('on ranges over values of every width, joined in every way', () => {
    const array = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint16Array({ maxLength: 200 }),
      fc.uint32Array({ maxLength: 200 }),
      fc.array(fc.maxSafeInteger(), { maxLength: 200 }).map((values) => Float64Array.from(values)),
    )
    const ends = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat())
    fc.assert(
      fc.property(array, ends, fc.nat(2), (values, [a, b, c, d], how) => {
        memory.release(base)
        const { length: rows, BYTES_PER_ELEMENT: size } = values
        const at = memory.allocate(values.byteLength)
        memory.bytes(at, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
        const [first, second] = [memory.allocate(rows), memory.allocate(rows)]
        const dst = memory.allocate(rows * 4)
        const bytes = memory.bytes(0, memory.sizeBytes).slice()
        const twin = { bytes, words: new Uint32Array(bytes.buffer), doubles: new Float64Array(bytes.buffer) }
        // Ends are often values of the array.
        const endOf = (n: number): number => values[n % 400] ?? n % 256
        for (const [marks, from, to] of [
          [first, endOf(a), endOf(b)],
          [second, endOf(c), endOf(d)],
        ] as const) {
          const [low, high] = [Math.min(from, to), Math.max(from, to)]
          kernels.markRange(at, size, low, high, rows, marks)
          markRange(twin, at, size, low, high, rows, marks)
        }
        kernels.joinMarks(first, second, how, rows)
        joinMarks(twin, first, second, how, rows)
        const count = markedRows(twin, first, rows, dst)
        expect(kernels.markedRows(first, rows, dst)).toBe(count)
        expect(memory.bytes(dst, count * 4)).toEqual(bytes.subarray(dst, dst + count * 4))
      }),
      { numRuns: 500 },
    )
  })
})
