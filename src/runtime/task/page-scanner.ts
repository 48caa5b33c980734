import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { MOST_MARKS, placeSteps } from '../../flow/filter/marks.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { SCAN, SCAN_BYTES, SCAN_LEFT, SCAN_MARK_BYTES, SCAN_PART, SCAN_STEP_BYTES } from '../../kernels/scan.ts'
import type { PackedPages } from '../../storage/block/row-pages.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { FoldTable } from '../aggregate/fold-table.ts'
import { partsOf } from '../aggregate/word-packer.ts'
import type { LiveCounters } from '../counters.ts'
import type { Columnwise, Program } from '../program.ts'
import type { MapTask } from './description.ts'
import type { InputRows } from './map-input.ts'

/** Steps of a filter and arrays of columns for which there is room; programs with more of them go a page at a time. */
const MOST_STEPS = 64
const MOST_ARRAYS = 32
/** Chosen rows that wait for those of other pages. */
const CAPACITY = PAGE_ROWS * 2
/** Pages that are left to others at most before a kernel looks at one again. */
const MOST_REST = 64
/** Kernel memory that must be free beside what is taken, for who reads. */
const SPARE_BYTES = 1 << 20

/** A part of a key as `scanPages` knows it. */
interface Part {
  readonly type: number
  readonly values: FixedArray
  readonly bits: number
  readonly word: number
  /** Bits of a prefix. */
  readonly length?: number
  readonly size?: number
}

type FixedArray = Uint8Array | Uint16Array | Uint32Array | Float64Array | BigUint64Array | BigInt64Array

/**
 * Has a kernel read the pages of a row group, choose rows and add them to the table by one call, where the map side of a program is no more than that. What a page needs beyond is left to
 * `RowSelector`, the mapper and `FoldTable.add`, which do the same a page at a time.
 */
export class PageScanner {
  readonly #program: Program
  readonly #columnwise: Columnwise
  readonly #table: FoldTable
  readonly #kernels: KernelInstance
  readonly #counters: LiveCounters
  readonly #isTimed: boolean
  readonly #words: Uint32Array
  readonly #left: Float64Array
  /** Where what is gathered goes: room for each array. */
  readonly #gathered: readonly number[]
  #planned: Batch | undefined
  #isPossible = false
  /** Times that pages are left to others without a look, and how many they are the next time that nothing comes of a look. */
  #rest = 0
  #nextRest = 1

  /** A scanner, which takes some of the table's memory, before anything is read into that; undefined where there is none for a program. */
  static for(
    task: MapTask,
    program: Program,
    table: FoldTable | undefined,
    counters: LiveCounters,
  ): PageScanner | undefined {
    const { columnwise, where } = program
    if (!columnwise || !table || (where && !where.steps)) return undefined
    if ((where?.steps?.length ?? 0) > MOST_STEPS || columnwise.key.length * 2 + columnwise.value.length > MOST_ARRAYS)
      return undefined
    if (table.kernels.memory.free < SPARE_BYTES * 2 + gatheredBytes(program) * 2) return undefined
    return new PageScanner(task, program, table, counters)
  }

  private constructor(task: MapTask, program: Program, table: FoldTable, counters: LiveCounters) {
    this.#program = program
    this.#columnwise = program.columnwise! // looked at before
    this.#table = table
    this.#kernels = table.kernels
    this.#counters = counters
    this.#isTimed = task.from !== null || task.to !== null
    const { memory } = table.kernels
    const at = memory.allocate(SCAN_BYTES)
    memory.bytes(at, SCAN_BYTES).fill(0)
    this.#words = new Uint32Array(memory.memory.buffer, at, SCAN_BYTES / 4)
    this.#left = new Float64Array(memory.memory.buffer, at, SCAN_BYTES / 8)
    const words = this.#words
    words[SCAN.parts] = memory.allocate(MOST_ARRAYS * SCAN_STEP_BYTES)
    words[SCAN.sources] = memory.allocate(MOST_ARRAYS * 4)
    words[SCAN.families] = memory.allocate(MOST_ARRAYS * 4)
    words[SCAN.capacity] = CAPACITY
    words[SCAN.steps] = memory.allocate(MOST_STEPS * SCAN_STEP_BYTES)
    words[SCAN.gathers] = memory.allocate(MOST_ARRAYS * 16)
    this.#gathered = []
    if (!program.where) return
    words[SCAN.marks] = memory.allocate(MOST_MARKS * SCAN_MARK_BYTES)
    words[SCAN.rows] = memory.allocate(PAGE_ROWS * 4)
    const { key, value } = program.columnwise!
    this.#gathered = Array.from({ length: key.length * 2 + value.length }, () => memory.allocate(CAPACITY * 8))
  }

  /** Adds the rows of pages from the next one on, as far as that goes, and counts them. */
  scan({ pages, records, countSampling, timed }: InputRows): void {
    if (records || countSampling || (timed && this.#isTimed)) return
    if (this.#rest > 0) this.#rest--
    else pages.scan?.((packed, from) => this.#scan(packed, from))
  }

  #scan(pages: PackedPages, from: number): number {
    const next = this.#read(pages, from)
    this.#nextRest = next > from ? 1 : Math.min(this.#nextRest * 2, MOST_REST)
    this.#rest = next > from ? 0 : this.#nextRest
    return next
  }

  #read(pages: PackedPages, from: number): number {
    if (this.#planned !== pages.batch) {
      this.#planned = pages.batch
      this.#isPossible = this.#plan(pages.batch)
    }
    const target = this.#isPossible ? this.#table.target(this.#program.where ? CAPACITY : PAGE_ROWS) : undefined
    if (!target) return from
    const boundLeft = Math.floor(target.boundLeft)
    const sumLeft = Math.floor(target.sumLeft)
    const words = this.#words
    const left = this.#left
    for (const name of TOLD) words[SCAN[name]] = target[name]
    words[SCAN.sums] = this.#table.shape.sums.length
    words[SCAN.mapped] = words[SCAN.unmatched] = words[SCAN.fresh] = 0
    left.set([target.rowsLeft, boundLeft, sumLeft], SCAN_LEFT.rows)
    const { columnsAt, first, count, rows, scratch, dense } = pages
    const at = words.byteOffset
    const next = this.#kernels.kernels.scanPages(at, columnsAt, first, count, from, rows, scratch, dense)
    const mapped = words[SCAN.mapped]!
    const bound = boundLeft - left[SCAN_LEFT.bound]!
    this.#table.scanned({ rows: mapped, bound, sum: sumLeft - left[SCAN_LEFT.sum]!, fresh: words[SCAN.fresh]! })
    this.#counters.mapped += mapped
    this.#counters.emitted += mapped
    this.#counters.unmatched += words[SCAN.unmatched]!
    return next
  }

  /** Says where the columns of a batch lie; false when kernels cannot go on with them. */
  #plan(batch: Batch): boolean {
    const words = this.#words
    const { buffer } = words
    const steps = placeSteps(this.#program.where?.steps ?? [], batch, buffer)
    const parts = this.#partsOf(batch)
    const sums = this.#sumsOf(batch)
    if (!steps || !parts || !sums) return false
    const families = this.#columnwise.key.flatMap(({ column }) => familyOf(batch.columns[column]))
    const arrays: FixedArray[] = [...parts.map(({ values }) => values), ...sums, ...families]
    if (arrays.some((array) => array.buffer !== buffer)) return false
    const placeOf = this.#gather([...new Set(arrays)])
    for (const [i, { join, at, bytes, low, high }] of steps.entries()) {
      const place = words[SCAN.steps]! + i * SCAN_STEP_BYTES
      new Uint32Array(buffer, place, 3).set([join, at, bytes])
      new Float64Array(buffer, place + 16, 2).set([low, high])
    }
    for (const [i, { type, values, bits, word, length = 0, size = 0 }] of parts.entries()) {
      const place = words[SCAN.parts]! + i * SCAN_STEP_BYTES
      new Uint32Array(buffer, place, 6).set([type, placeOf(values), values.BYTES_PER_ELEMENT, bits, word, length])
      new Float64Array(buffer, place + 24, 1)[0] = size
    }
    new Uint32Array(buffer, words[SCAN.sources], sums.length).set(sums.map(placeOf))
    new Uint32Array(buffer, words[SCAN.families], families.length).set(families.map(placeOf))
    words[SCAN.stepCount] = steps.length
    words[SCAN.partCount] = parts.length
    words[SCAN.familyCount] = families.length
    return true
  }

  /** Tells how arrays are gathered, if they are. Gives where the rows of each are that are added. */
  #gather(arrays: readonly FixedArray[]): (array: FixedArray) => number {
    if (!this.#program.where) return ({ byteOffset }) => byteOffset
    const words = this.#words
    for (const [i, { byteOffset, BYTES_PER_ELEMENT }] of arrays.entries()) {
      const entry = [BYTES_PER_ELEMENT, byteOffset, this.#gathered[i]!]
      new Uint32Array(words.buffer, words[SCAN.gathers]! + i * 16, 3).set(entry)
    }
    words[SCAN.gatherCount] = arrays.length
    return (array) => this.#gathered[arrays.indexOf(array)]!
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
] as const

/** Columns whose values are the words of a key, or make them. */
const IS_TAKEN: ReadonlySet<Column['type']> = new Set([
  ...(['u8', 'u16', 'u32', 'boolean', 'address', 'u53', 'i53', 'instant', 'duration'] as const),
])

const familyOf = (column: Column | undefined): Uint8Array[] => (column?.type === 'address' ? [column.family] : [])

const maskOf = (bits: number): number => (bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0)

/** Room for what is gathered. */
const gatheredBytes = ({ where, columnwise }: Program): number =>
  where && columnwise ? (columnwise.key.length * 2 + columnwise.value.length) * CAPACITY * 8 : 0
