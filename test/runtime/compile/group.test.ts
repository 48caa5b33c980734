import { describe, expect, it } from 'vitest'
import { formatAddressBytes, parseAddressExact } from '../../../src/flow/address.ts'
import { createBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { createColumn } from '../../../src/flow/column.ts'
import { maskAddress } from '../../../src/flow/prefix.ts'
import {
  count,
  defineAggregate,
  defineJob,
  distinct,
  i64,
  lookup,
  max,
  min,
  prefix,
  quantile,
  sum,
  text,
  timeBin,
  top,
  u53,
} from '../../../src/index.ts'
import { parseLookup } from '../../../src/runtime/lookup/table.ts'
import { fc } from '../../kit/fast-check.ts'
import { anyFlow, flowsOf, mapRows, programOf } from './harness.ts'

const lookups = new Map([
  ['nets', parseLookup('nets', 'prefix,name\n0.0.0.0/1,low\n128.0.0.0/1,high\n0.0.0.0/8,"zero, net"\n8000::/1,six\n')],
])

/** What the lookup table above says, written out. */
const nameOf = (address: unknown): string => {
  if (typeof address !== 'string') return ''
  const bytes = parseAddressExact(address)
  if (bytes.length === 16) return bytes[0]! >= 128 ? 'six' : ''
  return bytes[0] === 0 ? 'zero, net' : bytes[0]! >= 128 ? 'high' : 'low'
}

const networkOf = (address: unknown, bits4: number, bits6: number): string | null => {
  if (typeof address !== 'string') return null
  const bytes = parseAddressExact(address)
  const bits = bytes.length === 4 ? bits4 : bits6
  return `${formatAddressBytes(maskAddress(bytes, bits))}/${bits}`
}

describe('a declarative job', () => {
  it('gives for each row the key and the inputs that a look at the row gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyFlow, { maxLength: 20 }), { maxLength: 4 }),
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 0, max: 128 }),
        fc.integer({ min: 1, max: 1e10 }),
        (batches, bits4, bits6, size) => {
          const job = defineJob({
            name: 'all',
            description: 'every expression',
            groupBy: {
              port: 'dstPort',
              proto: 'proto',
              host: 'srcAddr',
              net: prefix('dstAddr', bits4, bits6),
              bin: timeBin(size),
              last: timeBin(size, { column: 'end' }),
              name: lookup('nets', 'srcAddr', 'name'),
            },
            aggregate: { octets: sum('bytes'), flows: count(), most: max('bytes'), first: min('start') },
          })
          const { rows, bad } = mapRows(
            programOf(job, {}, { lookups }),
            batches.map((flows) => flowsOf(flows)),
          )
          const binOf = (time: unknown): string =>
            new Date(Math.floor(Date.parse(String(time)) / size) * size).toISOString()
          const expected = batches.flat().map((flow) => ({
            port: flow.dstPort,
            proto: flow.proto,
            host: typeof flow.srcAddr === 'string' ? formatAddressBytes(parseAddressExact(flow.srcAddr)) : null,
            net: networkOf(flow.dstAddr, bits4, bits6),
            bin: binOf(flow.start),
            last: binOf(flow.end),
            name: nameOf(flow.srcAddr),
            octets: flow.bytes,
            first: flow.start,
          }))
          expect(rows).toEqual(expected)
          expect(bad).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  })

  it('hands on plain columns without a copy, shared by the aggregates over them', () => {
    const job = defineJob({
      name: 'ports',
      description: 'ports',
      groupBy: { port: 'dstPort' },
      aggregate: { bytes: sum('bytes'), largest: max('bytes'), flows: count() },
    })
    const program = programOf(job)
    const flows = flowsOf([{ dstPort: 80, bytes: 5 }])
    program
      .createMapper(
        {
          add: ({ columns }) => {
            expect(columns.port).toBe(flows.columns.dstPort)
            expect(columns.bytes).toBe(flows.columns.bytes)
            expect(Object.keys(columns)).toEqual(['port', 'bytes'])
          },
        },
        { from: 0, to: 1, count: () => {}, badRecord: () => {} },
      )
      .map(flows)
    expect(program.fold).toEqual({
      type: 'aggregate',
      aggregates: [
        { name: 'bytes', aggregate: 'sum', options: {}, input: 'bytes', type: 'u64' },
        { name: 'largest', aggregate: 'max', options: {}, input: 'bytes', type: 'u53' },
        { name: 'flows', aggregate: 'count', options: {}, type: 'u53' },
      ],
    })
    expect(program.reads).toEqual(['dstPort', 'bytes'])
  })

  it('derives the types of its result from those of its input', () => {
    const element: ColumnSpec = { name: 'httpHost', type: 'text', nullable: true }
    const job = defineJob({
      name: 'types',
      description: 'types',
      columns: { httpHost: text() },
      groupBy: { host: 'httpHost', net: prefix('srcAddr') },
      aggregate: {
        bytes: sum('bytes'),
        hosts: distinct('httpHost'),
        last: max('httpHost'),
        median: quantile('packets', 0.5),
        ports: top('dstPort', 3),
      },
      sort: { bytes: 'desc', host: 'asc' },
    })
    const program = programOf(job, {}, { datasets: { flows: [...FLOW_COLUMNS, element] } })
    expect(program.output).toEqual([
      { name: 'host', type: 'text', nullable: true },
      { name: 'net', type: 'prefix' },
      { name: 'bytes', type: 'u64' },
      { name: 'hosts', type: 'u53' },
      { name: 'last', type: 'text', nullable: true },
      { name: 'median', type: 'u53' },
      { name: 'ports', type: 'text' },
    ])
    expect(program.sort).toEqual([
      { column: 'bytes', order: 'desc' },
      { column: 'host', order: 'asc' },
    ])
    expect(program.reads).toEqual(['srcAddr', 'dstPort', 'bytes', 'packets', 'httpHost'])
  })

  it('folds an aggregate of the user, whose states go through columns', () => {
    const mean = defineAggregate({
      name: 'mean',
      input: u53(),
      output: u53(),
      state: { total: i64(), n: u53() },
      init: () => ({ total: 0n, n: 0 }),
      add(state, value) {
        state.total += BigInt(value)
        state.n++
      },
      merge(state, other) {
        state.total += other.total
        state.n += other.n
      },
      result: ({ total, n }) => (n === 0 ? 0 : Number(total / BigInt(n))),
    })
    const job = defineJob({ name: 'means', description: 'x', groupBy: {}, aggregate: { mean: mean('bytes') } })
    const { fold, output } = programOf(job)
    const { custom } = fold.type === 'aggregate' ? fold.aggregates[0]! : {}
    expect(output).toEqual([{ name: 'mean', type: 'u53' }])
    const input = flowsOf([{ bytes: 10 }, { bytes: 21 }, { bytes: 5 }]).columns.bytes
    const left = custom!.add(custom!.add(custom!.init(), input, 0), input, 1)
    const stored = createBatch(custom!.state, 2)
    custom!.store(left, stored, 0)
    custom!.store(custom!.add(custom!.init(), input, 2), stored, 1)
    const result = createColumn('u53', 1)
    custom!.result(custom!.merge(custom!.load(stored, 0), custom!.load(stored, 1)), result, 0)
    expect(result.values[0]).toBe(12)
    expect(() =>
      programOf(defineJob({ name: 'bad', description: 'x', groupBy: {}, aggregate: { mean: mean('dstPort') } })),
    ).toThrowError('job bad: aggregate mean: mean expected a column of type u53, got dstPort (u16)')
  })
})
