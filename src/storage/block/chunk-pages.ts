import { corrupt } from '../avro/codec.ts'
import { BATCH_ROWS, type RowDecoder } from '../avro/decoder.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import type { BlockBytes } from './block-bytes.ts'
import { isDamage } from './block-bytes.ts'
import { takeFrame } from './frame.ts'
import type { BlockDamage, BlockRows } from './read.ts'
import type { RowPages } from './row-pages.ts'

export interface ChunkPagesOptions {
  readonly block: BlockInfo
  readonly bytes: BlockBytes
  readonly decoder: RowDecoder
  readonly onCorrupt: ((damage: BlockDamage) => void) | undefined
}

/** What keeps a sync-block from being read: its frame, or what is in it. */
interface Fault {
  readonly error: unknown
  readonly isFramed: boolean
}

/**
 * The rows of one chunk of an Avro block, a sync-block after the other as far as their bytes are at hand. Damage inside a sync-block that is still framed by its marker costs that sync-block,
 * any other the rest of the chunk; either way the rows lost are those of the chunk that were not handed out. Where the store has another copy, that is read first.
 */
export class ChunkPages implements RowPages {
  done = 0
  readonly #options: ChunkPagesOptions
  readonly #chunk: ChunkInfo
  /** Number of the first record of the sync-block at hand within the block. */
  #firstRecord: number
  /** Records of the chunk before the sync-block at hand, and those handed out. */
  #seen = 0
  #handed = 0
  /** The sync-block at hand: where it begins, its records, those decoded, and where the next begins in its `#length` plain bytes. */
  #at = 0
  #records = 0
  #row = 0
  #next = 0
  #length = 0
  /** Rows of the page at hand. */
  #given = 0
  #fault: Fault | undefined
  /** The first damage that is told once the chunk is read. */
  #damage: { readonly offset: number; readonly error: StorageError } | undefined
  /** Whether the rest of the chunk cannot be read. */
  #isCut = false

  /** The run of the bytes stands at the chunk. */
  constructor(options: ChunkPagesOptions, chunk: ChunkInfo, firstRecord: number) {
    this.#options = options
    this.#chunk = chunk
    this.#firstRecord = firstRecord
  }

  /** Reads bytes, those of another copy where there is damage, until there is a page; false behind the last, after telling what damage there is or throwing it. */
  async ready(): Promise<boolean> {
    this.done = 0
    while (this.#row === this.#records || this.#fault) {
      if (this.#fault) await this.#mend(this.#fault)
      else if (this.#isOver) return this.#finish()
      else if (!this.#load() && !this.#fault) await this.#readOn()
    }
    return true
  }

  next(): BlockRows | undefined {
    this.done += this.#given
    this.#given = 0
    while (this.#row === this.#records) if (this.#fault || this.#isOver || !this.#load()) return undefined
    return this.#fault ? undefined : this.#decode()
  }

  complete(): boolean {
    return true
  }

  get #isOver(): boolean {
    const [offset, length] = this.#chunk
    return this.#isCut || this.#options.bytes.run.position >= offset + length
  }

  /** Unpacks the next sync-block; false when there is a fault or more bytes are needed. */
  #load(): boolean {
    const { bytes, decoder } = this.#options
    const [offset, length, records] = this.#chunk
    this.#leave()
    this.#at = bytes.run.position
    let isFramed = false
    try {
      const frame = takeFrame(bytes.run, offset + length, bytes.header.sync)
      if (!frame) return false
      const left = records - this.#seen
      if (frame.records > left) throw corrupt(`at most ${left} records`, String(frame.records))
      isFramed = true
      this.#records = frame.records
      this.#length = decoder.load(bytes.header.codec, frame.data)
      if (frame.records > this.#length) throw corrupt(`${frame.records} records`, `${this.#length} bytes`)
      return true
    } catch (error) {
      this.#fault = { error, isFramed }
      return false
    }
  }

  #decode(): BlockRows | undefined {
    const { decoder } = this.#options
    const rows = Math.min(BATCH_ROWS, this.#records - this.#row)
    try {
      this.#next = decoder.decode(this.#next, rows)
      if (this.#row + rows === this.#records && this.#next !== this.#length)
        throw corrupt(`rows of ${this.#length} bytes`, String(this.#next))
    } catch (error) {
      this.#fault = { error, isFramed: true }
      return undefined
    }
    const firstRecord = this.#firstRecord + this.#row
    this.#given = rows
    this.#row += rows
    this.#handed += rows
    return { batch: decoder.batch, firstRecord }
  }

  /** Lets go of the sync-block at hand: what comes next lies behind it. */
  #leave(): void {
    this.#seen += this.#records
    this.#firstRecord += this.#records
    this.#records = 0
    this.#row = 0
    this.#next = 0
  }

  async #readOn(): Promise<void> {
    try {
      await this.#options.bytes.run.more()
    } catch (error) {
      this.#fault = { error, isFramed: false }
    }
  }

  /** Goes on with another copy from the sync-block at hand on, when that may be better; otherwise without that sync-block, or without the rest of the chunk. */
  async #mend({ error, isFramed }: Fault): Promise<void> {
    this.#fault = undefined
    if (this.#row === 0 && isDamage(error) && (await this.#options.bytes.mend(this.#at))) {
      this.#records = 0
      return
    }
    this.#note(error, this.#at)
    this.#isCut = !isFramed
    this.#leave()
  }

  #note(error: unknown, offset: number): void {
    const { block, onCorrupt } = this.#options
    const located = locate(error, block.key, offset)
    if (!onCorrupt) throw located
    this.#damage ??= { offset, error: located }
  }

  #finish(): false {
    const { block, onCorrupt } = this.#options
    const [offset, , records] = this.#chunk
    this.#leave()
    if (this.#seen !== records && !this.#damage)
      this.#note(corrupt(`${records} records in the chunk`, String(this.#seen)), offset)
    if (this.#damage) onCorrupt?.({ key: block.key, records: records - this.#handed, ...this.#damage })
    return false
  }
}

/** Adds block and position to what is wrong with its bytes; any other error is passed on. */
export function locate(error: unknown, key: string, offset: number): StorageError {
  if (!isDamage(error)) throw error
  const reason = error.message.replace(/^storage: /, '')
  return new StorageError('corrupt', `storage: block ${key} at byte ${offset}: ${reason}`, { key, offset }, error)
}
