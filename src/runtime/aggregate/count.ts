import type { Column } from '../../flow/column.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Accumulator } from './accumulator.ts'
import { grow, grownLength } from './accumulator.ts'
import { writeInteger } from './integer-result.ts'

/** Number of rows; of present values where it has an input. */
export class Count implements Accumulator {
  counts = new Float64Array(0)
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  sizeWith(groups: number): number {
    return grownLength(this.counts.length, groups) * 8
  }

  reserve(groups: number): void {
    this.counts = grow(this.counts, groups)
  }

  clear(): void {
    this.counts.fill(0)
  }

  add(groups: Uint32Array, input: Column | undefined, length: number): void {
    const { counts } = this
    const valid = input?.valid
    if (valid) for (let i = 0; i < length; i++) counts[groups[i]!]! += valid[i]! === 0 ? 0 : 1
    else for (let i = 0; i < length; i++) counts[groups[i]!]!++
  }

  write(group: number, out: ByteBuffer): void {
    out.putVarint(this.counts[group]!)
  }

  merge(group: number, from: ByteReader): void {
    this.counts[group]! += from.getVarint()
  }

  results(output: Column, length: number): void {
    for (let row = 0; row < length; row++) writeInteger(this.#name, output, row, 0, this.counts[row]!)
  }
}
