import { crc32 } from 'node:zlib'
import { uncompressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import { createFlowBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { snappyCompressRows } from '../../../src/kernels/snappy-compress.ts'
import { RowEncoder } from '../../../src/storage/avro/encoder.ts'
import type { PackedRows } from '../../../src/storage/avro/sync-block-encoder.ts'
import { SyncBlockEncoder } from '../../../src/storage/avro/sync-block-encoder.ts'
import { Cursor } from '../../../src/storage/avro/varint.ts'
import { anyRows, anySpecs, batchOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'

const anyBatch = (specs: readonly ColumnSpec[], maxLength = 40) =>
  anyRows(specs, { maxLength }).map((rows) => ({ specs, batch: batchOf(specs, rows) }))

/** Plain bytes of packed rows, their checksum checked. */
function unpack({ data, plainLength }: PackedRows): Buffer {
  const plain = uncompressSync(Buffer.from(data.subarray(0, -4))) as Buffer
  expect(Buffer.from(data).readUInt32BE(data.length - 4)).toBe(crc32(plain))
  expect(plain.length).toBe(plainLength)
  return plain
}

const withElements: ColumnSpec[] = [
  ...FLOW_COLUMNS,
  { name: 'postNATSourceIPv4Address', type: 'address', nullable: true },
  { name: 'mplsTopLabelTTL', type: 'u8', nullable: true },
  { name: 'applicationName', type: 'text', nullable: true },
]

describe('rows encoded in kernel memory', () => {
  it('have the bytes that the TypeScript encoder writes, for any columns and any cut into batches', () => {
    const shapes = fc.oneof(anySpecs, fc.constant([...FLOW_COLUMNS]), fc.constant(withElements))
    fc.assert(
      fc.property(
        shapes.chain((specs) => anyBatch(specs)),
        fc.nat(),
        ({ specs, batch }, cut) => {
          const middle = cut % (batch.length + 1)
          const kernel = new SyncBlockEncoder(specs, Math.max(1, batch.length))
          const twin = new RowEncoder(specs, Math.max(1, batch.length))
          for (const [from, to] of [
            [0, middle],
            [middle, batch.length],
          ] as const) {
            const expected = attempt(() => twin.add(batch, from, to))
            expect(attempt(() => kernel.add(batch, from, to))).toBe(expected)
          }
          expect(kernel.sizeBytes).toBe(twin.sizeBytes)
          expect(Buffer.compare(unpack(kernel.take()), twin.plain)).toBe(0)
          kernel.close()
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are compressed as the TypeScript compressor does, with matches where times, addresses and some numbers begin', () => {
    const specs = FLOW_COLUMNS
    fc.assert(
      fc.property(anyBatch(specs, 90), fc.integer({ min: 1, max: 8 }), ({ batch }, times) => {
        fc.pre(
          attempt(() => new RowEncoder(specs, Math.max(1, batch.length)).add(batch, 0, batch.length)) === undefined,
        )
        const kernel = new SyncBlockEncoder(specs, Math.max(1, batch.length) * times)
        for (let i = 0; i < times; i++) kernel.add(batch, 0, batch.length)
        const packed = kernel.take()
        const twin = snappyCompressRows(unpack(packed), places(unpack(packed), specs), 1)
        expect(Buffer.compare(packed.data.subarray(0, -4), twin)).toBe(0)
        kernel.close()
      }),
      { numRuns: 100 },
    )
  })

  it('refuse what cannot be stored in the words of the TypeScript encoder, and keep the rows before', () => {
    const batch = createFlowBatch(2)
    batch.length = 2
    const encoder = new SyncBlockEncoder(FLOW_COLUMNS, 2)
    encoder.add(batch, 0, 1)
    const before = encoder.sizeBytes
    for (const [value, got] of [
      [0.5, '0.5'],
      [-1, '-1'],
      [Number.NaN, 'NaN'],
      [2 ** 53, '9007199254740992'],
    ] as const) {
      batch.columns.bytes.values[1] = value
      expect(() => encoder.add(batch, 1, 2)).toThrow(
        `storage: bytes expected an integer from 0 to 9007199254740991, got ${got}`,
      )
      expect(encoder.sizeBytes).toBe(before)
    }
    encoder.close()
  })

  it('may hold text far beyond the memory taken at first', () => {
    const specs: ColumnSpec[] = [{ name: 'host', type: 'text', nullable: true }]
    const rows = ['a'.repeat(3_000_000), null, 'b'.repeat(70_000), 'c'].map((text) => [text])
    const batch = batchOf(specs, rows)
    const encoder = new SyncBlockEncoder(specs, 4)
    const twin = new RowEncoder(specs, 4)
    for (let row = 3; row >= 0; row--) {
      encoder.add(batch, row, row + 1)
      twin.add(batch, row, row + 1)
    }
    expect(Buffer.compare(unpack(encoder.take()), twin.plain)).toBe(0)
    encoder.close()
  })
})

/** Where matches may begin in each row: at addresses and the numbers that repeat, at the third byte of times. */
function places(plain: Uint8Array, specs: readonly ColumnSpec[]): number[][] {
  const found: number[][] = []
  const cursor = new Cursor(plain, 0)
  while (cursor.at < plain.length) {
    const row: number[] = []
    const start = cursor.at
    for (const { name, type } of specs) {
      const at = cursor.at
      const value = cursor.long()
      if (type === 'address') cursor.at += value
      if (name === 'received') row.push(at + 2)
      else if (name === 'nextHop') row.push(value === 16 ? at : start)
      else if (type === 'address' || name === 'sampleSize' || name === 'dstAs') row.push(at)
    }
    found.push(row)
  }
  return found
}

/** The message of what is thrown, or nothing. */
function attempt(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return String(error)
  }
}
