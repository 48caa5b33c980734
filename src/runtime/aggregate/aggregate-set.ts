import type { Batch } from '../../flow/batch.ts'
import type { TypeCodec } from '../../flow/canonical-types.ts'
import { TYPE_CODECS } from '../../flow/canonical-types.ts'
import type { Column, ColumnSpec, ColumnType } from '../../flow/column.ts'
import { RuntimeError } from '../error.ts'
import type { AggregateSpec } from '../program.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Accumulator } from './accumulator.ts'
import { Count } from './count.ts'
import { Custom } from './custom.ts'
import { extreme } from './extreme.ts'
import { Sum } from './sum.ts'
import type { ValueFold } from './value-fold.ts'
import { VALUE_FOLDS, valueFold } from './value-fold.ts'

/** One column whose different values are kept, and what folds them. */
export interface ValueInput {
  /** Stands between the key and the value in the records; from 1. */
  readonly tag: number
  readonly column: string
  readonly codec: TypeCodec
  /** Number of values of each group. */
  readonly totals: Count
  readonly folds: readonly { readonly name: string; readonly fold: ValueFold }[]
}

interface Part {
  readonly accumulator: Accumulator
  readonly input: string | undefined
  /** The output column it fills, unless it only helps a value fold. */
  readonly output: string | undefined
}

/** The states of all aggregates of a program, for every group of a table. */
export class AggregateSet {
  readonly valueInputs: readonly ValueInput[]
  readonly #parts: readonly Part[]

  constructor(aggregates: readonly AggregateSpec[], value: readonly ColumnSpec[]) {
    const typeOf = (spec: AggregateSpec): ColumnType => inputType(spec, value)
    const plain = aggregates.filter(({ aggregate }) => !VALUE_FOLDS.includes(aggregate))
    const folded = aggregates.filter(({ aggregate }) => VALUE_FOLDS.includes(aggregate))
    const columns = [...new Set(folded.map(({ input }) => input ?? ''))]
    this.valueInputs = columns.map((column, i) => {
      const over = folded.filter(({ input }) => input === column)
      const type = typeOf(over[0]!)
      const folds = over.map((spec) => ({ name: spec.name, fold: valueFold(spec, type) }))
      return { tag: i + 1, column, codec: TYPE_CODECS[type], totals: new Count(column), folds }
    })
    this.#parts = [
      ...plain.map((spec) => ({ accumulator: accumulatorFor(spec, typeOf), input: spec.input, output: spec.name })),
      ...this.valueInputs.map(({ totals, column }) => ({ accumulator: totals, input: column, output: undefined })),
    ]
  }

  sizeWith(groups: number): number {
    let size = 0
    for (const { accumulator } of this.#parts) size += accumulator.sizeWith(groups)
    return size
  }

  reserve(groups: number): void {
    for (const { accumulator } of this.#parts) accumulator.reserve(groups)
  }

  clear(): void {
    for (const { accumulator } of this.#parts) accumulator.clear()
  }

  add(groups: Uint32Array, batch: Batch, length: number): void {
    for (const { accumulator, input } of this.#parts)
      accumulator.add(groups, input === undefined ? undefined : columnOf(batch, input), length)
  }

  write(group: number, out: ByteBuffer): void {
    for (let i = 0; i < this.#parts.length; i++) this.#parts[i]!.accumulator.write(group, out)
  }

  merge(group: number, from: ByteReader): void {
    for (let i = 0; i < this.#parts.length; i++) this.#parts[i]!.accumulator.merge(group, from)
  }

  /** Writes the results of groups 0 .. length - 1; those of value folds are written by their streams. */
  results(output: Batch, length: number): void {
    for (const { accumulator, output: name } of this.#parts)
      if (name !== undefined) accumulator.results(columnOf(output, name), length)
  }
}

export function columnOf(batch: Batch, name: string): Column {
  const column = batch.columns[name]
  if (!column) throw new RuntimeError('bad-program', `aggregate: column ${name} expected in the batch, got none`)
  return column
}

function inputType(spec: AggregateSpec, value: readonly ColumnSpec[]): ColumnType {
  const column = value.find(({ name }) => name === spec.input)
  if (!column)
    throw new RuntimeError('bad-program', `aggregate: input of ${spec.name} expected a value column, got ${spec.input}`)
  return column.type
}

function accumulatorFor(spec: AggregateSpec, typeOf: (spec: AggregateSpec) => ColumnType): Accumulator {
  if (spec.custom) return new Custom(spec.custom)
  switch (spec.aggregate) {
    case 'sum':
      return new Sum(spec.name)
    case 'count':
      return new Count(spec.name)
    case 'min':
    case 'max':
      return extreme(spec.name, spec.aggregate, typeOf(spec))
    default:
      throw new RuntimeError('bad-program', `aggregate: ${spec.name} expected a known aggregate, got ${spec.aggregate}`)
  }
}
