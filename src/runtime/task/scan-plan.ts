import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { MEMO_BYTES, SCAN, SCAN_BYTES, SCAN_LEFT, SCAN_PART, SCAN_STEP_BYTES } from '../../kernels/scan.ts'
import type { FoldTable } from '../aggregate/fold-table.ts'
import { partsOf } from '../aggregate/word-packer.ts'
import type { Columnwise, Program } from '../program.ts'

/** Arrays of columns for which there is room; programs with more of them are for others. */
export const MOST_ARRAYS = 32

/** A part of a key as kernels know it. */
interface Part {
  readonly type: number
  readonly values: FixedArray
  readonly bits: number
  readonly word: number
  /** Bits of a prefix. */
  readonly length?: number
  readonly size?: number
}

export type FixedArray = Uint8Array | Uint16Array | Uint32Array | Float64Array | BigUint64Array | BigInt64Array

/** The columns of a batch that rows are added from. */
export interface ScanColumns {
  readonly parts: readonly Part[]
  readonly sums: readonly Float64Array[]
  readonly families: readonly Uint8Array[]
  /** All of them. */
  readonly arrays: readonly FixedArray[]
}

/** What `scanPages` and `scanRows` (assembly/scan.ts) are told: where the columns of a batch lie, and how they become keys and sums of a table. */
export class ScanPlan {
  readonly words: Uint32Array
  readonly #program: Program
  readonly #columnwise: Columnwise
  readonly #table: FoldTable
  readonly #left: Float64Array
  /** What may be added since `begin`. */
  #boundLeft = 0
  #sumLeft = 0
  /** Where there is room for a memo of the table, and how often the table had been emptied when that began. */
  readonly #memoAt: number
  #memoOf = -1

  /** Takes some of the table's memory. */
  constructor(program: Program, columnwise: Columnwise, table: FoldTable) {
    this.#program = program
    this.#columnwise = columnwise
    this.#table = table
    const { memory } = table.kernels
    const at = memory.allocate(SCAN_BYTES)
    memory.bytes(at, SCAN_BYTES).fill(0)
    this.words = new Uint32Array(memory.memory.buffer, at, SCAN_BYTES / 4)
    this.#left = new Float64Array(memory.memory.buffer, at, SCAN_BYTES / 8)
    this.words[SCAN.parts] = memory.allocate(MOST_ARRAYS * SCAN_STEP_BYTES)
    this.words[SCAN.sources] = memory.allocate(MOST_ARRAYS * 4)
    this.words[SCAN.families] = memory.allocate(MOST_ARRAYS * 4)
    this.#memoAt = memory.allocate(MEMO_BYTES)
  }

  /** Whether there is room for the columns of a program. */
  static hasRoom({ key, value }: Columnwise): boolean {
    return key.length * 2 + value.length <= MOST_ARRAYS
  }

  /** The columns of a batch, undefined when kernels cannot take them. */
  columnsOf(batch: Batch): ScanColumns | undefined {
    const parts = this.#partsOf(batch)
    const sums = this.#sumsOf(batch)
    if (!parts || !sums) return undefined
    const families = this.#columnwise.key.flatMap(({ column }) => familyOf(batch.columns[column]))
    const arrays: FixedArray[] = [...parts.map(({ values }) => values), ...sums, ...families]
    if (arrays.some(({ buffer }) => buffer !== this.words.buffer)) return undefined
    return { parts, sums, families, arrays }
  }

  /** Says where rows are added from: `placeOf` tells where those of an array lie. */
  place({ parts, sums, families }: ScanColumns, placeOf: (array: FixedArray) => number): void {
    const { words } = this
    const { buffer } = words
    for (const [i, { type, values, bits, word, length = 0, size = 0 }] of parts.entries()) {
      const place = words[SCAN.parts]! + i * SCAN_STEP_BYTES
      new Uint32Array(buffer, place, 6).set([type, placeOf(values), values.BYTES_PER_ELEMENT, bits, word, length])
      new Float64Array(buffer, place + 24, 1)[0] = size
    }
    new Uint32Array(buffer, words[SCAN.sources], sums.length).set(sums.map(placeOf))
    new Uint32Array(buffer, words[SCAN.families], families.length).set(families.map(placeOf))
    words[SCAN.sums] = sums.length
    words[SCAN.partCount] = parts.length
    words[SCAN.familyCount] = families.length
    words[SCAN.memo] = bitsOf(parts) <= 32 ? this.#memoAt : 0
  }

  /** Says where rows are added to, when there is room for the new keys of `rows`; false when the table has to see them. */
  begin(rows: number): boolean {
    const target = this.#table.target(rows)
    if (!target) return false
    const { words } = this
    this.#boundLeft = Math.floor(target.boundLeft)
    this.#sumLeft = Math.floor(target.sumLeft)
    for (const name of TOLD) words[SCAN[name]] = target[name]
    if (target.width === 0 || target.slices !== 0) words[SCAN.memo] = 0
    if (words[SCAN.memo] !== 0 && target.emptied !== this.#memoOf) this.#forget(target.emptied)
    words[SCAN.mapped] = 0
    words[SCAN.fresh] = 0
    this.#left[SCAN_LEFT.rows] = target.rowsLeft
    this.#left[SCAN_LEFT.bound] = this.#boundLeft
    this.#left[SCAN_LEFT.sum] = this.#sumLeft
    return true
  }

  /** Tells the table what a kernel has added; gives the number of rows. */
  end(): number {
    const rows = this.words[SCAN.mapped]!
    const bound = this.#boundLeft - this.#left[SCAN_LEFT.bound]!
    const sum = this.#sumLeft - this.#left[SCAN_LEFT.sum]!
    this.#table.scanned({ rows, bound, sum, fresh: this.words[SCAN.fresh]! })
    return rows
  }

  /** Begins a memo of a table that has been emptied so often. */
  #forget(emptied: number): void {
    new Uint8Array(this.words.buffer, this.#memoAt, MEMO_BYTES).fill(0)
    this.#memoOf = emptied
  }

  /** The parts of a key; undefined when one of its columns has values that kernels do not take. */
  #partsOf(batch: Batch): Part[] | undefined {
    const parts: Part[] = []
    for (const [i, key] of this.#columnwise.key.entries()) {
      const column = batch.columns[key.column]
      const word = this.#table.shape.offsets[i]!
      if (!column || column.valid || !IS_TAKEN.has(column.type)) return undefined
      const [part] = partsOf(column, word)
      if (!part) return undefined
      const { values, flip } = part
      if (key.type === 'bin') parts.push({ type: SCAN_PART.bins, values, bits: flip, word, size: key.sizeMs })
      else if (key.type === 'prefix')
        parts.push({ type: SCAN_PART.prefixes, values, bits: maskOf(key.bits), word, length: key.bits })
      else if (values instanceof Float64Array) parts.push({ type: SCAN_PART.doubles, values, bits: flip, word })
      else parts.push({ type: SCAN_PART.masked, values, bits: 0xffff_ffff, word })
    }
    return parts
  }

  /** The columns that are summed; undefined when one of them does not hold doubles. */
  #sumsOf(batch: Batch): Float64Array[] | undefined {
    const { value } = this.#program
    const sums: Float64Array[] = []
    for (const name of this.#table.shape.sums) {
      const source = this.#columnwise.value[value.findIndex((spec) => spec.name === name)]
      const column = source === undefined ? undefined : batch.columns[source]
      if (column?.type !== 'u53' || column.valid) return undefined
      sums.push(column.values)
    }
    return sums
  }
}

/** What a target says as words. */
const TOLD = [
  ...(['width', 'keyBytes', 'packed', 'counts', 'table'] as const),
  ...(['counting', 'keys', 'values', 'mostEntries', 'limited'] as const),
  ...(['slices', 'made', 'stride', 'numbers', 'program', 'programSteps'] as const),
] as const

/** Columns whose values are the words of a key, or make them. */
const IS_TAKEN: ReadonlySet<Column['type']> = new Set([
  ...(['u8', 'u16', 'u32', 'boolean', 'address', 'u53', 'i53', 'instant', 'duration'] as const),
])

/** Bits by which keys differ; none are known of parts that are no words. */
function bitsOf(parts: readonly Part[]): number {
  let bits = 0
  for (const { type, values, length = 0 } of parts) {
    if (type === SCAN_PART.prefixes) bits += length
    else bits += type === SCAN_PART.masked ? values.BYTES_PER_ELEMENT * 8 : Number.POSITIVE_INFINITY
  }
  return bits
}

const familyOf = (column: Column | undefined): Uint8Array[] => (column?.type === 'address' ? [column.family] : [])

const maskOf = (bits: number): number => (bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0)
