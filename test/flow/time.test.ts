import { describe, expect, it } from 'vitest'
import { formatBytes, parseSize } from '../../src/flow/size.ts'
import { formatDuration, formatInstant, parseDuration, parseInstant, parseTimeOption } from '../../src/flow/time.ts'
import { fc } from '../kit/fast-check.ts'

const NEW_YEAR = Date.UTC(2026, 0, 1)

describe('an instant', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
        expect(parseInstant(formatInstant(ms))).toBe(ms)
      }),
    )
  })

  it('is read from dates, minutes, fractions and zones', () => {
    expect(parseInstant('2026-01-01')).toBe(NEW_YEAR)
    expect(parseInstant('2026-01-01T00:05')).toBe(NEW_YEAR + 300_000)
    expect(parseInstant('2026-01-01 00:00:01.2509')).toBe(NEW_YEAR + 1_250)
    expect(parseInstant('2026-01-01T01:30:00+01:30')).toBe(NEW_YEAR)
    expect(parseInstant('2025-12-31T19:00:00-0500')).toBe(NEW_YEAR)
  })

  it('is refused when there is no such time', () => {
    for (const text of ['2026-02-29', '2026-13-01', '2026-01-01T24:00', '2026-1-1', 'now', '', '2026-01-01T10']) {
      expect(() => parseInstant(text)).toThrow('flow: time expected ISO 8601')
    }
  })
})

describe('a duration', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })

  it('has units, several in a row, and whole milliseconds', () => {
    expect(parseDuration('1h30m')).toBe(5_400_000)
    expect(parseDuration('1.5h')).toBe(5_400_000)
    expect(parseDuration('250ms')).toBe(250)
    for (const text of ['5', 'm', '', '-5m', '0.3ms', '5 m'])
      expect(() => parseDuration(text)).toThrow('flow: duration expected')
  })
})

describe('a time option', () => {
  it('is an instant, or that long ago', () => {
    expect(parseTimeOption('24h', NEW_YEAR)).toBe(NEW_YEAR - 86_400_000)
    expect(parseTimeOption('2026-01-01', 0)).toBe(NEW_YEAR)
    expect(() => parseTimeOption('yesterday', 0)).toThrow('flow: time expected ISO 8601 or a duration such as 24h')
  })
})

describe('a size', () => {
  it('is decimal, or binary with an i', () => {
    expect(parseSize('64MB')).toBe(64_000_000)
    expect(parseSize('1.5GiB')).toBe(1_610_612_736)
    expect(parseSize('512k')).toBe(512_000)
    expect(parseSize('10')).toBe(10)
    for (const text of ['', 'MB', '-1', '1.5', '5X']) expect(() => parseSize(text)).toThrow('flow: size expected')
  })

  it('has three digits for people', () => {
    expect([0, 999, 1000, 9_995, 99_950, 999_499, 999_500, 64e6, 1.5e18].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '10.0 kB',
      '100 kB',
      '999 kB',
      '1.00 MB',
      '64.0 MB',
      '1.50 EB',
    ])
  })
})
