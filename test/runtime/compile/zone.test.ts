import { describe, expect, it } from 'vitest'
import { count, defineJob, timeBin } from '../../../src/index.ts'
import { Zone } from '../../../src/runtime/compile/zone.ts'
import { fc } from '../../kit/fast-check.ts'
import { flowsOf, mapRows, programOf } from './harness.ts'

const HOUR = 3_600_000

/** The bins of instants, through a job. */
function bins(size: string | number, zone: string, instants: readonly string[]): unknown[] {
  const job = defineJob({
    name: 'bins',
    description: 'x',
    groupBy: { bin: timeBin(size, { zone }) },
    aggregate: { n: count() },
  })
  return mapRows(programOf(job), [flowsOf(instants.map((start) => ({ start })))]).rows.map(({ bin }) => bin)
}

describe('bins of a time zone', () => {
  it('begin days at its midnight, also on the days its clocks change', () => {
    // Berlin: +1 until 2026-03-29T01:00Z, +2 until 2026-10-25T01:00Z.
    expect(
      bins('1d', 'Europe/Berlin', [
        '2026-03-28T22:59:59Z',
        '2026-03-28T23:00:00Z',
        '2026-03-29T12:00:00Z',
        '2026-03-29T22:00:00Z',
      ]),
    ).toEqual([
      '2026-03-27T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ])
    expect(
      bins('1d', 'Europe/Berlin', ['2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z', '2026-10-25T23:00:00Z']),
    ).toEqual(['2026-10-24T22:00:00.000Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'])
  })

  it('keep both hours apart when an hour is repeated', () => {
    expect(bins('1h', 'Europe/Berlin', ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'])).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
    ])
  })

  it('follow zones whose offset is no whole hour', () => {
    expect(bins('1h', 'Asia/Kathmandu', ['2026-01-01T00:20:00Z'])).toEqual(['2026-01-01T00:15:00.000Z'])
    expect(bins('1d', 'Asia/Kolkata', ['2026-01-01T18:29:59Z', '2026-01-01T18:30:00Z'])).toEqual([
      '2025-12-31T18:30:00.000Z',
      '2026-01-01T18:30:00.000Z',
    ])
  })

  it('hold the instant, start at the clock time that the size divides, and are the same for all instants of a day', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'America/St_Johns',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 2e12 }),
        fc.constantFrom(1, 2, 6, 24),
        (name, ms, hours) => {
          const zone = new Zone(name)
          const size = hours * HOUR
          const start = zone.floor(ms, size)
          expect(start).toBeLessThanOrEqual(ms)
          expect(ms - start).toBeLessThan(size + HOUR)
          const local = (start + zone.offsetAt(start)) % size
          // A bin whose start fell into an hour that was skipped begins when the clocks went on.
          expect(local === 0 || zone.offsetAt(start) !== zone.offsetAt(start - 1)).toBe(true)
          expect(zone.floor(start, size)).toBe(start)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are those of UTC, computed without a calendar, in the zone UTC', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2e12 }), fc.integer({ min: 1, max: 1e9 }), (ms, size) => {
        expect(new Zone('UTC').floor(ms, size)).toBe(Math.floor(ms / size) * size)
      }),
      { numRuns: 100 },
    )
  })
})
