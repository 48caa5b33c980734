import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { duration, durationMs, floorTime, formatInstant, instant, timeBin } from '../../src/index.ts'

describe('durations', () => {
  it('are parameters given as text or milliseconds, with defaults as text', () => {
    const params = z.object({ bin: duration().prefault('1s') })
    expect(params.parse({})).toEqual({ bin: 1000 })
    expect(params.parse({ bin: '1h30m' })).toEqual({ bin: 5_400_000 })
    expect(params.parse({ bin: 250 })).toEqual({ bin: 250 })
    for (const bin of ['0s', '5 minutes', 1.5, -1, 0])
      expect(params.safeParse({ bin }).error?.issues[0]?.message).toBe(
        `expected a duration above zero such as 5m, got ${JSON.stringify(bin)}`,
      )
  })

  it('are column types too', () => {
    expect(duration().column).toBe('duration')
    expect(durationMs('5m')).toBe(300_000)
  })
})

describe('instants', () => {
  it('are parameters, column types, and milliseconds of ISO 8601 text', () => {
    expect(instant().parse('2026-01-01')).toBe(Date.UTC(2026, 0, 1))
    expect(instant().column).toBe('instant')
    expect(instant('2026-01-01T00:00:00.250Z')).toBe(Date.UTC(2026, 0, 1) + 250)
    expect(formatInstant(Date.UTC(2026, 0, 1))).toBe('2026-01-01T00:00:00.000Z')
    expect(instant().safeParse('soon').success).toBe(false)
  })

  it('are rounded down to bins', () => {
    expect(floorTime(1999, 1000)).toBe(1000)
    expect(floorTime(-1, 1000)).toBe(-1000)
  })
})

describe('timeBin', () => {
  it('bins the start of a flow in UTC unless told otherwise', () => {
    expect(timeBin('5m')).toEqual({ type: 'timeBin', column: 'start', sizeMs: 300_000, zone: 'UTC' })
    expect(timeBin(1000, { zone: 'Europe/Berlin', column: 'end' })).toEqual({
      type: 'timeBin',
      column: 'end',
      sizeMs: 1000,
      zone: 'Europe/Berlin',
    })
    expect(() => timeBin('five')).toThrowError(/duration expected/)
  })
})
