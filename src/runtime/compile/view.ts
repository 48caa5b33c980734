import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec, ColumnType } from '../../flow/column.ts'
import { NUMERIC_ARRAYS } from '../../flow/column.ts'
import { suggest } from '../../flow/nearest.ts'
import { formatPrefix } from '../../flow/prefix.ts'
import { variableBytes } from '../../flow/value.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { Spread } from '../../vocabulary/prorate.ts'
import { SPREAD } from '../../vocabulary/prorate.ts'
import { readText } from './cell.ts'
import type { JobScope } from './context.ts'

/**
 * The flow that `map` is given: one object whose getters read the columns of the current batch at the current row. Fields that the job does not
 * read throw. The same object serves every row, so it must not be kept.
 */
export interface RowView {
  /** Number of the current row. */
  row: number
  /** Takes the arrays of a batch. */
  bind(batch: Batch): void
}

export interface ViewOptions {
  readonly scope: JobScope
  /** What the job reads. */
  readonly reads: readonly ColumnSpec[]
  /** All columns of the input: those not read throw by name. */
  readonly known: readonly string[]
  readonly spread: Spread
}

/**
 * Makes a view. The class is generated for the columns at hand (as the emitter, and for the same reason): getters on the prototype that read
 * fields of their own are inlined into the user's map, those that read a closure or stand on the object are not (190 against 28 M records/s).
 */
export function createView(options: ViewOptions): RowView {
  const { scope, reads, known, spread } = options
  const unread = (name: PropertyKey): never => {
    const field = String(name)
    const names = reads.map((spec) => spec.name)
    throw new JobError(
      'unread-field',
      known.includes(field)
        ? `flow: expected a field that reads names (${names.join(', ')}), got '${field}'`
        : `flow: expected a field of the input, got '${field}'${suggest(field, names)}`,
    )
  }
  const helpers = {
    unread,
    addresses: scope.addresses,
    text: readText,
    prefix: formatPrefix,
    bytes: (column: Extract<Column, { type: 'bytes' }>, row: number): Uint8Array => variableBytes(column, row).slice(),
    // Whatever the class does not have is a mistake too; symbols are what consoles and promises ask for.
    rest: new Proxy({}, { get: (_, name) => (typeof name === 'symbol' ? undefined : unread(name)) }),
    symbol: SPREAD,
    spread,
  }
  const make: unknown = new Function('helpers', viewSource(options))
  if (typeof make !== 'function') throw new TypeError('view: expected a function')
  const view: RowView = make(helpers)
  return view
}

function viewSource({ reads, known }: ViewOptions): string {
  const readNames = new Set(reads.map(({ name }) => name))
  const others = known.filter((name) => !readNames.has(name))
  return `'use strict'
const { addresses } = helpers
class Flow {
  constructor() { this.row = 0; ${reads.map((spec, i) => fieldsOf(spec, i)).join(' ')} }
  bind(batch) { ${reads.map((spec, i) => bindingOf(spec, i)).join(' ')} }
  ${reads.map((spec, i) => `get ${JSON.stringify(spec.name)}() { ${getterOf(spec, i)} }`).join('\n  ')}
  ${others.map((name) => `get ${JSON.stringify(name)}() { return helpers.unread(${JSON.stringify(name)}) }`).join('\n  ')}
}
Flow.prototype[helpers.symbol] = helpers.spread
Object.setPrototypeOf(Flow.prototype, helpers.rest)
return new Flow()`
}

/** The fields of a column: its values (c), what goes with those (d, f) and which rows are there (n). They begin with arrays as those of the emitter do. */
function fieldsOf({ type, nullable }: ColumnSpec, i: number): string {
  const valid = nullable ? ` this.n${i} = undefined;` : ''
  if (type === 'address')
    return `this.c${i} = new Uint32Array(0); this.d${i} = new Uint32Array(0); this.f${i} = new Uint8Array(0);${valid}`
  return `this.c${i} = ${isVariable(type) ? 'undefined' : `new ${NUMERIC_ARRAYS[type].name}(0)`};${valid}`
}

/** How they are set. */
function bindingOf({ name, type, nullable }: ColumnSpec, i: number): string {
  const column = `batch.columns[${JSON.stringify(name)}]`
  const valid = nullable ? ` this.n${i} = ${column}.valid;` : ''
  if (type === 'address')
    return `this.c${i} = ${column}.v4; this.d${i} = helpers.addresses.wordsOf(${column}.v6); this.f${i} = ${column}.family;${valid}`
  return `this.c${i} = ${column}${isVariable(type) ? '' : '.values'};${valid}`
}

function getterOf({ type, nullable }: ColumnSpec, i: number): string {
  const absent = nullable ? `if (this.n${i} !== undefined && this.n${i}[this.row] === 0) return null; ` : ''
  return absent + readOf(type, i)
}

function readOf(type: ColumnType, i: number): string {
  switch (type) {
    case 'address':
      return `const r = this.row, f = this.f${i}[r]; return f === 4 ? this.c${i}[r] : f === 6 ? addresses.intern(this.d${i}, r * 4) : -1`
    case 'boolean':
      return `return this.c${i}[this.row] !== 0`
    case 'text':
    case 'bytes':
    case 'prefix':
      return `return helpers.${type}(this.c${i}, this.row)`
    default:
      return `return this.c${i}[this.row]`
  }
}

function isVariable(type: ColumnType): type is 'text' | 'bytes' | 'prefix' {
  return type === 'text' || type === 'bytes' || type === 'prefix'
}
