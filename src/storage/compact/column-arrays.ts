import type { Column } from '../../flow/column.ts'

/** The arrays of columns of flows, but for text. */
export type NumberArray = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** The parts of a column that have so many elements for each row, which is 1 but for the 16 bytes of IPv6 addresses; of text and bytes none. */
export function arraysOf(column: Column): [part: string, array: NumberArray][] {
  if (column.type === 'text' || column.type === 'bytes') return []
  return Object.entries(column).filter((entry): entry is [string, NumberArray] => ArrayBuffer.isView(entry[1])) // of these types all arrays are of numbers
}

/** Bytes of a row in an array of a column. */
export const rowBytesOf = (part: string, { BYTES_PER_ELEMENT }: NumberArray): number =>
  part === 'v6' ? 16 : BYTES_PER_ELEMENT
