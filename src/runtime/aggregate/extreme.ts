import { compareBytes } from '../../flow/canonical.ts'
import type { TypeCodec } from '../../flow/canonical-types.ts'
import { TYPE_CODECS } from '../../flow/canonical-types.ts'
import type { Column, ColumnType } from '../../flow/column.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import { writeAbsent } from './absent.ts'
import type { Accumulator } from './accumulator.ts'
import { grow, grownLength } from './accumulator.ts'
import { writeInteger } from './integer-result.ts'

/** `min` or `max` over a column type. */
export function extreme(name: string, which: 'min' | 'max', type: ColumnType): Accumulator {
  switch (type) {
    case 'u64':
    case 'i64':
    case 'address':
    case 'prefix':
    case 'text':
    case 'bytes':
      return new ExtremeBytes(which, TYPE_CODECS[type])
    default:
      return new ExtremeNumber(name, which)
  }
}

/** The least or greatest of numbers. */
class ExtremeNumber implements Accumulator {
  readonly #name: string
  readonly #sign: 1 | -1
  /** Infinity (for both: values are held with the sign that makes the extreme the least) where there is no value. */
  #best = new Float64Array(0)

  constructor(name: string, which: 'min' | 'max') {
    this.#name = name
    this.#sign = which === 'min' ? 1 : -1
  }

  sizeWith(groups: number): number {
    return grownLength(this.#best.length, groups) * 8
  }

  reserve(groups: number): void {
    const known = this.#best.length
    this.#best = grow(this.#best, groups)
    this.#best.fill(Number.POSITIVE_INFINITY, known)
  }

  clear(): void {
    this.#best.fill(Number.POSITIVE_INFINITY)
  }

  add(groups: Uint32Array, input: Column | undefined, length: number): void {
    const best = this.#best
    const sign = this.#sign
    const values = numbersOf(input)
    const valid = input?.valid
    for (let i = 0; i < length; i++) {
      const value = values[i]! * sign
      if (value < best[groups[i]!]! && valid?.[i] !== 0) best[groups[i]!] = value
    }
  }

  write(group: number, out: ByteBuffer): void {
    const best = this.#best[group]!
    if (best === Number.POSITIVE_INFINITY) {
      out.putByte(0)
      return
    }
    out.putByte(best < 0 ? 2 : 1)
    out.putVarint(Math.abs(best))
  }

  merge(group: number, from: ByteReader): void {
    const tag = from.getByte()
    if (tag === 0) return
    const magnitude = from.getVarint()
    const value = tag === 2 ? -magnitude : magnitude
    if (value < this.#best[group]!) this.#best[group] = value
  }

  results(output: Column, length: number): void {
    for (let row = 0; row < length; row++) {
      const best = this.#best[row]!
      if (best === Number.POSITIVE_INFINITY) writeAbsent(output, row)
      else writeInteger(this.#name, output, row, 0, best * this.#sign + 0)
    }
  }
}

/** The least or greatest of values that are compared by their canonical encoding. */
class ExtremeBytes implements Accumulator {
  readonly #sign: 1 | -1
  readonly #codec: TypeCodec
  #best: (Uint8Array | undefined)[] = []
  #scratch = new Uint8Array(64)

  constructor(which: 'min' | 'max', codec: TypeCodec) {
    this.#sign = which === 'min' ? 1 : -1
    this.#codec = codec
  }

  /** Rough: a pointer and a small buffer for each group. */
  sizeWith(groups: number): number {
    return groups * 128
  }

  reserve(): void {}

  clear(): void {
    this.#best = []
  }

  add(groups: Uint32Array, input: Column | undefined, length: number): void {
    if (!input) throw new TypeError('aggregate: min or max expected an input, got none')
    for (let i = 0; i < length; i++) {
      if (input.valid && input.valid[i] === 0) continue
      const size = this.#codec.measure(input, i)
      if (size > this.#scratch.length) this.#scratch = new Uint8Array(size * 2)
      this.#offer(groups[i]!, this.#scratch, 0, this.#codec.write(input, i, this.#scratch, 0))
    }
  }

  write(group: number, out: ByteBuffer): void {
    const best = this.#best[group]
    out.putVarint(best ? best.length + 1 : 0)
    if (best) out.putBytes(best, 0, best.length)
  }

  merge(group: number, from: ByteReader): void {
    const size = from.getVarint() - 1
    if (size < 0) return
    this.#offer(group, from.bytes, from.offset, from.offset + size)
    from.offset += size
  }

  results(output: Column, length: number): void {
    for (let row = 0; row < length; row++) {
      const best = this.#best[row]
      if (best) {
        if (output.valid) output.valid[row] = 1
        this.#codec.read(output, row, best, 0)
      } else writeAbsent(output, row)
    }
  }

  #offer(group: number, bytes: Uint8Array, start: number, end: number): void {
    const best = this.#best[group]
    if (!best || compareBytes(bytes, start, end, best, 0, best.length) * this.#sign < 0)
      this.#best[group] = bytes.slice(start, end)
  }
}

function numbersOf(column: Column | undefined): { readonly [row: number]: number } {
  if (column && 'values' in column && column.type !== 'u64' && column.type !== 'i64') return column.values
  throw new TypeError(`aggregate: min or max expected numbers, got ${column?.type}`)
}
