import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { formatPrefix } from '../../flow/prefix.ts'
import { variableBytes } from '../../flow/value.ts'
import type { AddressTable } from '../../vocabulary/address-table.ts'
import { readText } from './cell.ts'

/** Reads rows of one kind of batch as plain objects. */
export interface RowReader {
  bind(batch: Batch): void
  read(row: number): object
}

/** Makes a reader; its code is generated for the columns at hand, as in `createEmitter`. */
export function createRowReader(specs: readonly ColumnSpec[], addresses: AddressTable): RowReader {
  const helpers = {
    addresses,
    text: readText,
    prefix: formatPrefix,
    bytes: (column: Parameters<typeof variableBytes>[0], row: number): Uint8Array => variableBytes(column, row).slice(),
  }
  const source = `'use strict'
const { addresses } = helpers
class Reader {
  constructor() { ${specs.map((_, i) => `this.c${i} = undefined; this.w${i} = undefined; this.n${i} = undefined;`).join(' ')} }
  bind(batch) { ${specs.map(bindingOf).join(' ')} }
  read(r) { return { ${specs.map((spec, i) => `${JSON.stringify(spec.name)}: ${fieldValue(spec, i)}`).join(', ')} } }
}
return new Reader()`
  const make: unknown = new Function('helpers', source)
  if (typeof make !== 'function') throw new TypeError('rows: expected a function')
  const reader: RowReader = make(helpers)
  return reader
}

function bindingOf({ name, type }: ColumnSpec, i: number): string {
  const column = `batch.columns[${JSON.stringify(name)}]`
  const words = type === 'address' ? ` this.w${i} = addresses.wordsOf(this.c${i}.v6);` : ''
  return `this.c${i} = ${column}; this.n${i} = this.c${i}.valid;${words}`
}

function fieldValue({ type, nullable }: ColumnSpec, i: number): string {
  const value = presentValue(type, i)
  return nullable ? `this.n${i} !== undefined && this.n${i}[r] === 0 ? null : ${value}` : value
}

function presentValue(type: ColumnType, i: number): string {
  switch (type) {
    case 'address':
      return `(this.c${i}.family[r] === 4 ? this.c${i}.v4[r] : this.c${i}.family[r] === 6 ? addresses.intern(this.w${i}, r * 4) : -1)`
    case 'boolean':
      return `this.c${i}.values[r] !== 0`
    case 'text':
    case 'bytes':
    case 'prefix':
      return `helpers.${type}(this.c${i}, r)`
    default:
      return `this.c${i}.values[r]`
  }
}
