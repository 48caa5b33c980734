import type { Batch } from './batch.ts'
import type { Column, VariableColumn } from './column.ts'
import { createColumn } from './column.ts'

/**
 * Appends `count` rows of `from`, starting at `fromRow`, to `to`; `to` must have the columns of `from`'s names and types, and room.
 * Columns that `from` lacks are left as they are.
 */
export function copyRows(from: Batch, fromRow: number, count: number, to: Batch): void {
  for (const name in to.columns) {
    const source = from.columns[name]
    if (source) copyColumn(source, fromRow, count, to.columns[name]!, to.length)
  }
  to.length += count
}

/** A batch of another capacity, at least `batch.length` (twice the old when not given), holding the same rows. */
export function growBatch(batch: Batch, capacity = batch.capacity * 2): Batch {
  const columns: { [name: string]: Column } = {}
  for (const name in batch.columns) {
    const column = batch.columns[name]!
    columns[name] = createColumn(column.type, capacity, { nullable: column.valid !== undefined })
    copyColumn(column, 0, batch.length, columns[name], 0)
  }
  return { length: batch.length, capacity, columns }
}

/** Copies rows between columns of one type; a missing `valid` on either side means that every row has a value. */
export function copyColumn(from: Column, fromRow: number, count: number, to: Column, toRow: number): void {
  const end = fromRow + count
  if (to.valid) {
    if (from.valid) to.valid.set(from.valid.subarray(fromRow, end), toRow)
    else to.valid.fill(1, toRow, toRow + count)
  }
  switch (from.type) {
    case 'address':
    case 'prefix': {
      const target = to as typeof from
      target.family.set(from.family.subarray(fromRow, end), toRow)
      target.v4.set(from.v4.subarray(fromRow, end), toRow)
      target.v6.set(from.v6.subarray(fromRow * 16, end * 16), toRow * 16)
      if (from.type === 'prefix' && target.type === 'prefix') target.bits.set(from.bits.subarray(fromRow, end), toRow)
      break
    }
    case 'text':
    case 'bytes':
      copyVariable(from, fromRow, end, to as typeof from, toRow)
      break
    case 'u64':
    case 'i64':
      ;(to as typeof from).values.set(from.values.subarray(fromRow, end), toRow)
      break
    default:
      ;(to as typeof from).values.set(from.values.subarray(fromRow, end), toRow)
  }
}

function copyVariable(from: VariableColumn, fromRow: number, end: number, to: VariableColumn, toRow: number): void {
  const start = from.offsets[fromRow]!
  const at = to.offsets[toRow]!
  const length = from.offsets[end]! - start
  reserveBytes(to, at, at + length)
  to.data.set(from.data.subarray(start, start + length), at)
  for (let row = fromRow; row < end; row++) to.offsets[toRow + row - fromRow + 1] = from.offsets[row + 1]! - start + at
}

/** Makes room for `needed` bytes of data, keeping the first `used`. */
export function reserveBytes(column: VariableColumn, used: number, needed: number): void {
  if (needed <= column.data.length) return
  const grown = new Uint8Array(Math.max(needed, column.data.length * 2))
  grown.set(column.data.subarray(0, used))
  column.data = grown
}
