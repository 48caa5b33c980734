import { describe, expect, it } from 'vitest'
import {
  countBytes,
  decodeDelta,
  decodeDictionary,
  decodePlain32,
  decodePlain64,
  decodePlain128,
  spreadAddresses,
} from '../../src/kernels/parquet.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'
import { runKernel } from './harness.ts'

const COUNT = fc.integer({ min: 0, max: 300 })
const bytes = fc.uint8Array({ maxLength: 400 })

/** Pages that are nearly right: a plausible header in front of random bytes. */
const hybrid = fc
  .tuple(
    fc.integer({ min: 0, max: 26 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.uint8Array({ maxLength: 30 })), { maxLength: 10 }),
  )
  .map(([width, runs]) => Uint8Array.from([width, ...runs.flatMap(([header, body]) => [header, ...body])]))

/** Whole pages of indices of a few bits, in runs of any length. */
const narrow = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat()), { maxLength: 6 }))
  .map(([width, runs]): Uint8Array => {
    const page = [width]
    for (const [groups, seed] of runs) {
      const random = seededRandom(seed)
      const isPacked = seed % 3 > 0
      page.push(isPacked ? groups * 2 + 1 : groups * 2)
      const highest = seed % 5 === 0 ? 256 : 8
      for (let i = 0; i < (isPacked ? groups * width : 1); i++) page.push(Math.floor(random() * highest))
    }
    return Uint8Array.from(page)
  })

const delta = fc
  .tuple(
    fc.constantFrom(128, 256, 64, 0),
    fc.constantFrom(1, 4, 8, 3),
    COUNT,
    fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), bytes), { maxLength: 4 }),
  )
  .map(([block, miniblocks, count, blocks]) => {
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)])
    const body = blocks.flatMap(([width, data]) => [6, ...Array<number>(miniblocks).fill(width), ...data])
    return { count, page: Uint8Array.from([...varint(block), ...varint(miniblocks), ...varint(count), 8, ...body]) }
  })

/** Whole pages of blocks of 128 values, whose miniblocks are as wide as small, large and mixed differences need. */
const wholeDelta = fc
  .tuple(
    fc.constantFrom(0, 1, 127, 128, 129, 257, 600),
    fc.constantFrom(0, 5, 70_000, 2 ** 31 - 200, 2 ** 40, 2 ** 53 - 200),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 24 })), {
      minLength: 1,
      maxLength: 5,
    }),
    fc.constantFrom(8, 17, 25, 26, 40),
    fc.nat(),
  )
  .map(([count, first, spreads, widest, seed]) => {
    const random = seededRandom(seed)
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))])
    const page = [...varint(128), ...varint(4), ...varint(count), ...varint(first * 2)]
    for (let block = 0; block * 128 + 1 < count; block++) {
      const [least = 0, exponent = 0] = spreads[block % spreads.length] ?? []
      page.push(...varint(least * 2 ** exponent + (random() < 0.5 ? 1 : 0)))
      const bits = Array.from({ length: 4 }, () => Math.floor(random() * (widest + 1)))
      page.push(...bits)
      for (const width of bits) for (let i = 0; i < width * 4; i++) page.push(Math.floor(random() * 256))
    }
    return { count, page: Uint8Array.from(page) }
  })

describe('parquet page kernels agree with their twins', () => {
  const widths = [
    { name: 'dictionary8', array: Uint8Array, width: 1 },
    { name: 'dictionary16', array: Uint16Array, width: 1 },
    { name: 'dictionary32', array: Uint32Array, width: 1 },
    { name: 'dictionary64', array: Float64Array, width: 1 },
    { name: 'dictionary128', array: Uint8Array, width: 16 },
  ] as const
  for (const { name, array, width } of widths) {
    it(`on dictionary pages, ${name}`, () => {
      fc.assert(
        fc.property(
          fc.oneof(hybrid, narrow, bytes),
          COUNT,
          fc.integer({ min: 0, max: 40 }),
          (page, count, entryCount) => {
            const entries = new array(entryCount * width).map((_, i) => (i * 7 + 1) % 251)
            const twin = new array(count * width)
            const expected = decodeDictionary(page, count, entries, entryCount, twin, width)
            const { result, output } = runKernel(
              page,
              twin.byteLength,
              (kernels, src, dst, extra) => kernels[name](src, page.length, count, extra, entryCount, dst),
              new Uint8Array(entries.buffer),
            )
            expect(result).toBe(expected)
            if (expected === 0) expect(Buffer.compare(output, new Uint8Array(twin.buffer))).toBe(0)
          },
        ),
        { numRuns: 500 },
      )
    })
  }

  it('on plain pages', () => {
    fc.assert(
      fc.property(bytes, COUNT, (page, count) => {
        const cases = [
          { name: 'plain8', twin: new Uint8Array(count), decode: decodePlain32 },
          { name: 'plain16', twin: new Uint16Array(count), decode: decodePlain32 },
          { name: 'plain4', twin: new Uint32Array(count), decode: decodePlain32 },
        ] as const
        for (const { name, twin, decode } of cases) {
          const expected = decode(page, count, twin)
          const { result, output } = runKernel(page, twin.byteLength, (kernels, src, dst) =>
            kernels[name](src, page.length, count, dst),
          )
          expect(result).toBe(expected)
          if (expected === 0) expect(Buffer.compare(output, new Uint8Array(twin.buffer))).toBe(0)
        }
        const doubles = new Float64Array(count)
        const expected = decodePlain64(page, count, doubles)
        const got = runKernel(page, count * 8, (kernels, src, dst) => kernels.plain64(src, page.length, count, dst))
        expect(got.result).toBe(expected)
        if (expected === 0) expect(Buffer.compare(got.output, new Uint8Array(doubles.buffer))).toBe(0)
        const wide = new Uint8Array(count * 16)
        const copied = runKernel(page, count * 16, (kernels, src, dst) =>
          kernels.plain128(src, page.length, count, dst),
        )
        expect(copied.result).toBe(decodePlain128(page, count, wide))
      }),
      { numRuns: 500 },
    )
  })

  const deltas = [
    { name: 'delta8', array: Uint8Array },
    { name: 'delta16', array: Uint16Array },
    { name: 'delta32', array: Uint32Array },
    { name: 'delta64', array: Float64Array },
  ] as const
  for (const { name, array } of deltas) {
    it(`on delta pages, ${name}`, () => {
      fc.assert(
        fc.property(fc.oneof(delta, wholeDelta), fc.boolean(), ({ count, page }, off) => {
          const wanted = off ? count + 1 : count
          const twin = new array(wanted)
          const expected = decodeDelta(page, wanted, twin)
          const { result, output } = runKernel(page, twin.byteLength, (kernels, src, dst) =>
            kernels[name](src, page.length, wanted, dst),
          )
          expect(result).toBe(expected)
          if (expected === 0) expect(Buffer.compare(output, new Uint8Array(twin.buffer))).toBe(0)
        }),
        { numRuns: 1000 },
      )
    })
  }

  it('on sparse addresses', () => {
    const family = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => bytes.map((byte) => [0, 4, 6, 6][byte % 4] as number))
    fc.assert(
      fc.property(family, fc.nat(60), (rows, count) => {
        const values = Uint8Array.from({ length: count * 16 }, (_, i) => i % 253)
        const twin = new Uint8Array(rows.length * 16)
        const expected = spreadAddresses(rows, values, count, twin)
        const { result, output } = runKernel(
          values,
          twin.length,
          (kernels, src, dst, extra) => kernels.spread128(extra, rows.length, src, count, dst),
          rows,
        )
        expect(result).toBe(expected)
        expect(Buffer.compare(output, twin)).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('on counts of a byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, max: 7 }), (rows) => {
        const { result } = runKernel(rows, 0, (kernels, src) => kernels.countBytes(src, rows.length, 6))
        expect(result).toBe(countBytes(rows, 6))
      }),
      { numRuns: 200 },
    )
  })
})
