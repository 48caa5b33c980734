import { crc32 } from 'node:zlib'
import avro from 'avsc'
import snappy from 'snappy'
import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { schemaId } from '../../../src/flow/schema.ts'
import { inspectBlock } from '../../../src/storage/block/inspect.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { anyRows, rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { encodeRows, OneObject } from './blocks.ts'

const FOREIGN = {
  type: 'record',
  name: 'Foreign',
  fields: [
    { name: 'note', type: ['null', 'string'] },
    { name: 'bytes', type: 'long' },
    { name: 'end', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'start', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'tags', type: { type: 'map', values: 'string' } },
    { name: 'srcAddr', type: 'bytes' },
    { name: 'dstPort', type: 'int' },
  ],
}

type Codec = 'null' | 'deflate' | 'snappy'

/** A container file as avsc writes it. */
function foreignFile(codec: Codec, records: number): Promise<Buffer> {
  const codecs = {
    snappy: (plain: Buffer, done: (error: Error | null, data?: Buffer) => void) => {
      const crc = Buffer.alloc(4)
      crc.writeUInt32BE(crc32(plain))
      done(null, Buffer.concat([snappy.compressSync(plain), crc]))
    },
  }
  return new Promise((resolve, reject) => {
    const type = avro.Type.forSchema(JSON.parse(JSON.stringify(FOREIGN)), { wrapUnions: true })
    const encoder = new avro.streams.BlockEncoder(type, {
      codec,
      blockSize: 1000,
      ...(codec === 'snappy' ? { codecs } : {}),
    })
    const pieces: Buffer[] = []
    encoder.on('data', (piece: Buffer) => pieces.push(piece))
    encoder.on('end', () => resolve(Buffer.concat(pieces)))
    encoder.on('error', reject)
    for (let n = 0; n < records; n++) {
      const note = n % 2 === 0 ? null : { string: `note ${n}` }
      const times = { start: 1_000_000 + n, end: 2_000_000 + n }
      encoder.write({
        note,
        bytes: n * 1000,
        ...times,
        tags: { n: `${n}` },
        srcAddr: Buffer.from([10, 0, n >> 8, n & 255]),
        dstPort: n,
      })
    }
    encoder.end()
  })
}

const inspect = (bytes: Uint8Array, columns: readonly ColumnSpec[] = FLOW_COLUMNS) =>
  inspectBlock({ store: new OneObject(bytes), key: 'foreign.avro', sizeBytes: bytes.length, columns })

describe('a container file of another writer', () => {
  for (const codec of ['null', 'deflate', 'snappy'] as const) {
    it(`is described for the manifest and read as flows (${codec})`, async () => {
      const bytes = await foreignFile(codec, 500)
      const { schema, info } = await inspect(bytes)
      expect(info).toMatchObject({
        format: 'avro',
        sizeBytes: bytes.length,
        records: 500,
        crc32: crc32(bytes),
        schemaId: schemaId(schema),
        minStart: 1_000_000,
        maxEnd: 2_000_499,
        exporters: [],
        samplingUnknown: 500,
      })
      expect(info.chunks.length).toBeGreaterThan(5)
      const wanted = FLOW_COLUMNS.filter(({ name }) =>
        ['start', 'srcAddr', 'nextHop', 'dstPort', 'bytes', 'direction'].includes(name),
      )
      const block = { key: 'foreign.avro', collector: 'test', ...info }
      let n = 0
      for await (const { batch } of readBlock({ store: new OneObject(bytes), block, schema, columns: wanted })) {
        for (const row of rowsOf(wanted, batch)) {
          expect(row).toEqual([
            new Date(1_000_000 + n).toISOString(),
            `10.0.${n >> 8}.${n & 255}`,
            null,
            n,
            n * 1000,
            255,
          ])
          n++
        }
      }
      expect(n).toBe(500)
    })
  }

  it('is described as its own writer did', async () => {
    const rows = fc.sample(anyRows(FLOW_COLUMNS, { maxLength: 40 }), { numRuns: 20, seed: 5 }).flat()
    const small = rows.map((row) =>
      row.map((value, i) => (FLOW_COLUMNS[i]?.name === 'flags' ? Number(value) % 2 ** 31 : value)),
    )
    const block = encodeRows(FLOW_COLUMNS, small, { recordsPerSync: 3 })
    expect((await inspect(block.bytes)).info).toEqual(block.info)
  })

  it('may have a header of any size', async () => {
    const columns: ColumnSpec[] = Array.from({ length: 3000 }, (_, i) => ({
      name: `column_${i}`,
      type: 'u8',
      doc: 'x'.repeat(60),
    }))
    const block = encodeRows(columns, [columns.map((_, i) => i % 256)])
    expect(block.info.chunks[0]![0]).toBeGreaterThan(256 * 1024)
    expect((await inspect(block.bytes, columns)).info).toEqual(block.info)
  })

  it('is refused, by name and position, when it is none or damaged', async () => {
    await expect(inspect(Buffer.from('hello'))).rejects.toMatchObject({
      code: 'bad-format',
      message: 'storage: file foreign.avro at byte 0: avro file expected to start with 4f626a01, got 68656c6c',
    })
    await expect(inspect(new Uint8Array(0))).rejects.toMatchObject({ code: 'bad-format' })
    const bytes = await foreignFile('snappy', 100)
    await expect(inspect(bytes.subarray(0, 100))).rejects.toMatchObject({ code: 'corrupt' })
    await expect(inspect(bytes.subarray(0, bytes.length - 1))).rejects.toMatchObject({ code: 'corrupt' })
    await expect(inspect(bytes, [{ name: 'note', type: 'u16' }])).rejects.toMatchObject({ code: 'bad-schema' })
    const unknown = Buffer.from(bytes)
    unknown.write('snapsy', unknown.indexOf('snappy'))
    await expect(inspect(unknown)).rejects.toThrow('avro codec expected snappy, deflate or null, got "snapsy"')
  })

  it('gives a typed error or a description for any change of a byte', async () => {
    const bytes = await foreignFile('deflate', 50)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const copy = Uint8Array.from(bytes)
        copy[at]! ^= mask
        try {
          await inspect(copy)
        } catch (error) {
          expect(error).toMatchObject({
            name: 'StorageError',
            code: expect.stringMatching(/^(?:corrupt|bad-format|bad-schema)$/),
          })
        }
      }),
      { numRuns: 300 },
    )
  })
})
