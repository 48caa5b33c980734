import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Batch } from '../../../src/flow/batch.ts'
import type { Address } from '../../../src/index.ts'
import { address, count, defineJob, formatAddress, i64, text, u16, u32, u64 } from '../../../src/index.ts'
import type { Program, TaskContext } from '../../../src/runtime/program.ts'
import type { Row } from './harness.ts'
import { batchOf, programOf, rowsOf } from './harness.ts'

const context: TaskContext = { from: 0, to: 0, count: () => {}, badRecord: () => {} }

/** Reduces groups given as a key row and batches of value rows. */
function reduceRows(
  program: Program,
  groups: readonly (readonly [Row, readonly (readonly Row[])[]])[],
  what: 'reduce' | 'combine' = 'reduce',
): Row[] {
  const rows: Row[] = []
  const make = what === 'reduce' ? program.createReducer! : program.createCombiner!
  const reducer = make({ add: (batch) => rows.push(...rowsOf(batch)) }, context)
  for (const [key, batches] of groups)
    reducer.reduce(
      batchOf(program.key, [key]),
      0,
      batches.map((values) => batchOf(program.value, values)),
    )
  reducer.finish()
  return rows
}

const scans = defineJob({
  name: 'scans',
  description: 'Sources that touch many targets on one port',
  params: z.object({ targets: z.number().int().positive().default(2) }),
  reads: ['srcAddr', 'dstAddr', 'dstPort'],
  key: { src: address(), port: u16() },
  value: { dst: address() },
  output: { src: address(), port: u16(), targets: u32(), last: text() },
  map(flow, emit) {
    emit({ src: flow.srcAddr, port: flow.dstPort }, { dst: flow.dstAddr })
  },
  combine(_key, values, emit) {
    for (const dst of new Set([...values].map((value) => value.dst))) emit({ dst })
  },
  reduce(key, values, out, { params }) {
    const seen = new Set<Address>()
    let last = ''
    for (const { dst } of values) {
      seen.add(dst)
      last = formatAddress(dst)
    }
    if (seen.size >= params.targets) out({ ...key, targets: seen.size, last })
  },
})

describe('a custom reduce', () => {
  it('gets the key and all values of each group as plain objects, over the edges of batches', () => {
    const rows = reduceRows(programOf(scans), [
      [{ src: '2001:db8::1', port: 22 }, [[{ dst: '2001:db8::2' }, { dst: '10.0.0.1' }], [], [{ dst: '2001:db8::2' }]]],
      [{ src: '10.0.0.9', port: 23 }, [[{ dst: '2001:db8::2' }], [{ dst: '2001:db8::2' }]]],
      [{ src: '10.0.0.9', port: 80 }, [[{ dst: '10.0.0.1' }, { dst: '10.0.0.2' }]]],
    ])
    expect(rows).toEqual([
      { src: '2001:db8::1', port: 22, targets: 2, last: '2001:db8::2' },
      { src: '10.0.0.9', port: 80, targets: 2, last: '10.0.0.2' },
    ])
  })

  it('has a combiner that gives key and value columns of its group', () => {
    const rows = reduceRows(
      programOf(scans),
      [
        [{ src: '2001:db8::1', port: 22 }, [[{ dst: '2001:db8::2' }], [{ dst: '2001:db8::2' }, { dst: '10.0.0.1' }]]],
        [{ src: '10.0.0.9', port: 23 }, [[{ dst: null }]]],
      ],
      'combine',
    )
    expect(rows).toEqual([
      { src: '2001:db8::1', port: 22, dst: '2001:db8::2' },
      { src: '2001:db8::1', port: 22, dst: '10.0.0.1' },
      { src: '10.0.0.9', port: 23, dst: null },
    ])
  })

  it('need not drain its values, which are then closed, and cannot iterate them twice', () => {
    let closed = 0
    const job = defineJob({
      name: 'firsts',
      description: 'x',
      params: z.object({ twice: z.boolean().default(false) }),
      reads: ['dstPort'],
      key: { port: u16() },
      value: { n: u64() },
      output: { port: u16(), first: u64() },
      map() {},
      reduce(key, values, out, { params }) {
        for (const { n } of values) {
          out({ port: key.port, first: n })
          if (!params.twice) break
        }
        if (params.twice) for (const { n } of values) out({ port: key.port, first: n })
      },
    })
    function* batches(program: Program): Generator<Batch> {
      try {
        yield batchOf(program.value, [{ n: 2n ** 63n }, { n: 2n }])
        yield batchOf(program.value, [{ n: 3n }])
      } finally {
        closed++
      }
    }
    const rows: Row[] = []
    const program = programOf(job)
    const reducer = program.createReducer!({ add: (batch) => rows.push(...rowsOf(batch)) }, context)
    reducer.reduce(batchOf(program.key, [{ port: 1 }]), 0, batches(program))
    reducer.finish()
    expect(rows).toEqual([{ port: 1, first: 2n ** 63n }])
    expect(closed).toBe(1)
    const twice = programOf(job, { twice: true }).createReducer!({ add: () => {} }, context)
    expect(() => twice.reduce(batchOf(program.key, [{ port: 1 }]), 0, batches(program))).toThrowError(
      /job firsts: reduce threw for \{ port: 1 \} at .*reduce\.test\.ts:\d+:\d+: values: expected one iteration, got a second/,
    )
    expect(closed).toBe(2)
  })

  it('hands rows on in the middle of a group that gives many', () => {
    const job = defineJob({
      name: 'many',
      description: 'x',
      reads: [],
      key: {},
      value: { n: u32() },
      output: { n: u32() },
      map() {},
      reduce(_key, values, out) {
        for (const { n } of values) for (let i = 0; i < n; i++) out({ n: i })
      },
    })
    const lengths: number[] = []
    const reducer = programOf(job).createReducer!({ add: ({ length }) => lengths.push(length) }, context)
    reducer.reduce(batchOf([], [{}]), 0, [batchOf([{ name: 'n', type: 'u32' }], [{ n: 20_000 }])])
    reducer.finish()
    expect(lengths).toEqual([8192, 8192, 3616])
  })

  it('refuses rows of another shape, naming the key and the line', () => {
    const job = defineJob({
      name: 'wrong',
      description: 'x',
      reads: [],
      key: { port: u16() },
      value: { kind: u16() },
      output: { n: i64() },
      map() {},
      reduce(_key, values, out) {
        for (const { kind } of values) {
          if (kind === 0) out({ n: 1, more: 2 } as never)
          if (kind === 1) out({ n: 0.5 } as never)
          if (kind === 2) throw new Error('no')
          if (kind === 3) return Promise.resolve() as never
        }
      },
    })
    const messages = [0, 1, 2, 3].map((kind) => {
      try {
        return reduceRows(programOf(job), [[{ port: 7 }, [[{ kind }]]]])
      } catch (error) {
        return (error as Error).message.replace(/at \S+reduce\.test\.ts:\d+:\d+/, 'at PLACE')
      }
    })
    expect(messages).toEqual([
      'job wrong: reduce threw for { port: 7 } at PLACE: out: expected n, got also "more"',
      'job wrong: reduce threw for { port: 7 } at PLACE: out n: expected a bigint or safe integer -2^63..2^63-1, got 0.5',
      'job wrong: reduce threw for { port: 7 } at PLACE: no',
      'job wrong: reduce threw for { port: 7 } at PLACE: reduce: expected to return nothing, got a promise; it cannot be async',
    ])
  })

  it('fails by name when a group holds more IPv6 addresses than the budget, and starts anew with each group', () => {
    const program = programOf(scans, {}, { addressBudget: 2 })
    // Addresses of no other test: one that is known for good does not count.
    const group = (n: number) =>
      [{ src: '10.0.0.1', port: 22 }, [Array.from({ length: n }, (_, i) => ({ dst: `2001:db8:2::${i}` }))]] as const
    expect(reduceRows(program, [group(2), group(2), group(2)])).toHaveLength(3)
    expect(() => reduceRows(program, [group(3)])).toThrowError(
      /job scans: reduce for \{ src: 10\.0\.0\.1, port: 22 \}: expected at most 2 IPv6 addresses at once, got more/,
    )
  })

  it('orders its values by the columns of sortValues, then by the others as declared', () => {
    const job = defineJob({
      name: 'sorted',
      description: 'x',
      reads: [],
      key: { port: u16() },
      value: { a: u16(), b: u16(), c: u16() },
      output: { n: u16() },
      sortValues: ['c'],
      map() {},
      reduce() {},
    })
    expect(programOf(job).fold).toEqual({ type: 'reduce', valueOrder: ['c', 'a', 'b'] })
    void count
  })
})
