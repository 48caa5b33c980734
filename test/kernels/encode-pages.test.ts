import { describe, expect, it } from 'vitest'
import { PageEncoder, type ValueBytes } from '../../src/kernels/encode-pages.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import type { PageTarget } from '../../src/kernels/parquet.ts'
import { encodeValues } from '../../src/kernels/parquet-encode.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const ROWS = 40_000
const PAGES = 8
const memory = KernelMemory.create(ROWS * 16 + PageEncoder.bytesNeeded(ROWS, PAGES) + (1 << 20))
const kernels = loadKernels(memory)
const values = memory.allocate(ROWS * 16)
const encoder = new PageEncoder(memory, kernels, { rows: ROWS, pages: PAGES })
const guard = memory.bytes(memory.allocate(64), 64).fill(0xa5)

const ENCODING = { plain: 0, delta: 5, dictionary: 8 } as const

function arrayOf(bytes: ValueBytes, count: number): PageTarget {
  if (bytes === 2) return new Uint16Array(count)
  if (bytes === 4) return new Uint32Array(count)
  if (bytes === 8) return new Float64Array(count)
  return new Uint8Array(count * (bytes === 16 ? 16 : 1))
}

/** Columns as they are: constant, a few values, many, rising, over the whole range, negative ones in 64 bits. */
function column(bytes: ValueBytes, count: number, { shape, seed }: { shape: number; seed: number }): PageTarget {
  const random = seededRandom(seed)
  const array = arrayOf(bytes, count)
  const span = [1, 5, 300, 40_000, 2 ** 31, 2 ** 32, 2 ** 45, 2 ** 53][shape]!
  const least = bytes === 8 && seed % 3 === 0 ? -Math.floor(span / 2) : 0
  const steps = seed % 2 === 0
  let value = least + Math.floor(random() * span)
  for (let i = 0; i < array.length; i++) {
    value = steps ? value + Math.floor(random() * 40) : least + Math.floor(random() * span)
    array[i] = Math.min(value, 2 ** 53 - 1)
  }
  return array
}

function kernelPages(array: PageTarget, bytes: ValueBytes, bounds: readonly number[]) {
  memory.bytes(values, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  const encoded = encoder.encode(values, bytes, bounds)
  if (!encoded) throw new Error('no pages')
  const { at, dictionaryBytes, pageBytes } = encoded
  let next = at + dictionaryBytes
  const pages = [...pageBytes].map((length) => {
    next += length
    return memory.bytes(next - length, length).slice()
  })
  return { ...encoded, dictionary: memory.bytes(at, dictionaryBytes).slice(), pages }
}

describe('pages of a column chunk', () => {
  it('are the same from the kernels and their twin, whatever the width and the values', () => {
    const bytes = fc.constantFrom<ValueBytes>(1, 2, 4, 8, 16)
    const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(5000)), { minLength: 1, maxLength: PAGES })
    fc.assert(
      fc.property(bytes, sizes, fc.nat(7), fc.nat(), (width, pageSizes, shape, seed) => {
        const bounds = [0]
        for (const size of pageSizes) bounds.push(bounds.at(-1)! + size + (width === 16 ? 0 : 1))
        const array = column(width, bounds.at(-1)!, { shape, seed })
        const expected = encodeValues(array, bounds, width === 16 ? 16 : 1)
        const found = kernelPages(array, width, bounds)
        expect(found.encoding).toBe(ENCODING[expected.encoding])
        expect(found.entries).toBe(expected.dictionary?.entries ?? 0)
        expect(Buffer.compare(found.dictionary, expected.dictionary?.bytes ?? new Uint8Array(0))).toBe(0)
        for (const [p, page] of expected.pages.entries()) expect(Buffer.compare(found.pages[p]!, page)).toBe(0)
        if (width === 16) return
        expect([found.min, found.max]).toEqual(extent(array))
      }),
      { numRuns: 150 },
    )
    expect(guard.every((byte) => byte === 0xa5)).toBe(true)
  })

  it('have a dictionary of at most 32,768 values', () => {
    for (const entries of [32_768, 32_769]) {
      const array = Uint32Array.from({ length: 40_000 }, (_, i) => ((i < 8192 ? i % 4096 : i) % entries) * 99_991)
      const { encoding } = kernelPages(array, 4, [0, 40_000])
      expect(encoding).toBe(ENCODING[encodeValues(array, [0, 40_000], 1).encoding])
    }
  })

  it('are none when a number needs more than 53 bits', () => {
    for (const value of [2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY]) {
      memory.bytes(values, 8).set(new Uint8Array(Float64Array.of(value).buffer))
      expect(encoder.encode(values, 8, [0, 1])).toBeUndefined()
    }
  })
})

/** Smallest and largest value. */
function extent(array: PageTarget): [number, number] {
  let [min, max] = [array[0]!, array[0]!]
  for (const value of array) {
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return [min, max]
}
