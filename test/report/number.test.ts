import { describe, expect, it } from 'vitest'
import { byteScale, humanDuration, percent, shortCount, thousands } from '../../src/report/number.ts'
import { fc } from '../kit/fast-check.ts'

describe('thousands', () => {
  it('puts commas between groups of three digits and leaves decimals and signs alone', () => {
    expect([0, 999, 1000, 1234567, -1234].map((value) => thousands(value))).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '-1,234',
    ])
    expect(thousands(1234.5678, 2)).toBe('1,234.57')
    expect(thousands(340282366920938463463374607431768211455n)).toBe(
      '340,282,366,920,938,463,463,374,607,431,768,211,455',
    )
    expect(thousands(1e21)).toBe('1,000,000,000,000,000,000,000')
  })

  it('loses no digit of any integer', () => {
    fc.assert(fc.property(fc.bigInt(), (value) => BigInt(thousands(value).replaceAll(',', '')) === value))
  })
})

describe('byteScale', () => {
  it('takes the largest unit in which every value still shows a digit', () => {
    expect(byteScale([1_500_000, 2_500_000])).toEqual({ unit: 'MB', divisor: 1e6, decimals: 1 })
    expect(byteScale([5_000_000_000, 20_000_000])).toEqual({ unit: 'GB', divisor: 1e9, decimals: 2 })
    expect(byteScale([5_000_000_000, 20])).toEqual({ unit: 'kB', divisor: 1e3, decimals: 2 })
    expect(byteScale([0, 12n])).toEqual({ unit: 'B', divisor: 1, decimals: 0 })
    expect(byteScale([])).toEqual({ unit: 'B', divisor: 1, decimals: 0 })
  })

  it('never shows a value above 0 as 0', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(sizes, (values) => {
        const { divisor, decimals } = byteScale(values)
        return values.every((value) => Number((value / divisor).toFixed(decimals)) > 0)
      }),
    )
  })
})

describe('figures for people', () => {
  it('read as a person would say them', () => {
    expect([0, 340, 12_340, 245_000, 7_800_000].map(humanDuration)).toEqual([
      '0 ms',
      '340 ms',
      '12.3 s',
      '4 min 05 s',
      '2 h 10 min',
    ])
    expect([7, 999.4, 12_300, 1_800_000].map(shortCount)).toEqual(['7', '999', '12.3 k', '1.8 M'])
  })

  it('never round something to nothing, or nearly all to all', () => {
    expect(percent(0, 100)).toBe('0.00 %')
    expect(percent(1, 1_000_000)).toBe('< 0.01 %')
    expect(percent(999_999, 1_000_000)).toBe('> 99.99 %')
    expect(percent(1, 1)).toBe('100.0 %')
    expect(percent(1, 0)).toBe('0 %')
  })
})
