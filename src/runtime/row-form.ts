import type { Batch } from '../flow/batch.ts'
import { invertBytes, RowCodec } from '../flow/canonical.ts'
import type { Column, ColumnSpec } from '../flow/column.ts'
import { RuntimeError } from './error.ts'
import type { Program } from './program.ts'
import type { Cursor } from './shuffle/cursor.ts'

/** One column of the order of a result. */
export interface OrderPart {
  readonly column: ColumnSpec
  readonly descending: boolean
}

/** How run files hold the rows of an ordered result: the key of a record is what orders its row, and the payload the columns that are no part of that. */
export interface RowForm {
  readonly order: readonly OrderPart[]
  readonly rest: readonly ColumnSpec[]
}

/** The order of a result by `sort`, ties by the key or, after a custom reduce, by the whole row; and what is left of a row. */
export function rowForm({ name, sort, key, output, fold }: Program): RowForm {
  const sorted = sort.map(({ column, order }): OrderPart => {
    const spec = output.find((candidate) => candidate.name === column)
    if (spec) return { column: spec, descending: order === 'desc' }
    throw new RuntimeError('bad-program', `job ${name}: sort expected a column of the output, got ${column}`)
  })
  const ties = fold.type === 'aggregate' ? key : output
  const order = [...sorted, ...ties.map((column) => ({ column, descending: false }))]
  const rest = output.filter(({ name }) => !order.some(({ column }) => column.name === name))
  return { order, rest }
}

/** How a part of the key is read. */
interface KeyPart {
  readonly codec: RowCodec
  readonly descending: boolean
  /** Whether no part before it is the same column. */
  readonly isFirst: boolean
}

/** Takes rows out of the records that hold them. */
export class RowReader {
  readonly #order: readonly KeyPart[]
  readonly #rest: RowCodec
  /** The key at hand with its bits flipped, as descending columns stand in it. */
  #flipped = new Uint8Array(256)

  constructor({ order, rest }: RowForm) {
    const names = order.map(({ column }) => column.name)
    this.#order = order.map(({ column, descending }, i) => ({
      ...{ codec: new RowCodec([column]), descending, isFirst: names.indexOf(column.name) === i },
    }))
    this.#rest = new RowCodec(rest)
  }

  /** Decodes rows into a batch, which it is told of once: appends the record at which a cursor stands. */
  into(batch: Batch): (cursor: Cursor) => void {
    const order = this.#order.map((part) => ({ ...part, columns: part.codec.columnsOf(batch) }))
    const rest = this.#rest.columnsOf(batch)
    return (cursor) => {
      const row = batch.length++
      this.#readKey(order, row, cursor)
      this.#rest.read(rest, row, cursor.bytes, cursor.payloadStart)
    }
  }

  #readKey(
    parts: readonly (KeyPart & { readonly columns: readonly Column[] })[],
    row: number,
    { bytes, keyStart, keyEnd }: Cursor,
  ): void {
    const flipped = this.#flip(bytes, keyStart, keyEnd)
    let at = 0
    for (const { codec, columns, descending, isFirst } of parts) {
      const [from, start] = descending ? [flipped, at] : [bytes, keyStart + at]
      const end = isFirst ? codec.read(columns, row, from, start) : codec.skip(from, start)
      at += end - start
    }
  }

  #flip(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start
    if (!this.#order.some(({ descending }) => descending)) return this.#flipped
    if (this.#flipped.length < length) this.#flipped = new Uint8Array(length * 2)
    this.#flipped.set(bytes.subarray(start, end))
    invertBytes(this.#flipped, 0, length)
    return this.#flipped
  }
}
