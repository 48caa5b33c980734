import type { Batch, FlowBatch } from '../flow/batch.ts'
import { FLOW_COLUMNS, isShareable } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { type BeginBlock, BlockBuilder, type FinishedBlock } from './block-builder.ts'
import { createQuarantineBatch, type FlowSink, QUARANTINE_COLUMNS, type QuarantineSink } from './decode/sink.ts'
import type { V5Intake } from './decode/v5-intake.ts'
import type { V5Records } from './decode/v5-records.ts'
import type { GatheredRows } from './encode/gathered-rows.ts'
import { EncodeHere, type Packing } from './encode/here.ts'
import { EncodeRing, type EncodeRingOptions } from './encode/ring.ts'

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
  /** Where blocks are stored while they grow; without it they are kept whole until they are taken. */
  readonly begin?: BeginBlock | undefined
  /** Threads that encode flows beside this one, when there are many; default none. */
  readonly workers?: number
  /** Many flows are about to come: those threads start at once. Default false. */
  readonly isLarge?: boolean
  /** Bytes of each piece of memory that datagrams are read into; default none. */
  readonly inputs?: readonly number[]
}

/** Where decoded flows go: a decoder's sink that gathers blocks of flows and of quarantined flows. */
export class FlowOutput implements FlowSink {
  batch!: FlowBatch
  v5: V5Records | undefined
  readonly quarantine: QuarantineSink
  readonly #flows: BlockBuilder
  readonly #packing: Packing
  readonly #quarantined: BlockBuilder

  constructor(options: FlowOutputOptions) {
    const { dataset = FLOWS_DATASET, blockSizeBytes, begin, elements = [], workers = 0, isLarge = false } = options
    const { inputs = [] } = options
    const columns = [...FLOW_COLUMNS, ...elements]
    this.#flows = new BlockBuilder({ dataset, name: 'Flow', columns, blockSizeBytes, begin })
    const consume: EncodeRingOptions['consume'] = (rows, packed) => this.#flows.addPacked(rows, packed)
    const isRing = workers > 0 && isShareable(columns)
    const capacity = BATCH_ROWS
    const packing = { columns, inputs: elements.length > 0 ? undefined : inputs, capacity, workers, consume }
    this.#packing = isRing ? new EncodeRing({ ...packing, isLarge }) : new EncodeHere(packing)
    this.#fill(this.#packing.rows)
    this.#quarantined = new BlockBuilder({
      dataset: QUARANTINE_DATASET,
      name: 'Flow',
      columns: [...QUARANTINE_COLUMNS, ...elements],
      blockSizeBytes,
      begin,
    })
    this.quarantine = quarantineSink(this.#quarantined, createQuarantineBatch(QUARANTINE_ROWS, elements))
  }

  /** Without it, records of v5 become columns like all others. */
  get intake(): V5Intake | undefined {
    return this.#packing.intake
  }

  flush(): void {
    this.#fill(this.#packing.submit())
  }

  #fill({ batch, v5 }: GatheredRows): void {
    this.batch = batch
    this.v5 = v5
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
    this.#packing.drain()
    this.quarantine.flush()
    return [...this.#flows.finish(), ...this.#quarantined.finish()]
  }

  /** Ends the threads, and gives kernel memory back. */
  close(): void {
    this.#packing.close()
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
