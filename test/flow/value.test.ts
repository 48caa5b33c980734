import { describe, expect, it } from 'vitest'
import { createBatch } from '../../src/flow/batch.ts'
import { createColumn } from '../../src/flow/column.ts'
import { copyRows, growBatch } from '../../src/flow/copy.ts'
import { setValue, valueAt } from '../../src/flow/value.ts'
import { fc } from '../kit/fast-check.ts'
import { anyRows, anySpecs, batchOf, rowsOf } from './columns.ts'

const specsAndRows = anySpecs.chain((specs) => anyRows(specs).map((rows) => ({ specs, rows })))

describe('values', () => {
  it('come back from any column as they were stored', () => {
    fc.assert(
      fc.property(specsAndRows, ({ specs, rows }) => {
        expect(rowsOf(specs, batchOf(specs, rows))).toEqual(rows)
      }),
    )
  })

  it('survive growth and copying of rows in pieces', () => {
    fc.assert(
      fc.property(specsAndRows, fc.integer({ min: 1, max: 7 }), ({ specs, rows }, step) => {
        const source = batchOf(specs, rows)
        const copy = createBatch(specs, Math.max(1, rows.length))
        for (let row = 0; row < rows.length; row += step) copyRows(source, row, Math.min(step, rows.length - row), copy)
        expect(rowsOf(specs, copy)).toEqual(rows)
        expect(rowsOf(specs, growBatch(copy))).toEqual(rows)
      }),
    )
  })

  it('of another type are refused by name', () => {
    expect(() => setValue(createColumn('u16', 1), 0, 65_536)).toThrow('flow: value expected u16, got 65536')
    expect(() => setValue(createColumn('u53', 1), 0, 1.5)).toThrow('flow: value expected u53, got 1.5')
    expect(() => setValue(createColumn('i64', 1), 0, 2n ** 63n)).toThrow('expected i64')
    expect(() => setValue(createColumn('text', 1), 0, 3)).toThrow('flow: value expected text, got 3')
    expect(() => setValue(createColumn('bytes', 1), 0, 'abc')).toThrow('expected hexadecimal')
    expect(() => setValue(createColumn('u8', 1), 0, null)).toThrow('flow: value expected u8, got null')
  })

  it('are null where a nullable column has none', () => {
    const column = createColumn('u32', 2, { nullable: true })
    expect(valueAt(column, 0)).toBeNull()
    setValue(column, 0, 7)
    setValue(column, 0, null)
    expect(valueAt(column, 0)).toBeNull()
  })
})
