import { sketchSlices } from '../shuffle/run-file.ts'
import type { RunReader } from '../shuffle/run-reader.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import type { SourceReaders } from '../shuffle/source-readers.ts'
import type { EntrySlice } from './entry-slices.ts'

/** Part of the bytes of entries that is worth reading for a bound. */
const HEAVY_SHARE = 1 / 8

/** The number of the first slice of the sketch of a file, if it has one. */
export const sketchAt = ({ header, slices }: Pick<RunReader, 'header' | 'slices'>): number | undefined =>
  header.counters === undefined ? undefined : slices.length - sketchSlices(header.partitions)

/** Frames of entries that have much, of all partitions: of any key no more than it has. Those of as many files are read as are worth it, for so many bytes of entries. */
export function* heavyFrames(
  sources: readonly RunSource[],
  readers: SourceReaders,
  entryBytes: number,
): Generator<Uint8Array, void, undefined> {
  let left = entryBytes * HEAVY_SHARE
  for (const source of sources) {
    const reader = readers.of(source)
    const at = sketchAt(reader)
    if (at === undefined) continue
    const slice = at + reader.header.partitions
    left -= reader.slices[slice]!.length
    if (left < 0) return
    yield* reader.frames(slice)
  }
}

/** The slices of the shares in which a key may have `least` in the number that sketches are of: those with a counter that comes to as much in all files. What a file without counters has counts for each. */
export function slicesWith(
  least: number,
  slices: readonly EntrySlice[],
  readers: SourceReaders,
): readonly EntrySlice[] {
  const most = new Map<number, Float64Array>()
  for (const [source, of] of bySource(slices)) {
    const counters = new CounterReader(readers.of(source))
    const counted = new Set<number>()
    for (const { share, total } of of) {
      const known = counters.of(share)
      const sums = most.get(share) ?? new Float64Array(counters.perShare)
      most.set(share, sums)
      if (!known) for (let i = 0; i < sums.length; i++) sums[i]! += total
      else if (!counted.has(share)) for (let i = 0; i < sums.length; i++) sums[i]! += known[i]!
      counted.add(share)
    }
  }
  return slices.filter(({ share }) => most.get(share)!.some((sum) => sum >= least))
}

function bySource(slices: readonly EntrySlice[]): ReadonlyMap<RunSource, readonly EntrySlice[]> {
  const sources = new Map<RunSource, EntrySlice[]>()
  for (const slice of slices) {
    const known = sources.get(slice.source)
    if (known) known.push(slice)
    else sources.set(slice.source, [slice])
  }
  return sources
}

/** The counters of a file, read a partition at a time. */
class CounterReader {
  readonly perShare: number
  readonly #reader: RunReader
  readonly #shares: number
  readonly #partitions = new Map<number, Float64Array>()

  constructor(reader: RunReader) {
    const { shares = 1, counters = 1 } = reader.header
    this.#reader = reader
    this.#shares = shares
    this.perShare = counters
  }

  /** Those of a share of all keys; undefined when the file has none. */
  of(share: number): Float64Array | undefined {
    const partition = Math.floor(share / this.#shares)
    const known = this.#partitions.get(partition) ?? this.#read(partition)
    this.#partitions.set(partition, known)
    if (known.length === 0) return undefined
    const first = (share % this.#shares) * this.perShare
    return known.subarray(first, first + this.perShare)
  }

  #read(partition: number): Float64Array {
    const at = sketchAt(this.#reader)
    if (at === undefined) return new Float64Array(0)
    const bytes = new Uint8Array(this.#reader.slices[at + partition]!.records * 8)
    let filled = 0
    for (const frame of this.#reader.frames(at + partition)) {
      bytes.set(frame, filled)
      filled += frame.length
    }
    return new Float64Array(bytes.buffer)
  }
}
