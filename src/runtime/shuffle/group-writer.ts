import type { RecordSink } from './cursor.ts'
import type { RunFile, RunHeader } from './run-file.ts'
import { sharesOf } from './run-file.ts'
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

  /** Closes the file; it can be read from now on. */
  finish(): RunFile {
    return this.#writer.finish(this.sections * this.#partitions * (this.#shares + 1))
  }

  /** Closes and removes the file of an attempt that failed; does nothing after `finish`. */
  abandon(): void {
    this.#writer.abandon()
  }
}
