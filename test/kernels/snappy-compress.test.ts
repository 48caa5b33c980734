import { uncompressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import { snappyDecompress } from '../../src/kernels/snappy.ts'
import { COMPRESS_TABLE_BYTES, maxCompressedBytes, snappyCompress } from '../../src/kernels/snappy-compress.ts'
import { fc } from '../kit/fast-check.ts'
import { runKernel } from './harness.ts'

/** Plain bytes with repetitions at all distances, and long runs of bytes that do not repeat. */
const plainBytes = fc
  .array(
    fc.oneof(
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 }))
        .map(([bytes, times]) => Buffer.concat(Array(times).fill(bytes))),
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.concat(parts))

function compress(plain: Uint8Array): Uint8Array {
  const { result, output } = runKernel(
    plain,
    maxCompressedBytes(plain.length),
    (kernels, src, dst, table) => kernels.snappyCompress(src, plain.length, dst, table),
    new Uint8Array(COMPRESS_TABLE_BYTES).fill(0x5a),
  )
  return output.slice(0, result)
}

/** The library and our own reader give back what was compressed. */
function expectReadable(packed: Uint8Array, plain: Uint8Array): void {
  expect(Buffer.compare(uncompressSync(Buffer.from(packed)) as Buffer, plain)).toBe(0)
  const read = new Uint8Array(plain.length)
  expect(snappyDecompress(packed, read)).toBe(plain.length)
  expect(Buffer.compare(read, plain)).toBe(0)
}

describe('snappy compression', () => {
  it('is read by the snappy library, and has the bytes of its twin', () => {
    fc.assert(
      fc.property(plainBytes, (plain) => {
        const packed = compress(plain)
        expectReadable(packed, plain)
        expect(Buffer.compare(packed, snappyCompress(plain))).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('holds over more than 64 KB: matches beyond the reach of a copy are not used', () => {
    let state = 1
    const noise = Uint8Array.from({ length: 70_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 24
    })
    for (const plain of [
      noise,
      Buffer.concat([noise, noise]),
      Buffer.concat([noise, noise.subarray(0, 65_535), noise]),
    ]) {
      const packed = compress(plain)
      expectReadable(packed, plain)
      expect(packed.length).toBeLessThanOrEqual(maxCompressedBytes(plain.length))
    }
  })

  it('takes few bytes for what repeats', () => {
    expect(compress(new Uint8Array(100_000)).length).toBeLessThan(5000)
  })
})
