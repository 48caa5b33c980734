import type { AddressColumn, Column, PrefixColumn, VariableColumn } from '../../flow/column.ts'

/** Length-prefixed bytes: addresses, prefixes (the address, then its length in bits), text and bytes. Their rows have no size in common. */

export function measureAddresses(
  column: Column,
  from: number,
  rows: number,
  lengths: Int32Array,
  present?: Uint8Array,
): number {
  const { family } = column as AddressColumn | PrefixColumn
  const extra = column.type === 'prefix' ? 1 : 0
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const version = family[from + row]
    lengths[row]! += version === 4 ? 5 + extra : version === 6 ? 17 + extra : 1
  }
  return 0
}

export function writeAddresses(
  column: Column,
  from: number,
  rows: number,
  bytes: Uint8Array,
  positions: Int32Array,
  present?: Uint8Array,
): void {
  const { family, v4, v6 } = column as AddressColumn | PrefixColumn
  const bits = column.type === 'prefix' ? column.bits : undefined
  const extra = bits ? 2 : 0
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const version = family[from + row]
    let at = positions[row]!
    if (version === 4) {
      const value = v4[from + row]!
      bytes[at] = 8 + extra
      bytes[at + 1] = value >>> 24
      bytes[at + 2] = value >>> 16
      bytes[at + 3] = value >>> 8
      bytes[at + 4] = value
      at += 5
    } else if (version === 6) {
      bytes[at++] = 32 + extra
      const source = (from + row) * 16
      for (let i = 0; i < 16; i++) bytes[at + i] = v6[source + i]!
      at += 16
    } else {
      bytes[at++] = 0
    }
    if (bits !== undefined && version !== 0) bytes[at++] = bits[from + row]!
    positions[row] = at
  }
}

export function measureVariable(
  column: Column,
  from: number,
  rows: number,
  lengths: Int32Array,
  present?: Uint8Array,
): number {
  const { offsets } = column as VariableColumn
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const length = offsets[from + row + 1]! - offsets[from + row]!
    lengths[row]! += lengthSize(length) + length
  }
  return 0
}

/** Bytes of the varint of a length; columns hold less than 2^31 bytes. */
function lengthSize(length: number): number {
  return length < 64 ? 1 : length < 8_192 ? 2 : length < 1_048_576 ? 3 : length < 134_217_728 ? 4 : 5
}

export function writeVariable(
  column: Column,
  from: number,
  rows: number,
  bytes: Uint8Array,
  positions: Int32Array,
  present?: Uint8Array,
): void {
  const { offsets, data } = column as VariableColumn
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const start = offsets[from + row]!
    const end = offsets[from + row + 1]!
    let at = positions[row]!
    let rest = (end - start) * 2
    while (rest >= 128) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    bytes[at++] = rest
    for (let i = start; i < end; i++) bytes[at++] = data[i]!
    positions[row] = at
  }
}
