import type { AggregateSpec } from '../program.ts'

/** How the words of a key are turned into its canonical encoding. */
export interface KeyWords {
  /** Words of a key. */
  readonly width: number
  /** Writes the canonical encoding of row `row` of `words`, rows being `stride` words apart, and returns its end. */
  write(words: Uint32Array, row: number, out: Uint8Array, offset: number, stride: number): number
}

/**
 * Where key, count and sums of a group stand in the entry of a fold table, for keys of a few words with counts and unsigned sums. An entry is
 * `[key words, padded to 8 bytes][count][sums ...]`, the latter as doubles; it has a count when the program asks for one.
 */
export class EntryLayout<Keys extends KeyWords = KeyWords> {
  readonly keys: Keys
  /** Value columns that are summed, in the order of the sums of an entry. */
  readonly sums: readonly string[]
  /** For each aggregate the number of its sum, or -1 for a count. */
  readonly parts: readonly number[]
  /** Whether an entry counts its rows. */
  readonly counts: boolean
  /** Where the numbers of an entry begin. */
  readonly numbersAt: number
  readonly strideBytes: number

  constructor(keys: Keys, aggregates: readonly AggregateSpec[]) {
    this.keys = keys
    this.sums = [...new Set(aggregates.flatMap((spec) => (isCount(spec) ? [] : [spec.input ?? ''])))]
    this.parts = aggregates.map((spec) => (isCount(spec) ? -1 : this.sums.indexOf(spec.input ?? '')))
    this.counts = this.parts.includes(-1)
    this.numbersAt = (keys.width * 4 + 7) & ~7
    this.strideBytes = this.numbersAt + (this.counts ? 8 : 0) + this.sums.length * 8
  }

  /** Where the number of an aggregate stands in an entry. */
  numberAt(aggregate: number): number {
    const sum = this.parts[aggregate]!
    return sum < 0 ? this.numbersAt : this.strideBytes - (this.sums.length - sum) * 8
  }
}

/** Whether an aggregate counts rows. */
export const isCount = ({ aggregate, input, custom }: AggregateSpec): boolean =>
  aggregate === 'count' && input === undefined && custom === undefined
