import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Batch } from '../../../src/flow/batch.ts'
import { count, defineJob, duration, instant, max, prorate, sum, timeBin, u16, u53 } from '../../../src/index.ts'
import { borrowKernels, returnKernels } from '../../../src/kernels/pool.ts'
import { compileJob } from '../../../src/runtime/compile/compile.ts'
import type { JobDefinition } from '../../../src/vocabulary/job.ts'
import { MAX_SPREAD_MS } from '../../../src/vocabulary/prorate.ts'
import { fc } from '../../kit/fast-check.ts'
import type { Row } from './harness.ts'
import { flowsOf, mapRows, programOf } from './harness.ts'

const params = z.object({ bin: duration().prefault('1s') })

/** The same question as columns and as code. */
const declared = defineJob({
  name: 'declared',
  description: 'x',
  params,
  time: 'spread',
  groupBy: ({ params }) => ({ port: 'dstPort', bin: timeBin(params.bin) }),
  aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count(), proto: max('proto') },
})
const mapped = defineJob({
  name: 'mapped',
  description: 'x',
  params,
  time: 'spread',
  reads: ['start', 'end', 'bytes', 'packets', 'dstPort', 'proto'],
  key: { port: u16(), bin: instant() },
  value: { bytes: sum(u53()), packets: sum(u53()), flows: count(), proto: max(u16()) },
  map(flow, emit, { params }) {
    for (const { start, bytes, packets } of prorate(flow, params.bin))
      emit({ port: flow.dstPort, bin: start }, { bytes, packets, proto: flow.proto })
  },
})

const time = fc.integer({ min: -50, max: 30_000 })
const counter = fc.oneof(fc.nat(2000), fc.maxSafeNat())
const flow = fc.record({
  start: time,
  length: fc.integer({ min: -10, max: 9000 }),
  bytes: counter,
  packets: counter,
  port: fc.nat(9),
})
const text = (ms: number): string => new Date(ms).toISOString()

/** Shares of flows by a kernel, in TypeScript, and by a map, which must agree. */
function expectSame(batches: readonly Batch[], bin: number, period: { from: number; to: number }): void {
  const oracle = mapRows(programOf(mapped, { bin }), batches, period)
  const expected = sorted(oracle.rows)
  const kernels = borrowKernels(16 << 20)
  try {
    for (const instance of [undefined, kernels]) {
      const { rows, counters } = mapRows(programOf(declared, { bin }), batches, period, instance)
      expect(sorted(rows)).toEqual(expected)
      expect(counters).toEqual(oracle.counters)
    }
  } finally {
    returnKernels(kernels)
  }
}

const sorted = (rows: readonly Row[]): string[] =>
  rows.map(({ port, bin, bytes, packets, proto }) => JSON.stringify([port, bin, bytes, packets, proto])).sort()

describe('a declarative job with time: spread', () => {
  it('gives the shares that a map with prorate emits, whatever the bins and the period', () => {
    fc.assert(
      fc.property(
        ...[fc.array(flow, { maxLength: 60 }), fc.constantFrom(1, 7, 1000, 60_000), fc.option(time), fc.option(time)],
        (flows, bin, from, to) => {
          const batch = flowsOf(
            flows.map(({ start, length, port, ...counters }) => ({
              ...{ start: text(start), end: text(start + length), dstPort: port, proto: port * 2, ...counters },
            })),
          )
          expectSame([batch, batch], bin, {
            from: from ?? Number.NEGATIVE_INFINITY,
            to: to ?? Number.POSITIVE_INFINITY,
          })
        },
      ),
      { numRuns: 100 },
    )
  })

  it('counts flows that are capped, and takes those of a great many bins in pieces', () => {
    const flows = flowsOf([
      { start: text(0), end: text(1e12), bytes: 7 },
      { start: text(5), end: text(20_005), bytes: 20_000, packets: 3 },
    ])
    const { rows, counters } = mapRows(programOf(declared, { bin: 1 }), [flows])
    expect(counters).toEqual({ 'prorate.capped': 1 })
    expect(rows.length).toBe(120_000)
    expectSame([flows], 1, { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY })
  })

  it('gives them for counters near 2^53, durations beyond the longest, bins from a millisecond on, and all times there are', () => {
    const extreme = fc.constantFrom(1, 13, 60_000, 86_400_000, MAX_SPREAD_MS + 5).chain((bin) =>
      fc.record({
        bin: fc.constant(bin),
        cut: fc.option(fc.integer({ min: -3 * bin, max: 40 * bin })),
        flows: fc.array(
          fc.record({
            start: fc.oneof(fc.integer({ min: -8.6e15, max: 8.6e15 }), fc.integer({ min: -2 * bin, max: 2 * bin })),
            length: fc.oneof(
              fc.integer({ min: -bin, max: 20 * bin }),
              fc.constantFrom(
                ...[MAX_SPREAD_MS - 1, MAX_SPREAD_MS, MAX_SPREAD_MS * 4].map((ms) => Math.min(ms, bin * 1000)),
              ),
            ),
            bytes: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2 ** 52, max: Number.MAX_SAFE_INTEGER })),
            packets: fc.maxSafeNat(),
          }),
          { minLength: 1, maxLength: 8 },
        ),
      }),
    )
    fc.assert(
      fc.property(extreme, ({ bin, cut, flows }) => {
        const batch = flowsOf(
          flows.map(({ start, length, ...counters }, row) => ({
            ...{ start: text(start), end: text(start + length), dstPort: row, proto: row, ...counters },
          })),
        )
        const at = cut === null ? undefined : flows[0]!.start + cut
        expectSame([batch], bin, { from: Number.NEGATIVE_INFINITY, to: at ?? Number.POSITIVE_INFINITY })
        expectSame([batch], bin, { from: at ?? Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY })
      }),
      { numRuns: 100 },
    )
  })

  it('refuses other times in the key, and sums that cannot be shared out', () => {
    const wrong = (defineJob as (spec: object) => JobDefinition)({
      ...declared.spec,
      groupBy: { start: 'start', bin: timeBin('1m', { zone: 'Europe/Berlin' }) },
      aggregate: { last: max('end'), ports: sum('dstPort') },
    })
    expect(() => compileJob(wrong)).toThrowError(
      [
        'job declared: 3 problems',
        "groupBy: expected one timeBin of start, in UTC, and no other time of the flow with time: 'spread'",
        "aggregate last: expected no time of the flow with time: 'spread'",
        'aggregate ports: expected a sum of bytes or packets, which can be shared out, got dstPort',
      ].join('\n  '),
    )
  })
})
