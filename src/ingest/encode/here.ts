import { regionBytes } from '../../kernels/memory.ts'
import { borrowKernels, type KernelInstance, returnKernels } from '../../kernels/pool.ts'
import { SyncBlockEncoder } from '../../storage/avro/sync-block-encoder.ts'
import { V5Intake } from '../decode/v5-intake.ts'
import { V5Records } from '../decode/v5-records.ts'
import { GatheredRows } from './gathered-rows.ts'
import type { EncodeRingOptions } from './ring.ts'
import { RowPacker } from './row-packer.ts'

/** Who packs rows: this thread, or threads beside it. */
export type Packing = Pick<EncodeHere, 'rows' | 'intake' | 'submit' | 'drain' | 'close'>

/** Packs the rows of one batch after the other in this thread, as `EncodeRing` does with others. */
export class EncodeHere {
  /** The rows to be filled. */
  readonly rows: GatheredRows
  /** Where records of v5 are gathered. */
  readonly intake: V5Intake | undefined
  readonly #instance: KernelInstance
  readonly #packer: RowPacker
  readonly #consume: EncodeRingOptions['consume']

  constructor({ columns, inputs, capacity, consume }: Omit<EncodeRingOptions, 'workers' | 'isLarge' | 'script'>) {
    const records = inputs ? V5Intake.bytesNeeded(inputs) + regionBytes(V5Records.sizeBytes(capacity)) : 0
    this.#instance = borrowKernels(records + SyncBlockEncoder.bytesNeeded(columns, capacity))
    this.intake = inputs && new V5Intake(this.#instance, { capacity, inputs })
    this.rows = GatheredRows.create(columns, capacity, inputs && new V5Records(capacity, this.#instance))
    this.#packer = new RowPacker(columns, capacity, this.#instance)
    this.#consume = consume
  }

  /** Packs the rows and empties them. Throws `bad-format` for a value that cannot be stored. */
  submit(): GatheredRows {
    const { rows } = this
    if (rows.length > 0) this.#consume(rows, this.#packer.pack(rows))
    rows.clear()
    return rows
  }

  /** Nothing waits. */
  drain(): void {}

  close(): void {
    this.#packer.close()
    returnKernels(this.#instance)
  }
}
