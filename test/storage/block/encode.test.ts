import { crc32 } from 'node:zlib'
import avro from 'avsc'
import snappy from 'snappy'
import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { schemaId } from '../../../src/flow/schema.ts'
import type { Row } from '../../flow/columns.ts'
import { anyRows, anySpecs } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { encodeRows, readRows } from './blocks.ts'

const specsAndRows = anySpecs.chain((specs) => anyRows(specs).map((rows) => ({ specs, rows })))
const flowRows = anyRows(FLOW_COLUMNS, { maxLength: 30 }).map((rows) => rows.map(forAvsc))

/** Values that avsc can read: it loses longs beyond 2^52. Flags are stored as an int. */
function forAvsc(row: Row): Row {
  return row.map((value, i) => {
    if (FLOW_COLUMNS[i]?.name === 'flags') return Number(value) % 2 ** 31
    if (FLOW_COLUMNS[i]?.type === 'instant') return new Date(asNumber(value) % 2 ** 52).toISOString()
    return typeof value === 'number' ? value % 2 ** 52 : value
  })
}

describe('a block', () => {
  it('gives back rows of any columns', async () => {
    await fc.assert(
      fc.asyncProperty(specsAndRows, async ({ specs, rows }) => {
        expect(await readRows(encodeRows(specs, rows, { recordsPerSync: 7 }), specs)).toEqual(rows)
      }),
    )
  })

  it('has the same bytes however its rows were cut into batches', () => {
    fc.assert(
      fc.property(specsAndRows, fc.integer({ min: 1, max: 9 }), ({ specs, rows }, step) => {
        const whole = encodeRows(specs, rows, { recordsPerSync: 5 })
        const cut = encodeRows(specs, rows, { recordsPerSync: 5, step })
        expect(Buffer.compare(whole.bytes, cut.bytes)).toBe(0)
        expect(cut.info).toEqual(whole.info)
      }),
    )
  })

  it('is an Avro container file that another implementation reads', async () => {
    await fc.assert(
      fc.asyncProperty(flowRows, async (rows) => {
        const { bytes } = encodeRows(FLOW_COLUMNS, rows, { recordsPerSync: 8 })
        const decoded = await decodeWithAvsc(bytes)
        const names = ['start', 'end', 'domain', 'srcPort', 'bytes', 'packets', 'direction', 'flags']
        const expected = rows.map((row) => names.map((name) => asNumber(row[columnAt(FLOW_COLUMNS, name)])))
        expect(decoded.map((record) => names.map((name) => Number(record[name])))).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('is described for the manifest', () => {
    const specs: ColumnSpec[] = [
      { name: 'start', type: 'instant' },
      { name: 'end', type: 'instant' },
      { name: 'exporter', type: 'address' },
      { name: 'sampleSize', type: 'u53' },
      { name: 'samplePopulation', type: 'u53' },
    ]
    const at = (ms: number): string => new Date(ms).toISOString()
    const rows: Row[] = [
      [at(5000), at(9000), '192.0.2.10', 1, 1],
      [at(4000), at(8000), '192.0.2.9', 0, 0],
      [at(7000), at(7500), '2001:db8::1', 1, 100],
    ]
    const { info, bytes, schema } = encodeRows(specs, rows, { recordsPerSync: 2 })
    expect(info).toMatchObject({
      format: 'avro',
      sizeBytes: bytes.length,
      records: 3,
      crc32: crc32(bytes),
      schemaId: schemaId(schema),
      minStart: 4000,
      maxStart: 7000,
      minEnd: 7500,
      maxEnd: 9000,
      exporters: ['192.0.2.9', '192.0.2.10', '2001:db8::1'],
      samplingUnknown: 1,
    })
    expect(info.chunks.map(([, , ...rest]) => rest)).toEqual([
      [2, 4000, 9000],
      [1, 7000, 7500],
    ])
  })

  it('has at most 64 chunks that follow the header without gaps', () => {
    const specs: ColumnSpec[] = [{ name: 'n', type: 'u32' }]
    const rows = Array.from({ length: 1000 }, (_, n) => [n])
    const { info, bytes } = encodeRows(specs, rows, { recordsPerSync: 3 })
    expect(info.chunks.length).toBeLessThanOrEqual(64)
    expect(info.chunks.length).toBeGreaterThan(50)
    const ends = info.chunks.map(([offset, length]) => offset + length)
    expect(info.chunks.slice(1).map(([offset]) => offset)).toEqual(ends.slice(0, -1))
    expect(ends.at(-1)).toBe(bytes.length)
    expect(info.chunks.reduce((sum, [, , records]) => sum + records, 0)).toBe(1000)
    expect(info).toMatchObject({ minStart: null, maxEnd: null, exporters: [], samplingUnknown: 0 })
  })

  it('without rows is a header alone', async () => {
    const specs: ColumnSpec[] = [{ name: 'n', type: 'u32' }]
    const block = encodeRows(specs, [])
    expect(block.info).toMatchObject({ records: 0, chunks: [] })
    expect(await decodeWithAvsc(block.bytes)).toEqual([])
    expect(await readRows(block, specs)).toEqual([])
  })

  it('refuses values that cannot be stored, by column', () => {
    const one = (spec: ColumnSpec, value: number | bigint) => () => encodeRows([spec], [[value]])
    expect(one({ name: 'n', type: 'u64' }, 2n ** 63n)).toThrow(
      'storage: n expected an integer from 0 to 9223372036854775807, got 9223372036854775808',
    )
    expect(one({ name: 'f', type: 'u32', avro: 'int' }, 2 ** 31)).toThrow('f expected an integer from 0 to 2147483647')
  })
})

function columnAt(specs: readonly ColumnSpec[], name: string): number {
  return specs.findIndex((spec) => spec.name === name)
}

function asNumber(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number(value)
}

/** Decodes a container with avsc; longs beyond 2^53 are not used here. */
function decodeWithAvsc(bytes: Uint8Array): Promise<{ [name: string]: unknown }[]> {
  const codecs = {
    snappy: (data: Buffer, done: (error: Error | null, plain?: Buffer) => void) => {
      const plain = snappy.uncompressSync(data.subarray(0, -4)) as Buffer
      done(data.readUInt32BE(data.length - 4) === crc32(plain) ? null : new Error('crc'), plain)
    },
  }
  return new Promise((resolve, reject) => {
    const records: { [name: string]: unknown }[] = []
    const decoder = new avro.streams.BlockDecoder({ codecs })
    decoder.on('data', (record: { [name: string]: unknown }) => records.push(record))
    decoder.on('end', () => resolve(records))
    decoder.on('error', reject)
    decoder.end(Buffer.from(bytes))
  })
}
