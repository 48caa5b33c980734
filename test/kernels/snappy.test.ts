import { compressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import { snappyDecompress } from '../../src/kernels/snappy.ts'
import { fc } from '../kit/fast-check.ts'
import { runKernel } from './harness.ts'

/** Plain bytes with the repetitions at all distances that make Snappy emit every kind of copy. */
const plainBytes = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 })), { maxLength: 40 })
  .map((parts) => Buffer.concat(parts.map(([bytes, times]) => Buffer.concat(Array(times).fill(bytes)))))

const decompress = (input: Uint8Array, capacity: number): { result: number; output: Uint8Array } =>
  runKernel(input, capacity, (kernels, src, dst) => kernels.snappyDecompress(src, input.length, dst, capacity))

describe('snappy decompression', () => {
  it('gives back what the snappy library compressed, in the kernel and in its twin', () => {
    fc.assert(
      fc.property(plainBytes, (plain) => {
        const packed = compressSync(plain)
        const twin = new Uint8Array(plain.length)
        expect(snappyDecompress(packed, twin)).toBe(plain.length)
        expect(Buffer.from(twin).equals(plain)).toBe(true)
        const { result, output } = decompress(packed, plain.length)
        expect(result).toBe(plain.length)
        expect(Buffer.from(output).equals(plain)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with its twin on corrupted input: the same code, or the same bytes', () => {
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(plainBytes, mutations, fc.nat(), (plain, changes, cut) => {
        const packed = Uint8Array.from(compressSync(plain))
        for (const [at, value] of changes) packed[at % packed.length] = value
        const input = packed.subarray(0, packed.length - (cut % 3 === 0 ? cut % packed.length : 0))
        const capacity = plain.length + 8
        const twin = new Uint8Array(capacity)
        const expected = snappyDecompress(input, twin)
        const { result, output } = decompress(input, capacity)
        expect(result).toBe(expected)
        if (expected >= 0) expect(Buffer.from(output.subarray(0, result)).equals(twin.subarray(0, result))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('agrees with its twin on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        const twin = new Uint8Array(512)
        expect(decompress(input, 512).result).toBe(snappyDecompress(input, twin))
      }),
      { numRuns: 1000 },
    )
  })
})
