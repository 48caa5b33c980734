import { describe, expect, it } from 'vitest'
import { directEntries, foldDirect, foldPacked, settleDirect } from '../../src/kernels/direct.ts'
import { foldRehash, foldRows } from '../../src/kernels/fold.ts'
import { loadKernels } from '../../src/kernels/kernels.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = KernelMemory.create(8 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

/** A memory of the same size for the twin, with the same bytes. */
function twinMemory() {
  const bytes = memory.bytes(0, memory.sizeBytes).slice()
  return { bytes, words: new Uint32Array(bytes.buffer), doubles: new Float64Array(bytes.buffer) }
}

/** Random columns of values, their addresses as the kernels take them, and marks of rows to pass over. */
function randomInput(rows: number, sums: number, skips: boolean, random: () => number) {
  const words = new Uint32Array(memory.memory.buffer)
  const doubles = new Float64Array(memory.memory.buffer)
  const columns = Array.from({ length: sums }, () => memory.allocate(rows * 8 + 16))
  const values = memory.allocate(sums * 4)
  columns.forEach((at, s) => {
    words[values / 4 + s] = at
    for (let i = 0; i < rows; i++) doubles[at / 8 + i] = Math.floor(random() * 2 ** 40)
  })
  const marks = memory.allocate(rows)
  for (let i = 0; i < rows; i++) memory.bytes(marks, rows)[i] = skips && random() < 0.3 ? 1 : 0
  return { values, columns, skipped: skips ? marks : 0 }
}

/** Some keys often, the others anywhere. */
const randomWord = (random: () => number, bits: number): number =>
  random() < 0.5 ? Math.floor(random() * 3) : Math.floor(random() * 2 ** bits)

function emptyTable(entries: number, stride: number): number {
  const at = memory.allocate(entries * stride)
  memory.bytes(at, entries * stride).fill(0)
  return at
}

const shape = [
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 0, max: 4 }),
  fc.nat(200),
  fc.boolean(),
  fc.nat(),
] as const

describe('the fold kernels agree with their twins', () => {
  it('on every table: the same entries in the same slots, before and after it grows, and the same list of them', () => {
    fc.assert(
      fc.property(...shape, (width, sums, rows, skips, seed) => {
        memory.release(base)
        const random = seededRandom(seed)
        const countAt = (width * 4 + 7) & ~7
        const stride = countAt + 8 + sums * 8
        const keys = memory.allocate(rows * width * 4)
        const words = new Uint32Array(memory.memory.buffer, keys, rows * width)
        for (let i = 0; i < words.length; i++) words[i] = randomWord(random, 32)
        const { values, columns, skipped } = randomInput(rows, sums, skips, random)
        const table = emptyTable(512, stride)
        const larger = emptyTable(1024, stride)
        const twin = twinMemory()
        const expected = foldRows(twin, keys, width, rows, skipped, table, 511, stride, values, sums)
        expect(kernels.foldRows(keys, width, rows, skipped, table, 511, stride, values, sums)).toBe(expected)
        foldRehash(twin, width, table, 511, larger, 1023, stride)
        kernels.foldRehash(width, table, 511, larger, 1023, stride)
        const end = larger + 1024 * stride
        expect(Buffer.compare(memory.bytes(table, end - table), twin.bytes.subarray(table, end))).toBe(0)
        let sum = 0
        const doubles = new Float64Array(memory.memory.buffer)
        for (let i = 0; i < rows && sums > 0; i++) sum += doubles[columns[0]! / 8 + i] as number
        if (sums > 0) expect(kernels.sumDoubles(columns[0]!, rows)).toBeCloseTo(sum, -3)
      }),
      { numRuns: 300 },
    )
  })

  it('on tables with a place for every key: the same counts, sums and entries', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), ...shape.slice(1), (...drawn) => {
        const [keyBytes, sums, rows, skips, seed] = drawn as [1 | 2, number, number, boolean, number]
        memory.release(base)
        const random = seededRandom(seed)
        const keys = memory.allocate(rows * keyBytes)
        for (let i = 0; i < rows; i++)
          new DataView(memory.memory.buffer).setUint8(keys + i * keyBytes, randomWord(random, 8))
        for (let i = 0; i < rows && keyBytes === 2; i++)
          new DataView(memory.memory.buffer).setUint8(keys + i * 2 + 1, randomWord(random, 8))
        const { values, skipped } = randomInput(rows, sums, skips, random)
        const capacity = 256 ** keyBytes
        const counts = emptyTable(capacity, 4)
        const table = emptyTable(capacity, sums * 8)
        const entries = emptyTable(rows, 16 + sums * 8)
        const twin = twinMemory()
        const made = foldDirect(twin, keys, keyBytes, rows, skipped, counts, table, values, sums)
        expect(kernels.foldDirect(keys, keyBytes, rows, skipped, counts, table, values, sums)).toBe(made)
        expect(directEntries(twin, counts, table, capacity, sums, entries)).toBe(made)
        expect(kernels.directEntries(counts, table, capacity, sums, entries)).toBe(made)
        const end = entries + made * (16 + sums * 8)
        expect(Buffer.compare(memory.bytes(counts, end - counts), twin.bytes.subarray(counts, end))).toBe(0)
      }),
      { numRuns: 100 },
    )
  })

  it('on places that hold a sum and a count in one double: the same as on those that hold them apart', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), fc.nat(200), fc.boolean(), fc.nat(), (keyBytes, rows, skips, seed) => {
        memory.release(base)
        const random = seededRandom(seed)
        const keys = memory.allocate(rows * keyBytes)
        const capacity = 256 ** keyBytes
        for (let i = 0; i < rows; i++)
          new DataView(memory.memory.buffer).setUint8(keys + i * keyBytes, randomWord(random, 8))
        const { values, columns, skipped } = randomInput(rows, 2, skips, random)
        const second = new Float64Array(memory.memory.buffer, columns[1]!, rows)
        for (let i = 0; i < rows; i++) second[i] = Math.floor(random() * 2 ** 24)
        const places = emptyTable(capacity, 16)
        const counts = emptyTable(capacity, 4)
        const table = emptyTable(capacity, 16)
        const twin = twinMemory()
        const apart = twinMemory()
        const made = foldDirect(apart, keys, keyBytes, rows, skipped, counts, table, values, 2)
        kernels.foldPacked(keys, keyBytes, rows, skipped, places, values)
        foldPacked(twin, keys, keyBytes, rows, skipped, places, values)
        expect(settleDirect(twin, places, capacity, counts, table)).toBe(made)
        expect(kernels.settleDirect(places, capacity, counts, table)).toBe(made)
        const end = table + capacity * 16
        expect(Buffer.compare(memory.bytes(places, end - places), twin.bytes.subarray(places, end))).toBe(0)
        expect(Buffer.compare(memory.bytes(counts, end - counts), apart.bytes.subarray(counts, end))).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
