import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { SyncBlockEncoder, type WritePlaces } from '../../storage/avro/sync-block-encoder.ts'
import type { TimeSpan } from '../../storage/block/statistics.ts'
import type { V5Records } from '../decode/v5-records.ts'
import type { GatheredRows, PackedGathered } from './gathered-rows.ts'

/** Packs gathered rows as the data of sync-blocks; the bytes do not depend on the form that the rows have. */
export class RowPacker {
  readonly #encoder: SyncBlockEncoder

  /** Works in the free memory of `beside`, when there is enough. */
  constructor(columns: readonly ColumnSpec[], capacity: number, beside?: KernelInstance) {
    this.#encoder = new SyncBlockEncoder(columns, capacity, beside)
  }

  /** Packs rows; the result is valid until the next call, and lies at `place` when that is given and in the same memory. Throws `bad-format` for a value that cannot be stored. */
  pack({ batch, v5, records, length }: GatheredRows, place?: Uint8Array): PackedGathered {
    const encoder = this.#encoder
    const v5Span = v5 && records > 0 ? this.#addRecords(v5) : undefined
    try {
      if (length > records) encoder.add(batch, records, length)
    } catch (error) {
      encoder.clear()
      throw error
    }
    const { data, plainLength } = encoder.take({ place })
    return { data, plainLength, v5Span }
  }

  close(): void {
    this.#encoder.close()
  }

  #addRecords(v5: V5Records): TimeSpan {
    const span: TimeSpan = { minStart: null, maxStart: null, minEnd: null, maxEnd: null }
    this.#encoder.addWritten(
      v5.rows,
      v5.bytes,
      ({ instance, from, dst, origin, starts, marks, scratch }: WritePlaces) => {
        const { kernels, memory } = instance
        const written = kernels.v5Rows(from, from + v5.length, dst, origin, starts, marks, scratch)
        const times = new Float64Array(memory.memory.buffer, scratch, 4)
        span.minStart = times[0]!
        span.maxStart = times[1]!
        span.minEnd = times[2]!
        span.maxEnd = times[3]!
        return written
      },
    )
    return span
  }
}
