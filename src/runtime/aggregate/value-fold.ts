import { createBatch } from '../../flow/batch.ts'
import type { TypeCodec } from '../../flow/canonical-types.ts'
import { TYPE_CODECS } from '../../flow/canonical-types.ts'
import type { Column, ColumnType } from '../../flow/column.ts'
import { setValue, valueAt } from '../../flow/value.ts'
import { RuntimeError } from '../error.ts'
import type { AggregateSpec } from '../program.ts'
import { writeAbsent } from './absent.ts'
import { writeInteger } from './integer-result.ts'

/**
 * An aggregate over the different values of a group, which stream past in canonical order with their counts. So `distinct`, `quantile` and `top` are exact
 * and need no memory: their states are records of the run files, merged like any other.
 */
export interface ValueFold {
  /** Starts a group with this many values in all. */
  begin(total: number): void
  /** One value, canonically encoded, that came `count` times. */
  value(bytes: Uint8Array, start: number, end: number, count: number): void
  /** Writes the result of the group. */
  end(output: Column, row: number): void
}

/** Names of the aggregates that are value folds. */
export const VALUE_FOLDS: readonly string[] = ['distinct', 'quantile', 'top']

export function valueFold(spec: AggregateSpec, input: ColumnType): ValueFold {
  if (spec.aggregate === 'distinct') return new Distinct(spec.name)
  if (spec.aggregate === 'quantile') return new Quantile(TYPE_CODECS[input], numberOption(spec, 'q'))
  return new Top(input, numberOption(spec, 'n'))
}

function numberOption(spec: AggregateSpec, option: string): number {
  const value = spec.options[option]
  if (typeof value === 'number') return value
  throw new RuntimeError('bad-program', `aggregate: option ${option} of ${spec.name} expected a number, got ${value}`)
}

/** Number of different values. */
class Distinct implements ValueFold {
  readonly #name: string
  #values = 0

  constructor(name: string) {
    this.#name = name
  }

  begin(): void {
    this.#values = 0
  }

  value(): void {
    this.#values++
  }

  end(output: Column, row: number): void {
    writeInteger(this.#name, output, row, 0, this.#values)
  }
}

/** The value that a share `q` of the values lies at or below, by nearest rank. */
class Quantile implements ValueFold {
  readonly #codec: TypeCodec
  readonly #q: number
  #rank = 0
  #seen = 0
  #found = new Uint8Array(0)

  constructor(codec: TypeCodec, q: number) {
    this.#codec = codec
    this.#q = q
  }

  begin(total: number): void {
    this.#rank = Math.max(1, Math.ceil(this.#q * total))
    this.#seen = 0
  }

  value(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (this.#seen < this.#rank && this.#seen + count >= this.#rank) this.#found = bytes.slice(start, end)
    this.#seen += count
  }

  end(output: Column, row: number): void {
    if (this.#seen === 0) {
      writeAbsent(output, row)
      return
    }
    if (output.valid) output.valid[row] = 1
    this.#codec.read(output, row, this.#found, 0)
  }
}

/** The `n` most frequent values with their counts, as text: `443:120 80:7`. Ties in canonical order. */
class Top implements ValueFold {
  readonly #n: number
  readonly #codec: TypeCodec
  readonly #value: Column
  #best: { text: string; count: number }[] = []

  constructor(input: ColumnType, n: number) {
    this.#n = n
    this.#codec = TYPE_CODECS[input]
    this.#value = createBatch([{ name: 'value', type: input }], 1).columns.value!
  }

  begin(): void {
    this.#best = []
  }

  value(bytes: Uint8Array, start: number, _end: number, count: number): void {
    const best = this.#best
    if (best.length >= this.#n && (this.#n === 0 || best[best.length - 1]!.count >= count)) return
    this.#codec.read(this.#value, 0, bytes, start)
    let at = best.length
    while (at > 0 && best[at - 1]!.count < count) at--
    best.splice(at, 0, { text: String(valueAt(this.#value, 0)), count })
    if (best.length > this.#n) best.pop()
  }

  end(output: Column, row: number): void {
    setValue(output, row, this.#best.map(({ text, count }) => `${text}:${count}`).join(' '))
  }
}
