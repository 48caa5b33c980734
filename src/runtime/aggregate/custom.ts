import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { RowCodec } from '../../flow/canonical.ts'
import type { Column } from '../../flow/column.ts'
import type { CustomFold } from '../program.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Accumulator } from './accumulator.ts'

/** Rough size of one state of a user's aggregate, for the budget. */
const STATE_BYTES = 512

/** One of the user's aggregates: its states are JavaScript values, its written states rows of its state columns. */
export class Custom implements Accumulator {
  readonly #fold: CustomFold
  readonly #codec: RowCodec
  readonly #row: Batch
  readonly #columns: readonly Column[]
  #states: unknown[] = []

  constructor(fold: CustomFold) {
    this.#fold = fold
    this.#codec = new RowCodec(fold.state)
    this.#row = createBatch(fold.state, 1)
    this.#columns = this.#codec.columnsOf(this.#row)
  }

  sizeWith(groups: number): number {
    return groups * STATE_BYTES
  }

  reserve(): void {}

  clear(): void {
    this.#states = []
  }

  add(groups: Uint32Array, input: Column | undefined, length: number): void {
    if (!input) throw new TypeError('aggregate: one of the user expected an input, got none')
    const fold = this.#fold
    const states = this.#states
    for (let i = 0; i < length; i++) {
      if (input.valid && input.valid[i] === 0) continue
      const group = groups[i]!
      states[group] = fold.add(states[group] ?? fold.init(), input, i)
    }
  }

  write(group: number, out: ByteBuffer): void {
    const state = this.#states[group]
    if (state === undefined) {
      out.putByte(0)
      return
    }
    out.putByte(1)
    this.#row.length = 1
    this.#fold.store(state, this.#row, 0)
    out.ensure(this.#codec.measure(this.#columns, 0))
    out.length = this.#codec.write(this.#columns, 0, out.data, out.length)
  }

  merge(group: number, from: ByteReader): void {
    if (from.getByte() === 0) return
    this.#row.length = 1
    from.offset = this.#codec.read(this.#columns, 0, from.bytes, from.offset)
    const other = this.#fold.load(this.#row, 0)
    const state = this.#states[group]
    this.#states[group] = state === undefined ? other : this.#fold.merge(state, other)
  }

  results(output: Column, length: number): void {
    for (let row = 0; row < length; row++) this.#fold.result(this.#states[row] ?? this.#fold.init(), output, row)
  }
}
