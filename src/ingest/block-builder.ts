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

/** A block that is stored while it grows. */
export interface GrowingBlock {
  /** Takes a piece, and gives memory for the next (`BlockEncoderOptions.onPiece`). */
  piece(bytes: Uint8Array): Uint8Array
  /** The block is complete: all its pieces have been given. */
  end(encoded: EncodedBlock): void
}

/** Begins to store a block; `firstReceivedMs` is the arrival of its first row. */
export type BeginBlock = (dataset: string, firstReceivedMs: number) => GrowingBlock

export interface BlockBuilderOptions {
  readonly dataset: string
  /** Name of the Avro record. */
  readonly name: string
  /** They include `received`. */
  readonly columns: readonly ColumnSpec[]
  readonly blockSizeBytes: number
  /** Where blocks are stored while they grow; without it they are kept whole until they are taken. */
  readonly begin?: BeginBlock | undefined
}

/** A block ends with the sync-block that makes it large enough, which rarely takes more than this. */
const LAST_BYTES = 1 << 20

/** Gathers rows of one dataset into blocks: each is ended by the batch with which it reaches `blockSizeBytes`. */
export class BlockBuilder {
  readonly #options: BlockBuilderOptions
  #encoder: BlockEncoder | undefined
  #firstReceivedMs = 0
  #growing: GrowingBlock | undefined
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
    const { dataset, name, columns, blockSizeBytes, begin } = this.#options
    this.#firstReceivedMs = firstReceivedMs
    const growing = begin?.(dataset, firstReceivedMs)
    const sizeBytes = blockSizeBytes + LAST_BYTES
    const place = growing ? { onPiece: (piece: Uint8Array) => growing.piece(piece) } : { sizeBytes }
    this.#growing = growing
    this.#encoder = new BlockEncoder({ name, columns, ...place })
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
    if (this.#growing) this.#growing.end(encoded)
    else this.#finished.push({ dataset: this.#options.dataset, firstReceivedMs: this.#firstReceivedMs, encoded })
  }
}

/** Stores a block under a new key and returns the actions that make it live. */
export async function storeBlock(
  { dataset, firstReceivedMs, encoded }: FinishedBlock,
  { store, system, collector }: { store: ObjectStore; system: System; collector: string },
): Promise<Action[]> {
  const key = blockKey(dataset, firstReceivedMs, ulid(system))
  await store.write(key, encoded.bytes)
  return blockActions(dataset, encoded, key, collector)
}

/** The actions that make a stored block live. */
export function blockActions(
  dataset: string,
  { info, schema }: EncodedBlock,
  key: string,
  collector: string,
): Action[] {
  return [
    { type: 'addDataset', dataset },
    { type: 'addSchema', schemaId: info.schemaId, schema },
    { type: 'addBlock', dataset, block: { ...info, key, collector } },
  ]
}
