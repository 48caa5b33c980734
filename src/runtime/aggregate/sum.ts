import { halves } from '../../flow/canonical-types.ts'
import type { Column } from '../../flow/column.ts'
import { RuntimeError } from '../error.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Accumulator } from './accumulator.ts'
import { grow, grownLength } from './accumulator.ts'
import { LIMB, writeInteger } from './integer-result.ts'

const MAX = LIMB - 1
const LOW_NEGATIVE = 1
const HAS_HIGH = 2
const HIGH_NEGATIVE = 4

/**
 * Exact sum of integers in two limbs: `high * 2^53 + low`. The low limb is a double that never leaves (-2^53, 2^53), where doubles are exact; the
 * high limbs are made when the first sum leaves it, which most jobs never see.
 */
export class Sum implements Accumulator {
  readonly #name: string
  #low = new Float64Array(0)
  #high: Float64Array<ArrayBuffer> | undefined

  constructor(name: string) {
    this.#name = name
  }

  sizeWith(groups: number): number {
    return grownLength(this.#low.length, groups) * (this.#high ? 16 : 8)
  }

  reserve(groups: number): void {
    this.#low = grow(this.#low, groups)
    if (this.#high) this.#high = grow(this.#high, this.#low.length)
  }

  clear(): void {
    this.#low.fill(0)
    this.#high?.fill(0)
  }

  add(groups: Uint32Array, input: Column | undefined, length: number): void {
    if (
      !input ||
      input.type === 'address' ||
      input.type === 'prefix' ||
      input.type === 'text' ||
      input.type === 'bytes'
    )
      throw new RuntimeError(
        'bad-program',
        `aggregate: input of sum ${this.#name} expected numbers, got ${input?.type}`,
      )
    if (input.type === 'u64' || input.type === 'i64') this.#addHalves(groups, input, length)
    else if (input.valid) this.#addValid(groups, input.values, input.valid, length)
    else this.#addNumbers(groups, input.values, length)
  }

  write(group: number, out: ByteBuffer): void {
    const low = this.#low[group]!
    const high = this.#high?.[group] ?? 0
    out.putByte((low < 0 ? LOW_NEGATIVE : 0) | (high === 0 ? 0 : HAS_HIGH) | (high < 0 ? HIGH_NEGATIVE : 0))
    out.putVarint(Math.abs(low))
    if (high !== 0) out.putVarint(Math.abs(high))
  }

  merge(group: number, from: ByteReader): void {
    const tag = from.getByte()
    const low = from.getVarint()
    if (tag & HAS_HIGH) {
      const high = from.getVarint()
      this.#highs()[group]! += tag & HIGH_NEGATIVE ? -high : high
    }
    this.#addOne(group, tag & LOW_NEGATIVE ? -low : low)
  }

  results(output: Column, length: number): void {
    for (let row = 0; row < length; row++)
      writeInteger(this.#name, output, row, this.#high?.[row] ?? 0, this.#low[row]!)
  }

  #addNumbers(groups: Uint32Array, values: { readonly [row: number]: number }, length: number): void {
    const low = this.#low
    for (let i = 0; i < length; i++) {
      const group = groups[i]!
      const sum = low[group]! + values[i]!
      if (sum > MAX || sum < -MAX) this.#carry(group, values[i]!)
      else low[group] = sum
    }
  }

  #addValid(groups: Uint32Array, values: { readonly [row: number]: number }, valid: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) if (valid[i] !== 0) this.#addOne(groups[i]!, values[i]!)
  }

  #addHalves(groups: Uint32Array, input: Extract<Column, { type: 'u64' | 'i64' }>, length: number): void {
    const words = halves(input)
    const signed = input.type === 'i64'
    for (let i = 0; i < length; i++) {
      if (input.valid && input.valid[i] === 0) continue
      const upper = words[i * 2 + 1]!
      const high = signed ? (upper | 0) >> 21 : upper >>> 21
      if (high !== 0) this.#highs()[groups[i]!]! += high
      this.#addOne(groups[i]!, (upper & 0x1f_ffff) * 0x1_0000_0000 + words[i * 2]!)
    }
  }

  #addOne(group: number, value: number): void {
    const sum = this.#low[group]! + value
    if (sum > MAX || sum < -MAX) this.#carry(group, value)
    else this.#low[group] = sum
  }

  /** Adds a value with which the low limb leaves its range; every difference below is exact. */
  #carry(group: number, value: number): void {
    const up = value > 0 ? 1 : -1
    this.#low[group] = this.#low[group]! - up * LIMB + value
    this.#highs()[group]! += up
  }

  #highs(): Float64Array {
    this.#high ??= new Float64Array(this.#low.length)
    return this.#high
  }
}
