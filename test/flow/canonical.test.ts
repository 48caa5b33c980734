import { describe, expect, it } from 'vitest'
import { createBatch } from '../../src/flow/batch.ts'
import { ByteRows, compareBytes, invertBytes, RowCodec } from '../../src/flow/canonical.ts'
import type { ColumnSpec } from '../../src/flow/column.ts'
import { fc } from '../kit/fast-check.ts'
import type { TestValue } from '../kit/rows.ts'
import { compareRows, rowArbitrary, rowAt, setRow, specsArbitrary } from '../kit/rows.ts'

function encoded(specs: readonly ColumnSpec[], rows: readonly (readonly TestValue[])[]): Uint8Array[] {
  const codec = new RowCodec(specs)
  const batch = createBatch(specs, rows.length)
  rows.forEach((row, i) => {
    setRow(batch, specs, i, row)
  })
  const bytes = new ByteRows()
  codec.encode(codec.columnsOf(batch), 0, rows.length, bytes)
  return rows.map((_, i) => bytes.data.slice(bytes.offsets[i], bytes.offsets[i + 1]))
}

const withRows = (count: number) =>
  specsArbitrary.chain((specs) =>
    fc.tuple(fc.constant(specs), fc.array(rowArbitrary(specs), { minLength: count, maxLength: 8 })),
  )

describe('the canonical encoding', () => {
  it('orders rows by memcmp as their values are ordered', () => {
    fc.assert(
      fc.property(withRows(2), ([specs, rows]) => {
        const bytes = encoded(specs, rows)
        for (let a = 0; a < rows.length; a++)
          for (let b = 0; b < rows.length; b++) {
            const [left, right] = [bytes[a]!, bytes[b]!]
            const order = Math.sign(compareBytes(left, 0, left.length, right, 0, right.length))
            expect(order).toBe(Math.sign(compareRows(specs, rows[a]!, rows[b]!)))
          }
      }),
      { numRuns: 300 },
    )
  })

  it('reverses the order when its bits are inverted', () => {
    fc.assert(
      fc.property(withRows(2), ([specs, rows]) => {
        const [a, b] = encoded(specs, rows) as [Uint8Array, Uint8Array]
        invertBytes(a, 0, a.length)
        invertBytes(b, 0, b.length)
        const order = Math.sign(compareBytes(a, 0, a.length, b, 0, b.length))
        expect(order).toBe(Math.sign(compareRows(specs, rows[1]!, rows[0]!)))
      }),
      { numRuns: 150 },
    )
  })

  it('decodes to the values that were encoded, and skips to the same end', () => {
    fc.assert(
      fc.property(withRows(1), ([specs, rows]) => {
        const codec = new RowCodec(specs)
        const back = createBatch(specs, rows.length)
        const columns = codec.columnsOf(back)
        encoded(specs, rows).forEach((bytes, i) => {
          const padded = new Uint8Array([7, ...bytes, 0, 0, 1])
          expect(codec.read(columns, i, padded, 1)).toBe(1 + bytes.length)
          expect(codec.skip(padded, 1)).toBe(1 + bytes.length)
          if (codec.width > 0) expect(bytes.length).toBe(codec.width)
        })
        expect(rows.map((_, i) => rowAt(back, specs, i))).toEqual(rows)
      }),
      { numRuns: 300 },
    )
  })

  it('writes single rows as it encodes batches', () => {
    fc.assert(
      fc.property(withRows(1), ([specs, rows]) => {
        const codec = new RowCodec(specs)
        const batch = createBatch(specs, rows.length)
        rows.forEach((row, i) => {
          setRow(batch, specs, i, row)
        })
        const columns = codec.columnsOf(batch)
        encoded(specs, rows).forEach((bytes, i) => {
          const out = new Uint8Array(codec.measure(columns, i))
          expect(codec.write(columns, i, out, 0)).toBe(out.length)
          expect(out).toEqual(bytes)
        })
      }),
      { numRuns: 100 },
    )
  })

  it('names a column of another type', () => {
    const codec = new RowCodec([{ name: 'port', type: 'u16' }])
    expect(() => codec.columnsOf(createBatch([{ name: 'port', type: 'u32' }], 1))).toThrow(
      'canonical: column port expected u16, got u32',
    )
    expect(() => codec.columnsOf(createBatch([], 1))).toThrow('canonical: column port expected u16, got none')
  })
})
