import type { Batch } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { BlockEncoder, type EncodedBlock } from '../storage/block/encode.ts'
import { blockKey } from '../storage/block/keys.ts'
import type { Action } from '../storage/manifest/actions.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import { ulid } from '../storage/ulid.ts'
import type { GatheredRows, PackedGathered } from './encode/gathered-rows.ts'

/** A block that has not been stored yet. */
export interface FinishedBlock {
  readonly dataset: string
  /** Arrival of its first row, milliseconds: where its key begins. */
  readonly firstReceivedMs: number
  readonly encoded: EncodedBlock
}

export interface BlockBuilderOptions {
  readonly dataset: string
  /** Name of the Avro record. */
  readonly name: string
  /** They include `received`. */
  readonly columns: readonly ColumnSpec[]
  readonly blockSizeBytes: number
}

/** A block ends with the sync-block that makes it large enough, which rarely takes more than this. */
const LAST_BYTES = 1 << 20

/** Gathers rows of one dataset into blocks: each is ended by the batch with which it reaches `blockSizeBytes`. */
export class BlockBuilder {
  readonly #options: BlockBuilderOptions
  #encoder: BlockEncoder | undefined
  #firstReceivedMs = 0
  #finished: FinishedBlock[] = []

  constructor(options: BlockBuilderOptions) {
    this.#options = options
  }

  /** Appends the rows of a batch, which is free again when this returns. */
  add(batch: Batch): void {
    if (batch.length === 0) return
    const received = batch.columns.received
    this.#open(received?.type === 'instant' ? received.values[0]! : 0).add(batch)
    this.#endFull()
  }

  /** Appends rows that were packed elsewhere. */
  addPacked(rows: GatheredRows, packed: PackedGathered): void {
    this.#open(rows.firstReceivedMs).addPacked(rows.length, packed, (statistics) => rows.describe(statistics, packed))
    this.#endFull()
  }

  #open(firstReceivedMs: number): BlockEncoder {
    if (this.#encoder) return this.#encoder
    const { name, columns, blockSizeBytes } = this.#options
    this.#firstReceivedMs = firstReceivedMs
    this.#encoder = new BlockEncoder({ name, columns, sizeBytes: blockSizeBytes + LAST_BYTES })
    return this.#encoder
  }

  #endFull(): void {
    if (this.sizeBytes >= this.#options.blockSizeBytes) this.#end()
  }

  /** Size of the block under construction. */
  get sizeBytes(): number {
    return this.#encoder?.sizeBytes ?? 0
  }

  /** Blocks have been ended and not taken. */
  get full(): boolean {
    return this.#finished.length > 0
  }

  /** Takes the blocks that have been ended. */
  take(): FinishedBlock[] {
    const finished = this.#finished
    this.#finished = []
    return finished
  }

  /** Ends the block under construction as well, and takes all. */
  finish(): FinishedBlock[] {
    this.#end()
    return this.take()
  }

  #end(): void {
    if (!this.#encoder) return
    const encoded = this.#encoder.finish()
    this.#encoder = undefined
    this.#finished.push({ dataset: this.#options.dataset, firstReceivedMs: this.#firstReceivedMs, encoded })
  }
}

/** Stores a block under a new key and returns the actions that make it live. */
export async function storeBlock(
  { dataset, firstReceivedMs, encoded }: FinishedBlock,
  { store, system, collector }: { store: ObjectStore; system: System; collector: string },
): Promise<Action[]> {
  const key = blockKey(dataset, firstReceivedMs, ulid(system))
  await store.write(key, encoded.bytes)
  return [
    { type: 'addDataset', dataset },
    { type: 'addSchema', schemaId: encoded.info.schemaId, schema: encoded.schema },
    { type: 'addBlock', dataset, block: { ...encoded.info, key, collector } },
  ]
}
