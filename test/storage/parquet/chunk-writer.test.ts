import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { snappyCompress } from '../../../src/kernels/snappy-compress.ts'
import { crc32 } from '../../../src/storage/crc32.ts'
import { ChunkWriter, WORTH_COMPRESSING } from '../../../src/storage/parquet/chunk-writer.ts'
import { ENCODING, PAGE, writePageHeader } from '../../../src/storage/parquet/metadata.ts'
import { PAGES_PER_GROUP } from '../../../src/storage/parquet/rows.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'

const BODY_BYTES = 12_000
const memory = KernelMemory.create((PAGES_PER_GROUP + 1) * BODY_BYTES + ChunkWriter.bytesNeeded() + (1 << 20))
const kernels = loadKernels(memory)
const writer = new ChunkWriter(memory, kernels)
const bodyPlaces = Array.from({ length: PAGES_PER_GROUP + 1 }, () => memory.allocate(BODY_BYTES))

interface Body {
  readonly bytes: Uint8Array
  readonly values: number
}

/** Bodies of any length, of one byte, of few or of any. */
const body = fc
  .record({
    length: fc.oneof(fc.nat(40), fc.nat(400), fc.nat(BODY_BYTES)),
    span: fc.constantFrom(1, 3, 256),
    values: fc.oneof(fc.nat(200), fc.nat(16_384)),
    seed: fc.nat(),
  })
  .map(({ length, span, values, seed }): Body => {
    const random = seededRandom(seed)
    return { bytes: Uint8Array.from({ length }, () => Math.floor(random() * span)), values }
  })

/** The chunk as TypeScript makes it. */
function twin(bodies: readonly Body[], hasDictionary: boolean, encoding: (typeof ENCODING)[keyof typeof ENCODING]) {
  const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)
  const plain = bodies.map(({ bytes }) => bytes)
  const packed = plain.map(snappyCompress)
  const isPacked = total(packed) < total(plain) * WORTH_COMPRESSING
  const pages = (isPacked ? packed : plain).map((stored, page) => {
    const isDictionary = hasDictionary && page === 0
    const header = writePageHeader({
      type: isDictionary ? PAGE.DICTIONARY : PAGE.DATA,
      plainBytes: plain[page]!.length,
      packedBytes: stored.length,
      crc32: crc32(stored),
      values: bodies[page]!.values,
      encoding: isDictionary ? ENCODING.PLAIN : encoding,
    })
    return Buffer.concat([header, stored])
  })
  const headers = total(pages) - total(isPacked ? packed : plain)
  const dataOffset = hasDictionary ? pages[0]!.length : 0
  return { bytes: Buffer.concat(pages), isPacked, plainBytes: total(plain) + headers, dataOffset }
}

describe('a column chunk', () => {
  it('has the bytes of its twin, whatever its pages hold and wherever it will begin', () => {
    const bodies = fc.array(body, { minLength: 2, maxLength: PAGES_PER_GROUP + 1 })
    const encoding = fc.constantFrom(ENCODING.PLAIN, ENCODING.DELTA_BINARY_PACKED, ENCODING.RLE_DICTIONARY)
    fc.assert(
      fc.property(bodies, fc.boolean(), encoding, fc.nat(100), (pages, hasDictionary, code, offset) => {
        for (const [page, { bytes, values }] of pages.entries()) {
          memory.bytes(bodyPlaces[page]!, bytes.length).set(bytes)
          writer.add(bodyPlaces[page]!, bytes.length, values)
        }
        const chunk = writer.finish({ hasDictionary, encoding: code, offset })
        const expected = twin(pages, hasDictionary, code)
        expect(Buffer.compare(chunk.bytes, expected.bytes)).toBe(0)
        expect(chunk).toMatchObject({ ...expected, bytes: chunk.bytes })
        expect(chunk.bytes.byteOffset % 8).toBe(offset % 8)
      }),
      { numRuns: 40 },
    )
  })
})
