import { clearExtra } from './extras.ts'
import { FlowRows } from './flow-rows.ts'
import type { FlowSink } from './sink.ts'

/** Gives decoders rows of the sink's batch, flushing when it is full. One per decoder, pointed at a sink for each datagram. */
export class RowWriter {
  readonly #extras: readonly string[]
  #rows: FlowRows | undefined
  #sink: FlowSink | undefined

  /** `extras` are the names of the columns of extra elements. */
  constructor(extras: readonly string[]) {
    this.#extras = extras
  }

  /** Points at the sink of the next datagram. */
  open(sink: FlowSink): void {
    this.#sink = sink
  }

  get sink(): FlowSink {
    if (!this.#sink) throw new RangeError('decode: rows expected an open sink, got none')
    return this.#sink
  }

  /** The rows to write into, with room for at least `least` more; flushes first when there is not. Throws RangeError when the sink then makes no room. */
  take(least: number): FlowRows {
    const { sink } = this
    if (sink.batch.capacity - sink.batch.length < least) {
      sink.flush()
      const { capacity, length } = sink.batch
      if (capacity - length < least)
        throw new RangeError(`decode: room in the batch expected after a flush, got ${length} of ${capacity} rows`)
    }
    if (this.#rows?.batch !== sink.batch) this.#rows = new FlowRows(sink.batch, this.#extras)
    return this.#rows
  }
}

/** Marks all extra columns of rows [from, to) as absent. */
export function clearExtras(rows: FlowRows, from: number, to: number): void {
  for (const column of rows.extras) if (column) clearExtra(column, from, to)
}
