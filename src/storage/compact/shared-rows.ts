import type { Batch } from '../../flow/batch.ts'
import { batchBytes, createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { KernelMemory, SLACK } from '../../kernels/memory.ts'
import { orderScratchBytes } from '../../kernels/time-order.ts'
import { RowGroupEncoder } from '../parquet/row-group-encoder.ts'
import { ROW_GROUP_ROWS } from '../parquet/rows.ts'

/** The arrays of columns of flows, but for text. */
export type NumberArray = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** What a thread needs to work on the rows of another. */
export interface SharedRowsPlan {
  readonly memory: WebAssembly.Memory
  readonly columns: readonly ColumnSpec[]
  /** The most rows of a part. */
  readonly capacity: number
  readonly lanes: number
}

/**
 * The rows of a part and their order in one memory of kernels, which several threads share: each fills and reads rows that no other fills, and has a
 * region of its own, a lane, to encode row groups in.
 */
export class SharedRows {
  readonly plan: SharedRowsPlan
  readonly batch: Batch
  /** Row numbers in the order of the block. */
  readonly order: Uint32Array
  /** Scratch for sorting. */
  readonly scratch: number
  readonly #lanes: readonly KernelMemory[]

  constructor(plan: SharedRowsPlan) {
    const { memory, columns, capacity, lanes } = plan
    this.plan = plan
    const all = KernelMemory.over(memory)
    this.batch = createBatch(columns, capacity, all.make)
    this.order = all.make(Uint32Array, capacity)
    this.scratch = all.allocate(orderScratchBytes(capacity))
    this.#lanes = Array.from({ length: lanes }, () => all.part(RowGroupEncoder.bytesNeeded(columns)))
  }

  static create({ columns, capacity, lanes }: Omit<SharedRowsPlan, 'memory'>): SharedRows {
    const lane = RowGroupEncoder.bytesNeeded(columns) + SLACK
    const bytes = rowBytes(columns, capacity) + lanes * lane + 4096
    return new SharedRows({ memory: KernelMemory.create(bytes, { isShared: true }).memory, columns, capacity, lanes })
  }

  /** Places of the arrays that hold one value in the first `rows` rows, found by comparing their bytes with those one value on: it ends at the first that differs. */
  constants(rows: number): Set<number> {
    const found = new Set<number>()
    for (const column of Object.values(this.batch.columns)) {
      if (column.type === 'text' || column.type === 'bytes' || rows === 0) continue
      for (const [part, array] of Object.entries(column)) {
        if (part === 'v6' || !ArrayBuffer.isView(array)) continue
        const { buffer, byteOffset, BYTES_PER_ELEMENT } = array as NumberArray
        const bytes = Buffer.from(buffer, byteOffset, rows * BYTES_PER_ELEMENT)
        if (bytes.subarray(0, -BYTES_PER_ELEMENT).equals(bytes.subarray(BYTES_PER_ELEMENT))) found.add(byteOffset)
      }
    }
    return found
  }

  lane(index: number): KernelMemory {
    return this.#lanes[index]!
  }
}

/** What Node and code take. */
const PROCESS_BYTES = 80e6
/** A row of a finished block, which is there twice while it is put together. */
const ENCODED_BYTES = 2 * 28
/** Rows by which memory is reckoned. */
const SAMPLE_ROWS = 1 << 20

/** How many rows of a part fit into some memory; at least a row group. */
export function mostRows(
  columns: readonly ColumnSpec[],
  { memoryBytes, threads }: { memoryBytes: number; threads: number },
): number {
  const free = memoryBytes - PROCESS_BYTES - threads * RowGroupEncoder.bytesNeeded(columns)
  const bytes = rowBytes(columns, SAMPLE_ROWS) / SAMPLE_ROWS + ENCODED_BYTES
  return Math.max(ROW_GROUP_ROWS, Math.floor(free / bytes))
}

/** Memory for some rows: their columns, their order, and what sorting takes. */
const rowBytes = (columns: readonly ColumnSpec[], rows: number): number =>
  batchBytes(columns, rows) + rows * 4 + orderScratchBytes(rows)
