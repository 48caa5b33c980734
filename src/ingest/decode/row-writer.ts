import { FlowRows } from './flow-rows.ts'
import type { FlowSink } from './sink.ts'

/** Gives decoders rows of the sink's batch, flushing when it is full. One per decoder, pointed at a sink for each datagram. */
export class RowWriter {
  rows: FlowRows | undefined
  #sink: FlowSink | undefined

  /** Points at the sink of the next datagram. */
  open(sink: FlowSink): void {
    this.#sink = sink
    this.#bind(sink)
  }

  get sink(): FlowSink {
    if (!this.#sink) throw new Error('decode: sink expected before rows, got none')
    return this.#sink
  }

  /** The rows to write into, with room for at least `least` more; flushes first when there is not. */
  take(least: number): FlowRows {
    const { sink } = this
    if (sink.batch.capacity - sink.batch.length < least) sink.flush()
    return this.#bind(sink)
  }

  #bind(sink: FlowSink): FlowRows {
    if (this.rows?.batch !== sink.batch) this.rows = new FlowRows(sink.batch)
    return this.rows
  }
}
