import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLICES_WORDS, sliceAt } from '../../kernels/slices.ts'
import type { GroupSection, SketchParts } from '../shuffle/group-writer.ts'
import { FRAME_BYTES, FRAME_PREFIX } from '../shuffle/run-file.ts'
import type { EntryLayout } from './entry-layout.ts'
import { EntrySketch } from './entry-sketch.ts'
import type { FoldTarget, SliceTarget } from './fold-target.ts'

/** Part of the room for frames that are not full when the others are. */
const UNFILLED_SHARE = 1 / 8
/** Room for a slice so that its frames are not much smaller than their prefixes. */
const LEAST_SLICE_BYTES = 4096
/** Room for an entry, in entries: its place in a frame, the prefixes of frames, and frames that are not full. */
const ROOM_TIMES = 1.5
const ALIGNMENT = 16
/** Rows that become entries as they come before those are written out, at most. */
const APPENDED = 1 << 20
/** What kernels take for no limit of entries. */
const MOST_ENTRIES = 2 ** 31

export interface SliceFramesOptions {
  readonly memory: KernelMemory
  readonly kernels: Kernels
  readonly layout: EntryLayout
  /** Steps that write the canonical encoding of a key. */
  readonly keySteps: readonly number[]
  readonly slices: number
  /** Where in an entry the number stands by which a result is ordered, the largest first, of which only the first rows are wanted. */
  readonly largestAt?: number | undefined
}

/** Frames of a run file in kernel memory, into which entries go by slice as they come (assembly/slices.ts): they are written from where they lie. */
export class SliceFrames {
  /** Entries held. */
  length = 0
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #layout: EntryLayout
  readonly #slices: number
  readonly #stepsAt: number
  readonly #steps: number
  /** What kernels know of the slices. */
  readonly #at: number
  readonly #sketch: EntrySketch | undefined
  #framesAt = 0
  #frameBytes = 0
  #ownersAt = 0
  #capacity = 0

  constructor({ memory, kernels, layout, keySteps, slices, largestAt }: SliceFramesOptions) {
    this.#memory = memory
    this.#kernels = kernels
    this.#layout = layout
    this.#slices = slices
    this.#steps = keySteps.length
    this.#stepsAt = memory.allocate(keySteps.length * 4)
    this.#at = memory.allocate(sliceAt(0, slices))
    new Uint32Array(memory.memory.buffer, this.#stepsAt, keySteps.length).set(keySteps)
    if (largestAt !== undefined) this.#sketch = new EntrySketch(memory, layout.strideBytes, slices, largestAt)
  }

  /** What is known of the sums of all entries that were given away; nothing where nobody will ask. */
  get sketch(): SketchParts | undefined {
    return this.#sketch?.parts
  }

  /** Bytes that the sketch takes, if there is one. */
  static sketchBytes(
    { slices, largestAt }: Pick<SliceFramesOptions, 'slices' | 'largestAt'>,
    strideBytes: number,
  ): number {
    return largestAt === undefined ? 0 : EntrySketch.bytes(slices, strideBytes)
  }

  /** Bytes within which `slices` slices have room for `entries` entries of so many bytes. */
  static bytes(entries: number, strideBytes: number, slices: number): number {
    return entries * Math.ceil(strideBytes * ROOM_TIMES) + slices * LEAST_SLICE_BYTES
  }

  /** Begins anew, empty, in a room that is given. */
  open(start: number, end: number): void {
    const { strideBytes } = this.#layout
    const bytes = end - start - ALIGNMENT * 2
    const most = Math.min(FRAME_BYTES, (bytes * UNFILLED_SHARE) / this.#slices)
    const entries = Math.max(1, Math.floor(most / strideBytes))
    this.#frameBytes = FRAME_PREFIX + entries * strideBytes
    const frames = Math.floor(bytes / (this.#frameBytes + 2))
    this.#ownersAt = Math.ceil(start / ALIGNMENT) * ALIGNMENT
    this.#framesAt = this.#ownersAt + Math.ceil((frames * 2) / ALIGNMENT) * ALIGNMENT
    this.#capacity = (frames - this.#slices) * entries
    this.#clear()
  }

  /** Whether there is room for so many entries more, whatever their slices. */
  hasRoom(entries: number): boolean {
    return this.length + entries <= this.#capacity
  }

  /** Rows that may become entries as they come before those are written out. */
  get rowsLeft(): number {
    return Math.min(APPENDED, this.#capacity) - this.length
  }

  /** How kernels add rows as they come; `made` is room for the entries of a slice of them. */
  target(made: number): SliceTarget & Pick<FoldTarget, 'rowsLeft' | 'mostEntries'> {
    const { strideBytes: stride, numbersAt: numbers } = this.#layout
    const slices = { slices: this.#at, made, stride, numbers, program: this.#stepsAt, programSteps: this.#steps }
    return { ...slices, rowsLeft: this.rowsLeft, mostEntries: MOST_ENTRIES }
  }

  /** Adds entries, for which there is room. */
  add(entries: number, count: number): void {
    const { strideBytes, numbersAt } = this.#layout
    this.#kernels.slicesAdd(entries, count, strideBytes, numbersAt, this.#stepsAt, this.#steps, this.#at)
    this.length += count
  }

  /** Writes all entries to a section of a run file, and is empty. */
  writeTo(section: GroupSection): void {
    const { buffer } = this.#memory.memory
    const [taken = 0] = new Uint32Array(buffer, this.#at + 12, 1)
    const framesOf: Uint8Array[][] = Array.from({ length: this.#slices }, () => [])
    for (const [frame, slice] of new Uint16Array(buffer, this.#ownersAt, taken).entries())
      framesOf[slice]!.push(this.#memory.bytes(this.#framesAt + frame * this.#frameBytes, this.#frameBytes))
    const described = new Uint32Array(buffer, sliceAt(this.#at, 0), this.#slices * 4)
    const totals = new Float64Array(buffer, described.byteOffset, this.#slices * 2)
    section.appendEntries(
      framesOf.flatMap((frames, slice) => {
        const last = frames.pop()
        if (!last) return []
        frames.push(last.subarray(0, described[slice * 4]! - last.byteOffset))
        return { slice, frames, total: totals[slice * 2 + 1]! }
      }),
    )
    this.#clear()
  }

  #clear(): void {
    this.length = 0
    this.#memory.bytes(this.#at, sliceAt(0, this.#slices)).fill(0)
    const known = [this.#slices, this.#framesAt, this.#frameBytes, 0, this.#ownersAt, this.#sketch?.at ?? 0]
    new Uint32Array(this.#memory.memory.buffer, this.#at, SLICES_WORDS).set(known)
  }
}
