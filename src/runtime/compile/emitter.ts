import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { NUMERIC_ARRAYS } from '../../flow/column.ts'
import { growBatch } from '../../flow/copy.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { AddressTable } from '../../vocabulary/address-table.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { BatchSink } from '../program.ts'
import { badValue, bigintOf, writeAddressCell, writePrefixCell, writeVariableCell } from './cell.ts'
import { roomIn } from './room.ts'

/** Rows at which the emits of finished records are handed on. */
const FLUSH_ROWS = 8192
/** Rows that there is room for, with those of a record that comes when there are nearly so many. */
const FIRST_CAPACITY = FLUSH_ROWS + 2048
/** Bytes of one text column at which they are handed on. */
const FLUSH_BYTES = 4 * 2 ** 20
/** Rows that one record, or one group, may emit. */
const MAX_ROWS = 2 ** 22

/** One argument of the emitting function: `emit` has two, `out` has one. */
export interface EmitterArgument {
  /** What it is called in messages: `emit key`, `emit value`, `out`. */
  readonly name: string
  readonly columns: readonly ColumnSpec[]
}

/** The columns that an emitting function fills, as generated code sees them: `n` rows so far, and one field per array of each column. */
export interface EmitterState {
  n: number
  /** Rows at which to flush; lowered when a text column has grown large. */
  limit: number
  capacity: number
  /** The last wrong call: thrown where user code has caught it. */
  failure: unknown
  /** Whether some row has been given an address other than IPv4: then the 16 bytes of others may not be zero. */
  wide: boolean
  /** False outside `map` and `reduce`: what calls then is code that runs later. */
  open: boolean
  bind(batch: Batch): void
}

/** Checks what user code emits and writes it into columns, which are reused once handed on. */
export interface Emitter {
  readonly state: EmitterState
  /** To be called before the first row of an attempt: takes columns in kernel memory, where a table reads them, if there is room. */
  begin(kernels: KernelInstance | undefined): void
  /** The function that user code calls, with one object per argument. */
  readonly emit: (...rows: object[]) => void
  /** Hands on all rows. */
  flush(): void
}

export interface EmitterOptions {
  readonly arguments: readonly EmitterArgument[]
  readonly addresses: AddressTable
  readonly sink: BatchSink
  /** Also refuse properties that are not columns, at each call (see `mapperFactory`). */
  readonly strict: boolean
}

/**
 * Makes an emitter. Its code is generated for the columns at hand, because it was measured: with `new Function` the port job maps 80-190 M
 * records/s on one core, with one general function 130 M in the first job of a process and 23 M in every later one, whose column names make its
 * property accesses megamorphic. Names of columns are checked identifiers, and go into the code as JSON strings.
 */
export function createEmitter(options: EmitterOptions): Emitter {
  const { sink, addresses } = options
  const columns = options.arguments.flatMap(({ name, columns }) =>
    columns.map((spec) => ({ spec, label: `${name} ${spec.name}` })),
  )
  const specs = columns.map(({ spec }) => spec)
  let batch = createBatch(specs, 0)
  const helpers = {
    grow(): void {
      if (state.n >= MAX_ROWS)
        throw new JobError('bad-emit', `emit: expected at most ${MAX_ROWS} rows for one record, got more`)
      batch.length = state.n
      batch = growBatch(batch)
      state.bind(batch)
    },
    fail(column: number, value: unknown): never {
      throw helpers.keep(badValue(specs[column]!.type, value, columns[column]!.label))
    },
    extra(argument: number, row: object): void {
      const { name, columns: known } = options.arguments[argument]!
      for (const key of Object.keys(row))
        if (!known.some((spec) => spec.name === key))
          throw helpers.keep(
            new JobError('bad-emit', `${name}: expected ${listOf(known)}, got also ${JSON.stringify(key)}`),
          )
    },
    none(argument: number, row: unknown): never {
      const { name, columns: known } = options.arguments[argument]!
      throw helpers.keep(
        new JobError(
          'bad-emit',
          `${name}: expected an object with ${listOf(known)}, got ${row === null ? 'null' : typeof row}`,
        ),
      )
    },
    words: (bytes: Uint8Array): Uint32Array => addresses.wordsOf(bytes),
    late(): never {
      throw new JobError('bad-emit', 'emit: expected a call before map or reduce has returned, got one after')
    },
    /** Remembers a failure, so that user code cannot catch it away. */
    keep<E>(error: E): E {
      state.failure ??= error
      return error
    },
    other(column: number, row: number, value: unknown): void {
      const target = batch.columns[specs[column]!.name]!
      const label = columns[column]!.label
      try {
        if (target.type === 'text' || target.type === 'bytes') {
          writeVariableCell(target, row, value, label)
          if (target.offsets[row + 1]! > FLUSH_BYTES) state.limit = 0
        } else if (target.type === 'prefix') writePrefixCell(target, row, value, label)
        else if (target.type === 'address') {
          state.wide = true
          writeAddressCell(target, row, value, addresses, label)
        } else if (target.type === 'u64' || target.type === 'i64')
          target.values[row] = bigintOf(target.type, value, label)
      } catch (error) {
        throw helpers.keep(error)
      }
    },
  }
  const source = emitterSource(options)
  const make: unknown = new Function('helpers', source)
  if (typeof make !== 'function') throw new TypeError('emitter: expected a function')
  const { state, emit }: Pick<Emitter, 'state' | 'emit'> = make(helpers)
  return {
    state,
    emit,
    begin(kernels): void {
      batch = createBatch(specs, FIRST_CAPACITY, roomIn(kernels, WORKSHOP_BYTES))
      state.limit = FLUSH_ROWS
      state.wide = false
      state.bind(batch)
    },
    flush(): void {
      if (state.n === 0) return
      batch.length = state.n
      sink.add(batch)
      if (state.wide) clearWide(batch)
      state.wide = false
      state.n = 0
      state.limit = FLUSH_ROWS
    },
  }
}

/** Kernel memory that must be free for columns to be made there: several times what they take. */
const WORKSHOP_BYTES = 4 << 20

/** Makes the 16 bytes of all addresses zero, as they were. */
function clearWide({ columns }: Batch): void {
  for (const name in columns) {
    const column = columns[name]!
    if (column.type === 'address') column.v6.fill(0)
  }
}

const listOf = (columns: readonly ColumnSpec[]): string =>
  columns.length === 0 ? 'no columns' : columns.map(({ name }) => name).join(', ')

/** The text of a function of `helpers` that returns `{ state, emit }`. */
function emitterSource({ arguments: rows, strict }: EmitterOptions): string {
  const columns = rows.flatMap(({ columns }, argument) => columns.map((spec) => ({ spec, argument })))
  const parameters = rows.map((_, argument) => `a${argument}`).join(', ')
  const guards = rows.map(({ columns }, argument) => {
    const check = `if (typeof a${argument} !== 'object' || a${argument} === null) helpers.none(${argument}, a${argument})`
    const extra = strict
      ? `let c${argument} = 0; for (const key in a${argument}) c${argument}++; if (c${argument} > ${columns.length}) helpers.extra(${argument}, a${argument})`
      : ''
    return columns.length === 0 && !strict
      ? ''
      : columns.length === 0
        ? `if (a${argument} !== undefined) { ${check}; ${extra} }`
        : `${check}; ${extra}`
  })
  return `'use strict'
class State {
  constructor() { this.n = 0; this.limit = 0; this.capacity = 0; this.failure = undefined; this.open = false; this.wide = false; ${columns.map(({ spec }, i) => fieldsOf(spec, i)).join(' ')} }
  bind(batch) { this.capacity = batch.capacity; ${columns.map(({ spec }, i) => bindingOf(spec, i)).join(' ')} }
}
const state = new State()
const emit = (${parameters}) => {
  if (!state.open) helpers.late()
  ${guards.filter(Boolean).join('\n  ')}
  const n = state.n
  if (n === state.capacity) helpers.grow()
  ${columns.map(({ spec, argument }, i) => writeOf(spec, argument, i)).join('\n  ')}
  state.n = n + 1
}
return { state, emit }`
}

/**
 * Fields of the state that hold the arrays of a column; columns without any are written by a helper. They begin with empty arrays of the types that they always have, so that V8 need not look at the
 * type of one before each access.
 */
function fieldsOf({ type }: ColumnSpec, i: number): string {
  if (type === 'address')
    return `this.f${i} = new Uint8Array(0); this.v${i} = new Uint32Array(0); this.w${i} = new Uint32Array(0);`
  return isPlain(type) ? `this.v${i} = new ${NUMERIC_ARRAYS[type].name}(0);` : ''
}

function bindingOf({ name, type }: ColumnSpec, i: number): string {
  const column = `batch.columns[${JSON.stringify(name)}]`
  if (type === 'address')
    return `this.f${i} = ${column}.family; this.v${i} = ${column}.v4; this.w${i} = helpers.words(${column}.v6);`
  return isPlain(type) ? `this.v${i} = ${column}.values;` : ''
}

/** The lines that check and store one value. */
function writeOf({ name, type }: ColumnSpec, argument: number, i: number): string {
  const x = `x${i}`
  const read = `const ${x} = a${argument}[${JSON.stringify(name)}];`
  if (type === 'boolean')
    return `${read} if (typeof ${x} !== 'boolean') helpers.fail(${i}, ${x}); state.v${i}[n] = ${x} ? 1 : 0`
  if (type === 'address') {
    // The usual case in line: IPv4, in a row whose 16 bytes are zero already, unless the batch has been given others.
    return `${read} if (typeof ${x} === 'number' && ${x} >= 0 && ${x} < 4294967296 && Math.floor(${x}) === ${x}) {
    state.f${i}[n] = 4; state.v${i}[n] = ${x}
    if (state.wide) { const w = state.w${i}, at = n * 4; w[at] = 0; w[at + 1] = 0; w[at + 2] = 0; w[at + 3] = 0 }
  } else helpers.other(${i}, n, ${x})`
  }
  if (!isPlain(type)) return `${read} helpers.other(${i}, n, ${x})`
  const [low, high] = NUMBER_RANGE[type]
  const zero = low < 0 || high > 0xffffffff ? ' + 0' : ''
  return `${read} if (!(typeof ${x} === 'number' && ${x} >= ${low} && ${x} <= ${high} && Math.floor(${x}) === ${x})) helpers.fail(${i}, ${x}); state.v${i}[n] = ${x}${zero}`
}

/** Types held in an array of numbers. */
function isPlain(type: ColumnSpec['type']): type is keyof typeof NUMBER_RANGE {
  return Object.hasOwn(NUMBER_RANGE, type)
}
