import type { Template } from './template.ts'
import { VARIABLE } from './template.ts'

/** Where the values of one record of a template with variable-length fields lie, by field number. */
export class RecordLayout {
  offsets = new Int32Array(64)
  lengths = new Int32Array(64)

  /** Finds the values of the record at `at`; returns the octet after it, or -1 when it runs over `end`. */
  read(bytes: Uint8Array, at: number, end: number, { fields }: Template): number {
    if (fields.length > this.offsets.length) this.#grow(fields.length)
    let next = at
    for (let i = 0; i < fields.length; i++) {
      let length = fields[i]!.length
      if (length === VARIABLE) {
        if (next >= end) return -1
        length = bytes[next]!
        next++
        if (length === 255) {
          if (next + 2 > end) return -1
          length = (bytes[next]! << 8) | bytes[next + 1]!
          next += 2
        }
      }
      this.offsets[i] = next
      this.lengths[i] = length
      next += length
      if (next > end) return -1
    }
    return next
  }

  #grow(fields: number): void {
    this.offsets = new Int32Array(fields * 2)
    this.lengths = new Int32Array(fields * 2)
  }
}

const scratch = new RecordLayout()

/** The octet after the record at `at`, or -1 when it runs over `end`. */
export const recordEnd = (bytes: Uint8Array, at: number, end: number, template: Template): number =>
  scratch.read(bytes, at, end, template)
