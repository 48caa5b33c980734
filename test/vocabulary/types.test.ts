import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Address, JobRow } from '../../src/index.ts'
import { address, count, defineJob, distinct, max, min, sum, text, u16, u32, u64 } from '../../src/index.ts'

/** Compiles only when both types are the same. */
const same = <A, B>(_: [A] extends [B] ? ([B] extends [A] ? true : false) : false): void => {}

const ports = defineJob({
  name: 'ports',
  description: 'Per port',
  params: z.object({ direction: z.enum(['dst', 'src']).default('dst') }),
  groupBy: ({ params }) => ({ port: `${params.direction}Port` }),
  aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count(), last: max('end') },
  sort: { bytes: 'desc' },
})

const scans = defineJob({
  name: 'scans',
  description: 'Scans',
  params: z.object({ targets: z.number().int().positive().default(100) }),
  reads: ['srcAddr', 'dstAddr', 'dstPort', 'packets'],
  key: { src: address(), port: u16() },
  value: { dst: address() },
  output: { src: address(), port: u16(), targets: u32() },
  map(flow, emit) {
    same<typeof flow.srcAddr, Address>(true)
    // @ts-expect-error bytes is not in reads
    if (flow.packets <= 3) emit({ src: flow.srcAddr, port: flow.bytes }, { dst: flow.dstAddr })
  },
  reduce(key, values, out, { params }) {
    const seen = new Set<Address>()
    for (const value of values) seen.add(value.dst)
    if (seen.size >= params.targets) out({ ...key, targets: seen.size })
    // @ts-expect-error params has no such parameter
    params.target
  },
})

describe('defineJob types', () => {
  it('derive the rows of each shape', () => {
    same<
      JobRow<typeof ports>,
      {
        readonly port: number
        readonly bytes: bigint
        readonly packets: bigint
        readonly flows: number
        readonly last: number
      }
    >(true)
    same<JobRow<typeof scans>, { readonly src: Address; readonly port: number; readonly targets: number }>(true)
    expect([ports.shape, scans.shape]).toEqual(['group', 'reduce'])
  })

  it('refuse what the input or the declaration does not have', () => {
    const map = defineJob({
      name: 'sizes',
      description: 'x',
      reads: ['bytes', 'dstPort'],
      key: { size: u32() },
      value: { flows: count(), bytes: sum(), largest: max(u64()) },
      map(flow, emit) {
        emit({ size: flow.bytes }, { bytes: flow.bytes, largest: 1n })
        // @ts-expect-error a key column is missing
        emit({}, { bytes: 1, largest: 1 })
        // @ts-expect-error another shape
        emit({ size: 1, port: 2 }, { bytes: 1, largest: 1 })
        // @ts-expect-error a value of another type
        emit({ size: '1' }, { bytes: 1, largest: 1 })
        // @ts-expect-error count takes nothing
        emit({ size: 1 }, { bytes: 1, largest: 1, flows: 1 })
      },
    })
    same<
      JobRow<typeof map>,
      { readonly size: number; readonly flows: number; readonly bytes: bigint; readonly largest: bigint }
    >(true)
    defineJob({
      name: 'bad',
      description: 'x',
      // @ts-expect-error no such column
      groupBy: { port: 'dstPrt' },
      aggregate: { flows: count() },
    })
    defineJob({
      name: 'bad',
      description: 'x',
      groupBy: { port: 'dstPort' },
      // @ts-expect-error no such column
      aggregate: { bytes: sum('byts') },
    })
    defineJob({
      name: 'bad',
      description: 'x',
      groupBy: { port: 'dstPort' },
      aggregate: { bytes: sum('bytes') },
      // @ts-expect-error not a column of the result
      sort: { byte: 'desc' },
    })
    defineJob({
      name: 'bad',
      description: 'x',
      // @ts-expect-error no such column
      reads: ['dstPrt'],
      key: { port: u16() },
      value: { flows: count() },
      map() {},
    })
  })

  it('type the rows of an earlier stage and of further columns', () => {
    const busiest = defineJob({
      name: 'busiest',
      description: 'x',
      input: scans,
      groupBy: { port: 'port' },
      aggregate: { sources: distinct('src'), least: min('targets') },
    })
    same<JobRow<typeof busiest>, { readonly port: number; readonly sources: number; readonly least: number }>(true)
    defineJob({
      name: 'second',
      description: 'x',
      input: { job: ports, params: { direction: 'src' } },
      reads: ['bytes', 'port'],
      key: { port: u16() },
      value: { bytes: sum(u64()) },
      map(row, emit) {
        same<typeof row.bytes, bigint>(true)
        emit({ port: row.port }, { bytes: row.bytes })
      },
    })
    defineJob({
      name: 'hosts',
      description: 'x',
      columns: { httpHost: text() },
      reads: ['httpHost', 'bytes'],
      key: { host: text() },
      value: { bytes: sum() },
      map(flow, emit) {
        same<typeof flow.httpHost, string | null>(true)
        if (flow.httpHost !== null) emit({ host: flow.httpHost }, { bytes: flow.bytes })
      },
    })
    defineJob({
      name: 'stored',
      description: 'x',
      input: 'results/ports',
      columns: { port: u16(), bytes: u64() },
      reads: ['port', 'bytes'],
      key: { port: u16() },
      value: { bytes: sum(u64()) },
      map(row, emit) {
        same<typeof row.bytes, bigint>(true)
        emit({ port: row.port }, { bytes: row.bytes })
      },
    })
  })
})
