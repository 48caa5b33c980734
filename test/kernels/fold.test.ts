import { describe, expect, it } from 'vitest'
import { directEntries, foldDirect, foldPacked, settleDirect } from '../../src/kernels/direct.ts'
import { COUNTS, foldRows, foldUnpack } from '../../src/kernels/fold.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { tableIndex } from '../../src/kernels/table.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = KernelMemory.create(8 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

/** A memory of the same size for the twin, with the same bytes. */
function twinMemory() {
  const bytes = memory.bytes(0, memory.sizeBytes).slice()
  const { buffer } = bytes
  const [words, doubles] = [new Uint32Array(buffer), new Float64Array(buffer)]
  return { bytes, words, doubles, integers: new BigUint64Array(buffer) }
}

/** Random columns of values, their addresses as the kernels take them, and marks of rows to pass over. */
function randomInput(rows: number, sums: number, skips: boolean, random: () => number, bits = 40) {
  const words = new Uint32Array(memory.memory.buffer)
  const doubles = new Float64Array(memory.memory.buffer)
  const columns = Array.from({ length: sums }, () => memory.allocate(rows * 8 + 16))
  const values = memory.allocate(sums * 4)
  columns.forEach((at, s) => {
    words[values / 4 + s] = at
    for (let i = 0; i < rows; i++) doubles[at / 8 + i] = Math.floor(random() * 2 ** bits)
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

/** An empty table of `slots` slots with room for as many entries, its description in front. */
function placeTable(slots: number, width: number, stride: number) {
  const at = memory.allocate(24)
  const [slotsAt, entries] = [emptyTable(slots, 4), emptyTable(slots, stride)]
  new Uint32Array(memory.memory.buffer, at, 6).set([slotsAt, slots - 1, entries, 0, stride, width])
  return { at, entries, end: entries + slots * stride }
}

describe('the fold kernels agree with their twins', () => {
  it('on every table: the same entries in the same order and slots, before and after it has more of these', () => {
    fc.assert(
      fc.property(...shape, fc.constantFrom(...Object.values(COUNTS)), (width, sums, rows, skips, seed, wanted) => {
        memory.release(base)
        const random = seededRandom(seed)
        const counts = sums === 0 ? COUNTS.apart : wanted
        const numbers = (width * 4 + 7) & ~7
        const stride = numbers + (counts === COUNTS.apart ? 8 : 0) + sums * 8
        const keys = memory.allocate(rows * width * 4)
        const words = new Uint32Array(memory.memory.buffer)
        const isRun = random() < 0.3
        for (let i = 0; i < rows * width; i++) words[keys / 4 + i] = randomWord(random, isRun ? 1 : 32)
        for (let i = width; isRun && i < rows * width; i++)
          if (i % (width * 7) >= width) words[keys / 4 + i] = words[keys / 4 + i - width]!
        const { values, columns, skipped } = randomInput(rows, sums, skips, random, random() < 0.5 ? 32 : 12)
        const table = placeTable(512, width, stride)
        const twin = twinMemory()
        const some = Math.floor(rows / 3)
        const doubles = new Float64Array(memory.memory.buffer)
        const parts = [
          [keys, some, skipped],
          [keys + some * width * 4, rows - some, skipped && skipped + some],
        ] as const
        for (const [i, [at, count, marks]] of parts.entries()) {
          const rest = [table.at, values, sums, counts] as const
          expect(kernels.foldRows(at, count, marks, ...rest)).toBe(foldRows(twin, at, count, marks, ...rest))
          expect(Buffer.compare(memory.bytes(base, table.end - base), twin.bytes.subarray(base, table.end))).toBe(0)
          if (i > 0) break
          for (const all of [words, twin.words]) for (let s = 0; s < sums; s++) all[values / 4 + s]! += some * 8
          for (const all of [words, twin.words]) all[table.at / 4 + 1] = 255
          tableIndex(twin, table.at)
          kernels.tableIndex(table.at)
        }
        const made = words[table.at / 4 + 3]!
        if (counts === COUNTS.packed) {
          foldUnpack(twin, table.entries, made, stride, numbers)
          kernels.foldUnpack(table.entries, made, stride, numbers)
          const length = made * (stride + 8)
          const end = table.entries + length
          expect(Buffer.compare(memory.bytes(table.entries, length), twin.bytes.subarray(table.entries, end))).toBe(0)
        }
        let sum = 0
        for (let i = 0; i < rows && sums > 0; i++) sum += doubles[columns[0]! / 8 + i] as number
        if (sums > 0) expect(kernels.sumDoubles(columns[0]!, rows)).toBeCloseTo(sum, -3)
      }),
      { numRuns: 400 },
    )
  })

  it('on rows that are counted in their last sum: the same as on those that are counted apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), fc.nat(), (width, sums, seed) => {
        memory.release(base)
        const random = seededRandom(seed)
        const rows = 150
        const stride = ((width * 4 + 7) & ~7) + 8 + sums * 8
        const keys = memory.allocate(rows * width * 4)
        const words = new Uint32Array(memory.memory.buffer)
        for (let i = 0; i < rows * width; i++) words[keys / 4 + i] = randomWord(random, 2)
        const { values } = randomInput(rows, sums, false, random, 32)
        const [apart, packed] = [placeTable(512, width, stride), placeTable(512, width, stride - 8)]
        const made = kernels.foldRows(keys, rows, 0, apart.at, values, sums, COUNTS.apart)
        expect(kernels.foldRows(keys, rows, 0, packed.at, values, sums, COUNTS.packed)).toBe(made)
        kernels.foldUnpack(packed.entries, made, stride - 8, (width * 4 + 7) & ~7)
        const [expected, got] = [apart, packed].map(({ entries }) => memory.bytes(entries, made * stride))
        expect(Buffer.compare(got!, expected!)).toBe(0)
      }),
      { numRuns: 100 },
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
        const stride = (seed % 2 === 0 || sums === 0 ? 16 : 8) + sums * 8
        const entries = emptyTable(rows, stride)
        const twin = twinMemory()
        const made = foldDirect(twin, keys, keyBytes, rows, skipped, counts, table, values, sums)
        expect(kernels.foldDirect(keys, keyBytes, rows, skipped, counts, table, values, sums)).toBe(made)
        expect(directEntries(twin, counts, table, capacity, sums, stride, entries)).toBe(made)
        expect(kernels.directEntries(counts, table, capacity, sums, stride, entries)).toBe(made)
        const end = entries + made * stride
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
