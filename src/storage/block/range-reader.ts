import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { BlockSource, ByteRange, OpenObject } from '../store.ts'

/** Reads the ranges of one object that a `ByteRun` asks for, in order. */
export interface RangeReader {
  /** Ranges worth having under way while the bytes of one are worked on. */
  readonly ahead: number
  /** The bytes of a range, cut where the object ends: the caller's until it asks for the range `ahead + 1` later. */
  read(range: ByteRange): Promise<Uint8Array>
  /** What is left of the bytes before and those of the range behind them, as one. */
  join(rest: Uint8Array, bytes: Uint8Array): Uint8Array
}

/** Ranges as a source gives them, in memory that is not used again. */
export function sourceRanges(source: Pick<BlockSource, 'read'>, key: string, ahead = 1): RangeReader {
  return { ahead, read: (range) => source.read(key, range), join: (rest, bytes) => Buffer.concat([rest, bytes]) }
}

/** What may be left of the range before, a sync-block of usual size, is put in front of the next; more than that goes to memory of its own. */
const REST_BYTES = 1 << 20

export interface RangePlacesOptions {
  readonly object: OpenObject
  readonly memory: KernelMemory
  /** Of the longest range. */
  readonly rangeBytes: number
  readonly ahead: number
}

/** Reads ranges into places of kernel memory that it takes in turn, so that nothing is allocated for them and sync-blocks are unpacked where they were read. */
export class RangePlaces implements RangeReader {
  readonly ahead: number
  readonly #object: OpenObject
  readonly #memory: KernelMemory
  readonly #places: readonly number[]
  #next = 0
  /** The read that each place was last taken for. */
  readonly #underWay: Promise<unknown>[] = []

  constructor({ object, memory, rangeBytes, ahead }: RangePlacesOptions) {
    this.ahead = ahead
    this.#object = object
    this.#memory = memory
    this.#places = Array.from({ length: ahead + 1 }, () => memory.allocate(REST_BYTES + rangeBytes) + REST_BYTES)
  }

  /** What it takes of a memory. */
  static bytesNeeded(rangeBytes: number, ahead: number): number {
    return (ahead + 1) * (REST_BYTES + rangeBytes + 2 * SLACK)
  }

  read({ offset, length }: ByteRange): Promise<Uint8Array> {
    const place = this.#next++ % this.#places.length
    const at = this.#places[place]!
    const read = this.#object
      .readInto(this.#memory.bytes(at, length), offset)
      .then((filled) => this.#memory.bytes(at, filled))
    this.#underWay[place] = read
    return read
  }

  join(rest: Uint8Array, bytes: Uint8Array): Uint8Array {
    if (rest.length > REST_BYTES) return Buffer.concat([rest, bytes])
    const joined = this.#memory.bytes(bytes.byteOffset - rest.length, rest.length + bytes.length)
    joined.set(rest)
    return joined
  }

  /** Waits for what is under way, for its places are somebody else's afterwards, and lets go of the object. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#object.close()
  }
}
