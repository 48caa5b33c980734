import type { RecordSink } from '../shuffle/cursor.ts'
import { FRAME_BYTES } from '../shuffle/run-file.ts'
import type { FoldMemory } from './fold-memory.ts'
import { PARTITION_SEED } from './hash.ts'
import { sortByWords } from './sort.ts'
import type { WordPacker } from './word-packer.ts'

/** Takes whole frames of records, where records need not be looked at. */
export interface FrameSink extends RecordSink {
  /** Appends `records` records, encoded as they stand in a frame, of one partition. */
  appendFrame(partition: number, frame: Uint8Array, records: number): void
}

/** Most aggregates whose states a kernel writes: payloads stay below 128 bytes. */
export const MAX_PARTS = 12

/** Longest record of a fold table: two lengths, key and payload. */
const MAX_RECORD = 256

/** Writes the entries of a fold memory, in order of partition and key, as records: a kernel makes whole frames of them. */
export class FoldRecords {
  readonly #fold: FoldMemory
  readonly #sink: RecordSink | FrameSink
  readonly #mark: number
  readonly #slots: Uint32Array
  /** End of each partition among the slots. */
  readonly #ends: Uint32Array
  readonly #programAt: number
  readonly #frameAt: number

  /** `parts` says for each aggregate which sum it writes, -1 for the number of rows. What is taken of the memory is given back by `close`. */
  constructor(
    fold: FoldMemory,
    packer: WordPacker,
    parts: readonly number[],
    { sink, partitions }: { readonly sink: RecordSink; readonly partitions: number },
  ) {
    const { memory, kernels } = fold
    this.#fold = fold
    this.#sink = sink
    this.#mark = memory.mark
    const keyParts = packer.byteParts()
    const payloadParts = parts.map((sum) => (sum < 0 ? 0 : -2 - sum))
    const program = Int32Array.from([keyParts.length, parts.length, ...keyParts.flat(), ...payloadParts])
    this.#programAt = memory.allocate(program.byteLength)
    new Int32Array(memory.memory.buffer, this.#programAt, program.length).set(program)
    this.#frameAt = memory.allocate(FRAME_BYTES + MAX_RECORD)
    const slotsAt = memory.allocate(fold.length * 4 + 4)
    kernels.listEntries(fold.tableAt, fold.capacity, fold.strideBytes, fold.countAt, slotsAt)
    this.#slots = new Uint32Array(memory.memory.buffer, slotsAt, fold.length)
    if (!packer.isDirect) sortByWords(this.#slots, fold.words, packer.width, fold.strideBytes / 4)
    this.#ends = new Uint32Array(partitions).fill(fold.length)
    if (partitions > 1) this.#sortByPartition(partitions)
  }

  get length(): number {
    return this.#slots.length
  }

  slot(at: number): number {
    return this.#slots[at]!
  }

  /** Whether entry number `at` belongs to a partition before `partition` (negative), to it, or to one behind. */
  comparePartition(at: number, partition: number): number {
    if (at >= this.#ends[partition]!) return 1
    return partition > 0 && at < this.#ends[partition - 1]! ? -1 : 0
  }

  /** Writes entries [from, to) of the order. */
  write(from: number, to: number): void {
    let partition = 0
    for (let at = from; at < to; ) {
      while (at >= this.#ends[partition]!) partition++
      at += this.#writeFrame(partition, at, Math.min(to, this.#ends[partition]!))
    }
  }

  close(): void {
    this.#fold.memory.release(this.#mark)
  }

  #writeFrame(partition: number, from: number, to: number): number {
    const { kernels, memory, tableAt, strideBytes, countAt } = this.#fold
    const slotsAt = this.#slots.byteOffset + from * 4
    const length = kernels.writeRecords(
      ...([slotsAt, to - from, tableAt, strideBytes, countAt, this.#programAt, this.#frameAt, FRAME_BYTES] as const),
    )
    const frame = memory.bytes(this.#frameAt, length)
    const records = kernels.recordsWritten()
    if ('appendFrame' in this.#sink) this.#sink.appendFrame(partition, frame, records)
    else appendEach(this.#sink, partition, frame)
    return records
  }

  /** Orders the slots by their partition, keeping the order within each. */
  #sortByPartition(partitions: number): void {
    const { kernels, memory, tableAt, strideBytes } = this.#fold
    const slots = this.#slots
    const mark = memory.mark
    const ofAt = memory.allocate(slots.length * 2)
    const of = new Uint16Array(memory.memory.buffer, ofAt, slots.length)
    kernels.partitionSlots(
      ...([slots.byteOffset, slots.length, tableAt, strideBytes, this.#programAt] as const),
      ...([this.#frameAt, PARTITION_SEED, partitions, ofAt] as const),
    )
    const ends = this.#ends.fill(0)
    for (let i = 0; i < of.length; i++) ends[of[i]!]!++
    for (let partition = 0, start = 0; partition < partitions; partition++) {
      const count = ends[partition]!
      ends[partition] = start
      start += count
    }
    const before = slots.slice()
    for (let i = 0; i < of.length; i++) slots[ends[of[i]!]!++] = before[i]!
    memory.release(mark)
  }
}

/** Hands on the records of a frame one by one; their lengths are single bytes. */
function appendEach(sink: RecordSink, partition: number, frame: Uint8Array): void {
  for (let at = 0; at < frame.length; ) {
    const key = at + 2
    const payload = key + frame[at]!
    const end = payload + frame[at + 1]!
    sink.append(partition, frame, key, payload, frame, payload, end)
    at = end
  }
}
