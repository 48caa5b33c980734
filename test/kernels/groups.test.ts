import { describe, expect, it } from 'vitest'
import * as twins from '../../src/kernels/groups.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import type { TableArrays } from '../../src/kernels/table.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = KernelMemory.create(4 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

/** A memory of the same size for the twins, with the same bytes. */
function twinMemory(): TableArrays {
  const bytes = memory.bytes(0, memory.sizeBytes).slice()
  const { buffer } = bytes
  const [words, doubles] = [new Uint32Array(buffer), new Float64Array(buffer)]
  return { bytes, words, doubles, integers: new BigUint64Array(buffer) }
}

/** Fills an entry with a key of small or any words and whole counts and sums. */
function fillEntry(entry: number, width: number, sums: number, random: () => number): void {
  const words = new Uint32Array(memory.memory.buffer)
  const doubles = new Float64Array(memory.memory.buffer)
  const stride = strideOf(width, sums)
  memory.bytes(entry, stride).fill(0)
  for (let w = 0; w < width; w++)
    words[entry / 4 + w] = random() < 0.7 ? Math.floor(random() * 3) : Math.floor(random() * 2 ** 32)
  doubles[(entry + countOf(width)) / 8] = 1 + Math.floor(random() * 5)
  for (let s = 0; s < sums; s++)
    doubles[(entry + countOf(width)) / 8 + 1 + s] = Math.floor(random() ** 4 * 2 ** (random() < 0.5 ? 10 : 45))
}

const countOf = (width: number): number => (width * 4 + 7) & ~7
const strideOf = (width: number, sums: number): number => countOf(width) + 8 + sums * 8

function place(values: readonly number[]): number {
  const at = memory.allocate(values.length * 4)
  new Uint32Array(memory.memory.buffer, at, values.length).set(values)
  return at
}

const sameBytes = (twin: TableArrays, at: number, length: number): void =>
  expect(Buffer.compare(memory.bytes(at, length), twin.bytes.subarray(at, at + length))).toBe(0)

const shape = [fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 }), fc.nat(300), fc.nat()] as const

/** Slots of a table: few, or so many that its entries do not stay in fast caches. */
const capacity = fc.constantFrom(512, 2 ** 19)

/** The steps that write any key of so many words, and its count, in some way or other. */
function someProgram(width: number, random: () => number): number[] {
  const kinds = ['byte', 'u8', 'u16', 'u32'] as const
  const steps = Array.from({ length: width }, (_, w) =>
    twins.writeStep(kinds[Math.floor(random() * 4)]!, w * 4, random() < 0.3),
  )
  return [...steps, twins.writeStep('u64', countOf(width), random() < 0.5)]
}

describe('the groups kernels agree with their twins', () => {
  it('when they add entries, all or a share of them, to a table', () => {
    fc.assert(
      fc.property(...shape, fc.constantFrom(0, 1, 3, 7), capacity, (width, sums, rows, seed, passMask, slots) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums)
        const src = memory.allocate(rows * stride)
        for (let i = 0; i < rows; i++) fillEntry(src + i * stride, width, sums, random)
        const slotsAt = memory.allocate(slots * 4)
        memory.bytes(slotsAt, slots * 4).fill(0)
        const entries = memory.allocate(rows * stride)
        const table = place([slotsAt, slots - 1, entries, 0, stride, width])
        const pass = Math.floor(random() * (passMask + 1))
        const twin = twinMemory()
        const expected = twins.groupsAdd(twin, src, rows, table, passMask, pass)
        expect(kernels.groupsAdd(src, rows, table, passMask, pass)).toBe(expected)
        sameBytes(twin, slotsAt, slots * 4)
        sameBytes(twin, entries, expected * stride)
        sameBytes(twin, table, 24)
      }),
      { numRuns: 200 },
    )
  })

  it('when they divide entries by share of the keys', () => {
    fc.assert(
      fc.property(...shape, fc.constantFrom(0, 1, 7, 255), (width, sums, rows, seed, mask) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums)
        const [entries, dst] = [memory.allocate(rows * stride), memory.allocate(rows * stride)]
        const ends = memory.allocate((mask + 1) * 4)
        for (let i = 0; i < rows; i++) fillEntry(entries + i * stride, width, sums, random)
        const twin = twinMemory()
        twins.groupsSplit(twin, entries, rows, width, stride, mask, ends, dst)
        kernels.groupsSplit(entries, rows, width, stride, mask, ends, dst)
        sameBytes(twin, dst, rows * stride)
        sameBytes(twin, ends, (mask + 1) * 4)
      }),
      { numRuns: 100 },
    )
  })

  it('when they keep the entries before another', () => {
    fc.assert(
      fc.property(...shape, (width, sums, rows, seed) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums)
        const [entries, bound] = [memory.allocate(rows * stride), memory.allocate(stride)]
        for (let i = 0; i < rows; i++) fillEntry(entries + i * stride, width, sums, random)
        fillEntry(bound, width, sums, random)
        const order = Array.from({ length: Math.floor(random() * stride) }, () => Math.floor(random() * stride))
        const digits = place(order.map((offset) => offset | (random() < 0.5 ? twins.FLIP : 0)))
        const twin = twinMemory()
        const kept = twins.groupsBefore(twin, entries, rows, stride, digits, order.length, bound)
        expect(kernels.groupsBefore(entries, rows, stride, digits, order.length, bound)).toBe(kept)
        sameBytes(twin, entries, kept * stride)
      }),
      { numRuns: 100 },
    )
  })

  it('when they keep the entries whose keys could have a large sum', () => {
    fc.assert(
      fc.property(...shape, fc.double({ min: 0, max: 2 ** 46, noNaN: true }), (width, sums, rows, seed, least) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums)
        const [entries, counters] = [memory.allocate(rows * stride), memory.allocate(1 << 16)]
        for (let i = 0; i < rows; i++) fillEntry(entries + i * stride, width, sums, random)
        const number = stride - 8
        const twin = twinMemory()
        const kept = twins.groupsAtLeast(twin, entries, rows, width, stride, number, least)
        expect(kernels.groupsAtLeast(entries, rows, width, stride, number, least, counters)).toBe(kept)
        sameBytes(twin, entries, kept * stride)
      }),
      { numRuns: 100 },
    )
  })

  it('when they turn doubles into integers, sort and write', () => {
    fc.assert(
      fc.property(...shape, (width, sums, rows, seed) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums)
        const entries = memory.allocate(rows * stride)
        for (let i = 0; i < rows; i++) fillEntry(entries + i * stride, width, sums, random)
        const order = Array.from({ length: Math.floor(random() * stride) }, () => Math.floor(random() * stride))
        const digits = place(order.map((offset) => offset | (random() < 0.5 ? twins.FLIP : 0)))
        const [scratch, counts] = [memory.allocate(rows * stride), memory.allocate(1 << 16)]
        const steps = someProgram(width, random)
        const program = place(steps)
        const dst = memory.allocate(rows * twins.writtenLength(steps))
        const twin = twinMemory()
        twins.groupsIntegers(twin, entries, rows, stride, countOf(width))
        kernels.groupsIntegers(entries, rows, stride, countOf(width))
        sameBytes(twin, entries, rows * stride)
        twins.groupsSort(twin, entries, rows, stride, digits, order.length)
        kernels.groupsSort(entries, rows, stride, digits, order.length, scratch, counts)
        sameBytes(twin, entries, rows * stride)
        const end = twins.groupsWrite(twin, entries, rows, stride, program, steps.length, dst)
        expect(end - dst).toBe(rows * twins.writtenLength(steps))
        expect(kernels.groupsWrite(entries, rows, stride, program, steps.length, dst)).toBe(end)
        sameBytes(twin, dst, end - dst)
      }),
      { numRuns: 200 },
    )
  })

  it('when they sort more than the fast caches hold, whatever the digits', () => {
    const rows = 40_000
    const width = 2
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      memory.release(base)
      const random = seededRandom(seed)
      const sums = seed & 1
      const stride = strideOf(width, sums)
      const entries = memory.allocate(rows * stride)
      for (let i = 0; i < rows; i++) fillEntry(entries + i * stride, width, sums, random)
      const flip = seed & 2 ? twins.FLIP : 0
      const number = [7, 6, 5, 4, 3, 2, 1, 0].map((byte) => (stride - 8 + byte) | flip)
      const order = [...number, 3, 2, 1, 0, 7, 6, 5, 4]
      const digits = place(order)
      const [scratch, counts] = [memory.allocate(rows * stride), memory.allocate(1 << 16)]
      const twin = twinMemory()
      if (seed & 4) {
        twins.groupsIntegers(twin, entries, rows, stride, countOf(width))
        kernels.groupsIntegers(entries, rows, stride, countOf(width))
      }
      twins.groupsSort(twin, entries, rows, stride, digits, order.length)
      kernels.groupsSort(entries, rows, stride, digits, order.length, scratch, counts)
      sameBytes(twin, entries, rows * stride)
    }
  })

  it('when they make an entry of each row', () => {
    fc.assert(
      fc.property(...shape, fc.boolean(), (width, sums, rows, seed, skips) => {
        memory.release(base)
        const random = seededRandom(seed)
        const stride = strideOf(width, sums) - (seed % 2 === 0 && sums > 0 ? 8 : 0)
        const keys = memory.allocate(rows * width * 4)
        for (const [i] of memory.bytes(keys, rows * width * 4).entries())
          memory.bytes(keys, rows * width * 4)[i] = Math.floor(random() * 256)
        const columns = Array.from({ length: sums }, () => memory.allocate(rows * 8))
        for (const at of columns)
          for (let i = 0; i < rows; i++)
            new Float64Array(memory.memory.buffer)[at / 8 + i] = Math.floor(random() * 2 ** 40)
        const values = place(columns)
        const marks = memory.allocate(rows)
        for (let i = 0; i < rows; i++) memory.bytes(marks, rows)[i] = random() < 0.3 ? 1 : 0
        const dst = memory.allocate(rows * stride)
        memory.bytes(dst, rows * stride).fill(0xa5)
        const twin = twinMemory()
        const skipped = skips ? marks : 0
        const made = twins.groupsAppend(twin, keys, width, rows, skipped, values, sums, stride, dst)
        expect(kernels.groupsAppend(keys, width, rows, skipped, values, sums, stride, dst)).toBe(made)
        sameBytes(twin, dst, made * stride)
      }),
      { numRuns: 100 },
    )
  })
})
