import type { RecordSink } from './cursor.ts'
import type { RunFile, RunHeader } from './run-file.ts'
import { sharesOf, sketchSlices } from './run-file.ts'
import { RunWriter } from './run-writer.ts'

/** Where a table writes its groups: a section of a run file of content `groups`. */
export interface GroupSection {
  readonly partitions: number
  /** Slices of entries: the same number for each partition. */
  readonly slices: number
  /** Appends the entries of slices, in order. */
  appendEntries(slices: readonly SliceEntries[]): void
  /** Takes the records of the section, after its entries; `overlaps` says whether their keys may be among entries too. */
  records(overlaps: boolean): RecordSink
}

/** Entries of a slice. */
export interface SliceEntries {
  readonly slice: number
  /** They have room for their prefix in front. */
  readonly frames: readonly Uint8Array[]
  /** No sum of theirs is above this, but for rounding. */
  readonly total: number
}

/** A sketch of all entries of a file (run-file.ts). */
export interface SketchParts {
  /** So many for each slice of entries, one slice after the other; none when there are so few entries that they are not worth it. */
  readonly counters: Float64Array
  readonly perSlice: number
  /** Entries that have much. */
  readonly heavy: Uint8Array
}

/** Writes a run file of content `groups`, a section each time a table is written out. */
export class GroupWriter {
  /** Sections written. */
  sections = 0
  readonly #writer: RunWriter
  readonly #partitions: number
  readonly #shares: number
  readonly #entryBytes: number

  constructor(path: string, header: RunHeader & { readonly entryBytes: number }) {
    this.#shares = sharesOf(header.partitions)
    this.#writer = new RunWriter(path, { ...header, shares: this.#shares })
    this.#partitions = header.partitions
    this.#entryBytes = header.entryBytes
  }

  /** The next section, to be written whole before another is asked for. */
  section(): GroupSection {
    const writer = this.#writer
    const partitions = this.#partitions
    const entryBytes = this.#entryBytes
    const slices = partitions * this.#shares
    const first = this.sections++ * (slices + partitions)
    return {
      partitions,
      slices,
      appendEntries(of) {
        for (const { slice, frames, total } of of) {
          writer.appendFrames(first + slice, frames, entryBytes)
          writer.annotate(first + slice, { total })
        }
        writer.flush()
      },
      records(overlaps) {
        let last = -1
        return {
          append(partition, key, keyStart, keyEnd, payload, payloadStart, payloadEnd) {
            const slice = first + slices + partition
            writer.append(slice, key, keyStart, keyEnd, payload, payloadStart, payloadEnd)
            if (overlaps && partition !== last) writer.annotate(slice, { overlaps })
            last = partition
          },
        }
      },
    }
  }

  /** Closes the file, with a sketch where its header says that there is one; it can be read from now on. */
  finish(sketch?: SketchParts): RunFile {
    const slices = this.sections * this.#partitions * (this.#shares + 1)
    if (!sketch) return this.#writer.finish(slices)
    const { counters, heavy } = sketch
    const length = counters.length / this.#partitions
    for (let partition = 0; partition < this.#partitions; partition++) {
      const part = counters.subarray(partition * length, (partition + 1) * length)
      this.#writer.appendAll(slices + partition, bytesOf(part), length)
    }
    this.#writer.appendAll(slices + this.#partitions, heavy, heavy.length / this.#entryBytes)
    return this.#writer.finish(slices + sketchSlices(this.#partitions))
  }

  /** Closes and removes the file of an attempt that failed; does nothing after `finish`. */
  abandon(): void {
    this.#writer.abandon()
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
