import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldRehash, foldRows } from '../../src/kernels/fold.ts'
import { loadKernels } from '../../src/kernels/kernels.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = new KernelMemory(4 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

/** A memory of the same size for the twin, with the same bytes. */
function twinMemory() {
  const bytes = memory.bytes(0, memory.sizeBytes).slice()
  return { bytes, words: new Uint32Array(bytes.buffer), doubles: new Float64Array(bytes.buffer) }
}

describe('the fold kernels agree with their twins', () => {
  it('on every table: the same entries in the same slots, before and after it grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 4 }),
        fc.nat(200),
        fc.boolean(),
        fc.nat(),
        (width, sums, rows, skips, seed) => {
          memory.release(base)
          const random = seededRandom(seed)
          const stride = ((width * 4 + 7) & ~7) + 8 + sums * 8
          const valuesStride = rows * 8 + 16
          const keys = memory.allocate(rows * width * 4)
          const values = memory.allocate(valuesStride * Math.max(1, sums))
          const mask = memory.allocate(rows)
          const table = memory.allocate(512 * stride)
          const larger = memory.allocate(1024 * stride)
          memory.bytes(table, 512 * stride).fill(0)
          memory.bytes(larger, 1024 * stride).fill(0)
          const words = new Uint32Array(memory.memory.buffer, keys, rows * width)
          for (let i = 0; i < words.length; i++)
            words[i] = random() < 0.5 ? Math.floor(random() * 3) : Math.floor(random() * 2 ** 32)
          const doubles = new Float64Array(memory.memory.buffer)
          for (let s = 0; s < sums; s++)
            for (let i = 0; i < rows; i++) doubles[(values + s * valuesStride) / 8 + i] = Math.floor(random() * 2 ** 40)
          for (let i = 0; i < rows; i++) memory.bytes(mask, rows)[i] = skips && random() < 0.3 ? 1 : 0
          const twin = twinMemory()
          const skipped = skips ? mask : 0
          const expected = foldRows(twin, keys, width, rows, skipped, table, 511, stride, values, valuesStride, sums)
          expect(kernels.foldRows(keys, width, rows, skipped, table, 511, stride, values, valuesStride, sums)).toBe(
            expected,
          )
          foldRehash(twin, width, table, 511, larger, 1023, stride)
          kernels.foldRehash(width, table, 511, larger, 1023, stride)
          const end = larger + 1024 * stride
          expect(Buffer.compare(memory.bytes(table, end - table), twin.bytes.subarray(table, end))).toBe(0)
          let sum = 0
          for (let i = 0; i < rows; i++) sum += doubles[values / 8 + i] as number
          if (sums > 0) expect(kernels.sumDoubles(values, rows)).toBeCloseTo(sum, -3)
        },
      ),
      { numRuns: 300 },
    )
  })
})
