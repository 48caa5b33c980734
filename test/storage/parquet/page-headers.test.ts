import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { PAGE_ENTRY, PAGE_ENTRY_WORDS, SPARE_PAGE_ENTRIES } from '../../../src/kernels/pages.ts'
import { crc32 } from '../../../src/storage/crc32.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import { ENCODING, PAGE, writePageHeader } from '../../../src/storage/parquet/metadata.ts'
import { readPageHeader } from '../../../src/storage/parquet/read-metadata.ts'
import { ThriftWriter } from '../../../src/storage/parquet/thrift.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'
import { mutate } from '../fuzz/mutate.ts'

const memory = KernelMemory.create(1 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

const MOST = 6
const MOST_COUNT = 2 ** 31 - 1

const counts = fc.oneof(fc.nat(40), fc.integer(), fc.constantFrom(2 ** 31, 2 ** 40, 2 ** 53 - 1, -1))
const body = fc.uint8Array({ maxLength: 40 })

/** A page as our writer makes it. */
const page = fc
  .record({ type: fc.constantFrom(PAGE.DATA, PAGE.DICTIONARY), values: fc.nat(20_000), crc32: fc.nat(), body })
  .map(({ type, values, crc32, body }): Uint8Array => {
    const rest = { plainBytes: body.length * 2, packedBytes: body.length, encoding: ENCODING.RLE_DICTIONARY }
    return Buffer.concat([writePageHeader({ type, values, crc32, ...rest }), body])
  })

/** A header with any fields in any place, of others' making: V2, statistics, lists, structs within structs. */
const strange = fc
  .record({ type: fc.nat(4), counts: fc.array(counts, { minLength: 5, maxLength: 5 }), flag: fc.boolean(), body })
  .map(({ type, counts, flag, body }): Uint8Array => {
    const out = new ThriftWriter()
    out.i32(1, type)
    out.i64(2, counts[0]!)
    out.i32(3, body.length)
    if (counts[1]! % 5) out.i64(4, counts[1]!)
    out.struct(5, () => out.i32s(1, [1, 2, 3]))
    out.struct(type === 3 ? 8 : type === 2 ? 7 : 6, () => {
      out.i64(1, counts[2]!)
      out.i32(2, 8)
      out.i32(4, 5)
      out.i64(5, counts[3]!)
      out.i32(6, 0)
      if (counts[4]! % 2) out.bool(7, flag)
      out.struct(9, () => out.binary(1, 'least'))
      out.strings(30, ['a', 'bc'])
    })
    out.stop()
    return Buffer.concat([out.bytes(), body])
  })

/** The entries that headers should give; undefined when one cannot be taken. */
function expected(bytes: Uint8Array, at: number): number[][] | undefined {
  const entries: number[][] = []
  try {
    for (let offset = 0; offset < bytes.length; ) {
      const { page, next } = readPageHeader(bytes, offset)
      const { type, packedBytes, plainBytes, values, encoding, crc32, levelBytes, isPacked } = page
      const sizes = [type, packedBytes, plainBytes, values, levelBytes]
      offset = next + packedBytes
      if (entries.length === MOST || offset > bytes.length) return undefined
      if (sizes.some((size) => size < 0 || size > MOST_COUNT)) return undefined
      const known = encoding >= 0 && encoding <= MOST_COUNT ? encoding : 2 ** 32 - 1
      entries.push([type, at + next, packedBytes, plainBytes, values, known, crc32, levelBytes, isPacked ? 1 : 0])
    }
    return entries
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

function found(bytes: Uint8Array): { at: number; entries: number[][] | undefined } {
  memory.release(base)
  const at = memory.allocate(bytes.length)
  memory.bytes(at, bytes.length).set(bytes)
  const room = (MOST + SPARE_PAGE_ENTRIES) * PAGE_ENTRY_WORDS
  const entries = memory.array(Uint32Array, room)
  const guard = memory.bytes(memory.allocate(64), 64).fill(0xa5)
  const count = kernels.pageHeaders(at, at + bytes.length, entries.byteOffset, MOST)
  expect(guard.every((byte) => byte === 0xa5)).toBe(true)
  if (count < 0) return { at, entries: undefined }
  const entry = (i: number): number[] => [...entries.subarray(i * PAGE_ENTRY_WORDS, (i + 1) * PAGE_ENTRY_WORDS)]
  return { at, entries: Array.from({ length: count }, (_, i) => entry(i)) }
}

/** Pages with the right CRC, but for one of them. */
const checked = fc
  .record({ bodies: fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: MOST }), wrong: fc.nat(MOST * 2) })
  .map(({ bodies, wrong }) => {
    const rest = { type: PAGE.DATA, plainBytes: 9, values: 9, encoding: ENCODING.PLAIN }
    const pages = bodies.map((body, i) => {
      const crc = crc32(body)
      const header = writePageHeader({ ...rest, packedBytes: body.length, crc32: i === wrong ? (crc ^ 64) >>> 0 : crc })
      return Buffer.concat([header, body])
    })
    return { bytes: Buffer.concat(pages), count: pages.length, isRight: wrong >= pages.length }
  })

describe('the kernel that tells the CRC of a column chunk', () => {
  it('tells that of its bytes, behind any others, when each page has the one in its header, and no other way', () => {
    fc.assert(
      fc.property(checked, fc.nat(), ({ bytes, count, isRight }, before) => {
        memory.release(base)
        const at = memory.allocate(bytes.length)
        memory.bytes(at, bytes.length).set(bytes)
        const entries = memory.allocate((MOST + SPARE_PAGE_ENTRIES) * PAGE_ENTRY_WORDS * 4)
        expect(kernels.pageHeaders(at, at + bytes.length, entries, MOST)).toBe(count)
        const crc = kernels.chunkCrc(at, entries, count, before) >>> 0
        if (isRight) expect(crc).toBe(crc32(bytes, before))
        else expect(crc).not.toBe(crc32(bytes, before))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the kernel that reads page headers', () => {
  it('has a place for each word of an entry', () => {
    expect(Object.values(PAGE_ENTRY)).toEqual(Array.from({ length: PAGE_ENTRY_WORDS }, (_, i) => i))
  })

  it('finds what its twin finds in headers of any maker, changed ones included, or refuses what that refuses', () => {
    const taken = { whole: 0, refused: 0 }
    fc.assert(
      fc.property(
        fc.array(fc.oneof(page, page, strange), { maxLength: 7 }),
        fc.option(fc.nat(), { freq: 2 }),
        (pages, seed) => {
          const whole = Buffer.concat(pages)
          const bytes = seed === null ? whole : mutate(whole, seededRandom(seed), { mayCut: true })
          const { at, entries } = found(bytes)
          expect(entries).toEqual(expected(bytes, at))
          taken[entries ? 'whole' : 'refused']++
        },
      ),
      { numRuns: 3000 },
    )
    expect(taken.whole).toBeGreaterThan(300)
    expect(taken.refused).toBeGreaterThan(300)
  })
})
