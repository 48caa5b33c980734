import { describe, expect, it } from 'vitest'
import { prorate, sharesOf } from '../../src/index.ts'
import type { Spread } from '../../src/vocabulary/prorate.ts'
import { MAX_SPREAD_BINS, MAX_SPREAD_MS, partOf, SPREAD } from '../../src/vocabulary/prorate.ts'
import { fc } from '../kit/fast-check.ts'

const counter = fc.oneof(fc.nat(2000), fc.maxSafeNat())
const flow = fc
  .record({
    start: fc.integer({ min: -1e6, max: 1e6 }),
    length: fc.integer({ min: -10, max: 5000 }),
    bytes: counter,
    packets: counter,
  })
  .map(({ start, length, bytes, packets }) => ({ start, end: start + length, bytes, packets }))

const bin = fc.integer({ min: 1, max: 3000 })

const total = (shares: readonly { bytes: number }[]): bigint =>
  shares.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n)

const within = <F extends object>(row: F, from: number, to: number): F & { [SPREAD]: Spread } => ({
  ...row,
  [SPREAD]: { from, to, bytes: true, packets: true, capped: () => {} },
})

describe('prorate', () => {
  it('gives floor(B * t2 / d) - floor(B * t1 / d) for each bin that the flow covers', () => {
    fc.assert(
      fc.property(flow, bin, (row, size) => {
        const duration = Math.max(row.end - row.start, 1)
        const part = (count: number, ms: number): bigint =>
          (BigInt(count) * BigInt(Math.max(0, Math.min(ms, duration)))) / BigInt(duration)
        const expected: object[] = []
        for (let start = Math.floor(row.start / size) * size; start < row.start + duration; start += size) {
          const [t1, t2] = [start - row.start, start + size - row.start]
          expected.push({
            start,
            capped: false,
            bytes: Number(part(row.bytes, t2) - part(row.bytes, t1)),
            packets: Number(part(row.packets, t2) - part(row.packets, t1)),
          })
        }
        expect(prorate(row, size)).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('adds up to exactly the counters of the flow', () => {
    fc.assert(
      fc.property(flow, bin, (row, size) => total(prorate(row, size)) === BigInt(row.bytes)),
      { numRuns: 300 },
    )
  })

  it('adds up over adjacent periods to the shares of the whole, with the bins aligned', () => {
    fc.assert(
      fc.property(flow, bin, fc.integer({ min: -100, max: 6000 }), (row, size, at) => {
        const cut = row.start + at
        const sums = new Map<number, bigint>()
        for (const [from, to] of [
          [Number.NEGATIVE_INFINITY, cut],
          [cut, Number.POSITIVE_INFINITY],
        ] as const)
          for (const { start, bytes } of prorate(within(row, from, to), size))
            sums.set(start, (sums.get(start) ?? 0n) + BigInt(bytes))
        const whole = prorate(row, size).map(({ start, bytes }) => [start, BigInt(bytes)])
        expect([...sums].sort(([a], [b]) => a - b)).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  it('puts a flow whose end is at or before its start into the bin of its start, if that lies in the period', () => {
    const row = { start: 1500, end: 200, bytes: 7, packets: 1 }
    expect(prorate(row, 1000)).toEqual([{ start: 1000, capped: false, bytes: 7, packets: 1 }])
    expect(prorate(within(row, 1500, 1501), 1000)).toHaveLength(1)
    expect(prorate(within(row, 1501, 2000), 1000)).toEqual([])
    expect(prorate(within(row, 0, 1500), 1000)).toEqual([])
  })

  it('spreads a flow that is too long, or covers too many bins, over its first part, and says so', () => {
    let capped = 0
    const spread = {
      from: Number.NEGATIVE_INFINITY,
      to: Number.POSITIVE_INFINITY,
      bytes: true,
      packets: true,
      capped: () => capped++,
    }
    const long = { start: 0, end: MAX_SPREAD_MS * 3, bytes: 1_000_003, packets: 5, [SPREAD]: spread }
    const days = prorate(long, 86_400_000)
    expect(days).toHaveLength(31)
    expect(days.every((share) => share.capped)).toBe(true)
    expect(total(days)).toBe(1_000_003n)
    const seconds = prorate({ ...long, start: 500 }, 1000)
    expect(seconds).toHaveLength(MAX_SPREAD_BINS)
    expect(total(seconds)).toBe(1_000_003n)
    expect(capped).toBe(2)
  })

  it('has the same shares by a cursor that each call begins anew', () => {
    fc.assert(
      fc.property(flow, flow, bin, fc.integer({ min: -100, max: 6000 }), (before, row, size, at) => {
        sharesOf(before, size).next()
        const cut = within(row, Number.NEGATIVE_INFINITY, row.start + at)
        const shares: object[] = []
        for (const share = sharesOf(cut, size); share.next(); ) {
          const { start, capped, bytes, packets } = share
          shares.push({ start, capped, bytes, packets })
        }
        expect(shares).toEqual(prorate(cut, size))
        expect(sharesOf(before, size)).toBe(sharesOf(row, size))
      }),
      { numRuns: 300 },
    )
  })

  it('shares out only the counters that the flow has', () => {
    expect(prorate({ start: 0, end: 10, packets: 4 }, 5)).toEqual([
      { start: 0, capped: false, bytes: 0, packets: 2 },
      { start: 5, capped: false, bytes: 0, packets: 2 },
    ])
  })

  it('refuses a bin that is not whole milliseconds above zero', () => {
    for (const size of [0, -1, 1.5, Number.NaN])
      expect(() => prorate({ start: 0, end: 1, bytes: 1 }, size)).toThrowError(
        /prorate: bin expected whole milliseconds above 0, got/,
      )
  })
})

describe('partOf', () => {
  it('is exact for every count, also where the product leaves 53 bits twice over', () => {
    const duration = fc.integer({ min: 1, max: MAX_SPREAD_MS })
    fc.assert(
      fc.property(fc.maxSafeNat(), duration, fc.nat(MAX_SPREAD_MS), (count, length, at) => {
        const elapsed = Math.min(at, length)
        return BigInt(partOf(count, elapsed, length)) === (BigInt(count) * BigInt(elapsed)) / BigInt(length)
      }),
      { numRuns: 1000 },
    )
    expect(partOf(Number.MAX_SAFE_INTEGER, MAX_SPREAD_MS - 1, MAX_SPREAD_MS)).toBe(
      Number((BigInt(Number.MAX_SAFE_INTEGER) * BigInt(MAX_SPREAD_MS - 1)) / BigInt(MAX_SPREAD_MS)),
    )
  })
})
