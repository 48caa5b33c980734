import type { Batch, FlowBatch } from '../flow/batch.ts'
import { createFlowBatch, FLOW_COLUMNS, isShareable } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import type { PackedRows } from '../storage/avro/sync-block-encoder.ts'
import { BlockBuilder, type FinishedBlock } from './block-builder.ts'
import { createQuarantineBatch, type FlowSink, QUARANTINE_COLUMNS, type QuarantineSink } from './decode/sink.ts'
import { EncodeRing } from './encode/ring.ts'

export const FLOWS_DATASET = 'flows'
/** Flows with a counter above 2^53 - 1: they would not be exact, so they stay out of every sum. */
export const QUARANTINE_DATASET = 'quarantine/ingest'

const BATCH_ROWS = 4096
const QUARANTINE_ROWS = 64

export interface FlowOutputOptions {
  /** Where flows go; default `flows`. */
  readonly dataset?: string
  readonly blockSizeBytes: number
  /** Columns of further elements. */
  readonly elements?: readonly ColumnSpec[]
  /** Threads that encode flows beside this one, when there are many; default none. */
  readonly workers?: number
}

/** Where decoded flows go: a decoder's sink that gathers blocks of flows and of quarantined flows. */
export class FlowOutput implements FlowSink {
  batch: FlowBatch
  readonly quarantine: QuarantineSink
  readonly #flows: BlockBuilder
  readonly #ring: EncodeRing | undefined
  readonly #quarantined: BlockBuilder

  constructor({ dataset = FLOWS_DATASET, blockSizeBytes, elements = [], workers = 0 }: FlowOutputOptions) {
    const columns = [...FLOW_COLUMNS, ...elements]
    this.#flows = new BlockBuilder({ dataset, name: 'Flow', columns, blockSizeBytes })
    if (workers > 0 && isShareable(columns)) {
      const consume = (batch: Batch, packed: PackedRows): void => this.#flows.addPacked(batch, packed)
      this.#ring = new EncodeRing({ columns, capacity: BATCH_ROWS, workers, consume })
      this.batch = this.#ring.batch as FlowBatch // it has the columns of a flow
    } else this.batch = createFlowBatch(BATCH_ROWS, elements)
    this.#quarantined = new BlockBuilder({
      dataset: QUARANTINE_DATASET,
      name: 'Flow',
      columns: [...QUARANTINE_COLUMNS, ...elements],
      blockSizeBytes,
    })
    this.quarantine = quarantineSink(this.#quarantined, createQuarantineBatch(QUARANTINE_ROWS, elements))
  }

  flush(): void {
    if (this.#ring) {
      this.batch = this.#ring.submit() as FlowBatch // it has the columns of a flow
      return
    }
    this.#flows.add(this.batch)
    this.batch.length = 0
  }

  /** A block has reached its size. */
  get full(): boolean {
    return this.#flows.full || this.#quarantined.full
  }

  /** Takes the blocks that have reached their size. */
  take(): FinishedBlock[] {
    return [...this.#flows.take(), ...this.#quarantined.take()]
  }

  /** Bytes of the blocks under construction. */
  get sizeBytes(): number {
    return this.#flows.sizeBytes + this.#quarantined.sizeBytes
  }

  /** Ends the blocks under construction. */
  finish(): FinishedBlock[] {
    this.flush()
    this.#ring?.drain()
    this.quarantine.flush()
    return [...this.#flows.finish(), ...this.#quarantined.finish()]
  }

  /** Ends the threads. */
  close(): void {
    this.#ring?.close()
  }
}

function quarantineSink(builder: BlockBuilder, batch: Batch): QuarantineSink {
  return {
    batch,
    flush() {
      builder.add(this.batch)
      this.batch.length = 0
    },
  }
}
