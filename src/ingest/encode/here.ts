import { GatheredRows } from './gathered-rows.ts'
import type { EncodeRingOptions } from './ring.ts'
import { RowPacker } from './row-packer.ts'

/** Who packs rows: this thread, or threads beside it. */
export type Packing = Pick<EncodeHere, 'rows' | 'submit' | 'drain' | 'close'>

/** Packs the rows of one batch after the other in this thread, as `EncodeRing` does with others. */
export class EncodeHere {
  /** The rows to be filled. */
  readonly rows: GatheredRows
  readonly #packer: RowPacker
  readonly #consume: EncodeRingOptions['consume']

  constructor({ columns, intake, capacity, consume }: Omit<EncodeRingOptions, 'workers' | 'isLarge' | 'script'>) {
    this.rows = GatheredRows.create(columns, capacity, intake?.records())
    this.#packer = new RowPacker(columns, capacity)
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
  }
}
