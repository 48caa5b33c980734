import type { Column } from '../../flow/column.ts'

/** Writes "no value" into a row: absent where the column can say so, zero or empty where it cannot. */
export function writeAbsent(column: Column, row: number): void {
  if (column.valid) column.valid[row] = 0
  switch (column.type) {
    case 'text':
    case 'bytes':
      column.offsets[row + 1] = column.offsets[row]!
      break
    case 'address':
    case 'prefix':
      column.family[row] = 0
      column.v4[row] = 0
      column.v6.fill(0, row * 16, row * 16 + 16)
      if (column.type === 'prefix') column.bits[row] = 0
      break
    case 'u64':
    case 'i64':
      column.values[row] = 0n
      break
    default:
      column.values[row] = 0
  }
}
