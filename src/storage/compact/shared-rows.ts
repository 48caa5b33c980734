import type { Batch } from '../../flow/batch.ts'
import { batchBytes, createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { KernelMemory, SLACK } from '../../kernels/memory.ts'
import { orderScratchBytes } from '../../kernels/time-order.ts'
import { BATCH_ROWS, RowDecoder } from '../avro/decoder.ts'
import { StorageError } from '../errors.ts'
import { RowGroupEncoder } from '../parquet/row-group-encoder.ts'
import { ROW_GROUP_ROWS } from '../parquet/rows.ts'
import { arraysOf } from './column-arrays.ts'

/** What a thread needs to work on the rows of another. */
export interface SharedRowsPlan {
  readonly memory: WebAssembly.Memory
  readonly columns: readonly ColumnSpec[]
  /** Of the blocks that are read. */
  readonly schema: unknown
  /** The most rows of a part. */
  readonly capacity: number
  readonly lanes: number
  /** The most bytes of a run with the header of its block. */
  readonly runBytes: number
}

/**
 * The rows of a part and their order in one memory of kernels, which several threads share: each fills and reads rows that no other fills, and has a
 * region of its own, a lane, to decode and encode in. The bytes of runs lie there as well, so that they are unpacked where they were read.
 */
export class SharedRows {
  readonly plan: SharedRowsPlan
  readonly batch: Batch
  /** Row numbers in the order of the block. */
  readonly order: Uint32Array
  /** Scratch for sorting. */
  readonly scratch: number
  /** Places for the bytes of runs. */
  readonly runs: readonly number[]
  readonly #lanes: readonly KernelMemory[]

  constructor(plan: SharedRowsPlan) {
    const { memory, columns, capacity, lanes, runBytes } = plan
    this.plan = plan
    const all = KernelMemory.over(memory)
    this.batch = createBatch(columns, capacity, all.make)
    this.order = all.make(Uint32Array, capacity)
    this.scratch = all.allocate(orderScratchBytes(capacity))
    this.#lanes = Array.from({ length: lanes }, () => all.part(laneBytes(columns)))
    this.runs = Array.from({ length: lanes * RUNS_PER_LANE }, () => all.allocate(runBytes))
  }

  static create(plan: Omit<SharedRowsPlan, 'memory'>): SharedRows {
    const { columns, capacity, lanes, runBytes } = plan
    const lane = laneBytes(columns) + RUNS_PER_LANE * (runBytes + 2 * SLACK)
    const bytes = rowBytes(columns, capacity) + lanes * lane + 4096
    return new SharedRows({ ...plan, memory: KernelMemory.create(bytes, { shared: true }).memory })
  }

  /** Places of the arrays that hold one value in the first `rows` rows, found by comparing their bytes with those one value on: it ends at the first that differs. */
  constants(rows: number): Set<number> {
    const found = new Set<number>()
    for (const column of Object.values(this.batch.columns)) {
      if (rows === 0) continue
      for (const [part, { buffer, byteOffset, BYTES_PER_ELEMENT }] of arraysOf(column)) {
        if (part === 'v6') continue
        const bytes = Buffer.from(buffer, byteOffset, rows * BYTES_PER_ELEMENT)
        if (bytes.subarray(0, -BYTES_PER_ELEMENT).equals(bytes.subarray(BYTES_PER_ELEMENT))) found.add(byteOffset)
      }
    }
    return found
  }

  /** Bytes of the memory. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.plan.memory.buffer, at, length)
  }

  lane(index: number): KernelMemory {
    return this.#lanes[index]!
  }
}

/** Runs that a lane has at once: one that it reads and one that waits. */
export const RUNS_PER_LANE = 2

/** Memory in which a lane decodes and encodes. */
const laneBytes = (columns: readonly ColumnSpec[]): number =>
  RowGroupEncoder.bytesNeeded(columns) + RowDecoder.bytesNeeded(columns, BATCH_ROWS)

/** What Node and code take. */
const PROCESS_BYTES = 70e6
/** A row of a finished block, which is there twice while it is put together. */
const ENCODED_BYTES = 2 * 28
/** Rows by which memory is reckoned. */
const SAMPLE_ROWS = 1 << 20

/** Bytes of a row, in the rows that threads share and in the block that comes of them. */
const bytesPerRow = (columns: readonly ColumnSpec[]): number =>
  rowBytes(columns, SAMPLE_ROWS) / SAMPLE_ROWS + ENCODED_BYTES

/**
 * How many rows of a part some memory has room for, beside two lanes if it can be; a row group at least. It does not depend on how many threads there are, so neither
 * do the blocks. Throws `bad-option` when there is no room for a row group and one lane.
 */
export function mostRows(columns: readonly ColumnSpec[], memoryBytes: number): number {
  const bytes = bytesPerRow(columns)
  const least = PROCESS_BYTES + laneBytes(columns) + ROW_GROUP_ROWS * bytes
  if (memoryBytes < least) {
    const [expected, got] = [least, memoryBytes].map((size) => `${Math.ceil(size / 1e6)}MB`)
    throw new StorageError('bad-option', `compact: memory expected ${expected} or more, got ${got}`)
  }
  return Math.max(ROW_GROUP_ROWS, Math.floor((memoryBytes - PROCESS_BYTES - 2 * laneBytes(columns)) / bytes))
}

/** How many lanes some memory has room for beside the rows of a part; one at least. */
export function mostLanes(columns: readonly ColumnSpec[], rows: number, memoryBytes: number): number {
  const free = memoryBytes - PROCESS_BYTES - rows * bytesPerRow(columns)
  return Math.max(1, Math.floor(free / laneBytes(columns)))
}

/** Memory for some rows: their columns, their order, and what sorting takes. */
const rowBytes = (columns: readonly ColumnSpec[], rows: number): number =>
  batchBytes(columns, rows) + rows * 4 + orderScratchBytes(rows)
