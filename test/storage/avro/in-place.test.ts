import avro from 'avsc'
import { describe, expect, it } from 'vitest'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { RowDecoder } from '../../../src/storage/avro/decoder.ts'
import { rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'

const COLUMNS: ColumnSpec[] = [
  { name: 'time', type: 'instant' },
  { name: 'address', type: 'address' },
  { name: 'port', type: 'u16' },
  { name: 'proto', type: 'u8' },
  { name: 'later', type: 'u32', default: 7 },
]
const SCHEMA = {
  type: 'record' as const,
  name: 'Row',
  fields: [
    { name: 'time', type: 'long' },
    { name: 'address', type: 'bytes' },
    { name: 'port', type: 'int' },
    { name: 'proto', type: 'int' },
  ],
}
const ROWS = 300
const writer = avro.Type.forSchema(SCHEMA as avro.Schema)

const record = fc.record({
  time: fc.oneof(
    fc.nat(5),
    fc.maxSafeNat().map((n) => n % 2 ** 50),
  ),
  address: fc
    .oneof(...[0, 4, 4, 4, 16].map((length) => fc.uint8Array({ minLength: length, maxLength: length })))
    .map((bytes) => Buffer.from(bytes)),
  port: fc.nat(65_535),
  proto: fc.nat(255),
})

const packed = (records: readonly object[]): Uint8Array => Buffer.concat(records.map((value) => writer.toBuffer(value)))

function memoryFor(): { memory: KernelMemory; kernels: ReturnType<typeof loadKernels> } {
  const memory = KernelMemory.create(16 << 20, { shared: true })
  return { memory, kernels: loadKernels(memory) }
}

describe('rows that are decoded to where they stay', () => {
  it('are those that a batch of the decoder gets, in whichever rows they come, also where others stood', () => {
    const { memory, kernels } = memoryFor()
    const place = createBatch(COLUMNS, ROWS, memory.make)
    const instance = { memory, kernels, base: memory.mark, isPart: false }
    const decoder = new RowDecoder({ schema: SCHEMA, columns: COLUMNS, capacity: 64, kernels: instance, place })
    expect(decoder.staysInPlace).toBe(true)
    const own = new RowDecoder({ schema: SCHEMA, columns: COLUMNS, capacity: 64 })
    const runs = fc.array(fc.array(record, { maxLength: 64 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(runs, fc.nat(40), (blocks, first) => {
        decoder.row = first
        const expected = blocks.flatMap((records) => {
          const plain = packed(records)
          // Rows that turn out to be damaged are decoded again, from another copy.
          for (const each of [decoder, decoder, own]) {
            each.load('null', plain)
            expect(each.decode(0, records.length)).toBe(plain.length)
          }
          decoder.row += records.length
          return rowsOf(COLUMNS, own.batch)
        })
        place.length = first + expected.length
        expect(rowsOf(COLUMNS, place).slice(first)).toEqual(expected)
      }),
      { numRuns: 200 },
    )
    own.close()
  })

  it('are in a batch of the decoder where values need more than to be stored', () => {
    const { memory } = memoryFor()
    const nullable = COLUMNS.map((spec) => ({ ...spec, nullable: spec.name === 'port' }))
    const place = createBatch(nullable, ROWS, memory.make)
    expect(new RowDecoder({ schema: SCHEMA, columns: nullable, capacity: 64, place }).staysInPlace).toBe(false)
  })

  it('are damage where a value does not fit its column', () => {
    const { memory, kernels } = memoryFor()
    const place = createBatch(COLUMNS, ROWS, memory.make)
    const instance = { memory, kernels, base: memory.mark, isPart: false }
    const decoder = new RowDecoder({ schema: SCHEMA, columns: COLUMNS, capacity: 64, kernels: instance, place })
    decoder.load('null', packed([{ time: 1, address: Buffer.alloc(4), port: 65_536, proto: 6 }]))
    expect(() => decoder.decode(0, 1)).toThrow('values that the columns can hold')
  })
})
