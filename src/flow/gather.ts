import type { Batch } from './batch.ts'
import type { Column, VariableColumn } from './column.ts'
import { reserveBytes } from './copy.ts'

/** Fills `to` with rows `rows[0 .. count)` of `from`, in that order; columns that `from` lacks are left as they are. */
export function gatherRows(from: Batch, rows: Uint32Array, count: number, to: Batch): void {
  for (const name in to.columns) {
    const source = from.columns[name]
    if (source) gatherColumn(source, rows, count, to.columns[name]!)
  }
  to.length = count
}

/** Fills rows 0 .. count of `to` with rows `rows[0 .. count)` of a column of the same type. */
export function gatherColumn(from: Column, rows: Uint32Array, count: number, to: Column): void {
  if (to.valid) {
    if (from.valid) gatherArray(from.valid, rows, count, to.valid)
    else to.valid.fill(1, 0, count)
  }
  switch (from.type) {
    case 'address':
    case 'prefix': {
      const target = to as typeof from
      gatherArray(from.family, rows, count, target.family)
      gatherArray(from.v4, rows, count, target.v4)
      gatherAddresses(from.family, from.v6, rows, count, target.v6)
      if (from.type === 'prefix' && target.type === 'prefix') gatherArray(from.bits, rows, count, target.bits)
      break
    }
    case 'text':
    case 'bytes':
      gatherVariable(from, rows, count, to as typeof from)
      break
    case 'u64':
    case 'i64': {
      const target = (to as typeof from).values
      for (let i = 0; i < count; i++) target[i] = from.values[rows[i]!]!
      break
    }
    default:
      gatherArray(from.values, rows, count, (to as typeof from).values)
  }
}

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** One loop per kind of array, so that each is compiled for its own. */
function gatherArray(from: NumberArray, rows: Uint32Array, count: number, to: NumberArray): void {
  if (from instanceof Uint8Array) for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  else if (from instanceof Uint16Array) for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  else if (from instanceof Uint32Array) for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  else for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
}

function gatherAddresses(family: Uint8Array, from: Uint8Array, rows: Uint32Array, count: number, to: Uint8Array): void {
  to.fill(0, 0, count * 16)
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    if (family[row] === 6) for (let k = 0; k < 16; k++) to[i * 16 + k] = from[row * 16 + k]!
  }
}

function gatherVariable(from: VariableColumn, rows: Uint32Array, count: number, to: VariableColumn): void {
  let total = 0
  for (let i = 0; i < count; i++) total += from.offsets[rows[i]! + 1]! - from.offsets[rows[i]!]!
  reserveBytes(to, 0, total)
  let at = 0
  for (let i = 0; i < count; i++) {
    to.offsets[i] = at
    const start = from.offsets[rows[i]!]!
    const end = from.offsets[rows[i]! + 1]!
    for (let k = start; k < end; k++) to.data[at++] = from.data[k]!
  }
  to.offsets[count] = at
}
