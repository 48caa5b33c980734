import type { ColumnSpec } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { loadKernels } from '../../kernels/load.ts'
import { openObject } from '../open-object.ts'
import { RowGroupEncoder } from '../parquet/row-group-encoder.ts'
import { ROW_GROUP_ROWS } from '../parquet/rows.ts'
import type { ObjectStore } from '../store.ts'
import type { AssembledBlock } from './assemble.ts'
import { assembleBlock } from './assemble.ts'
import { Crew } from './crew.ts'
import type { Piece } from './lane.ts'
import { readRun } from './lane.ts'
import type { ChunkRun, Part } from './parts.ts'
import { RowPlacer } from './row-placer.ts'
import { SharedRows } from './shared-rows.ts'

/** A finished Parquet block. */
export interface MadeBlock extends AssembledBlock {
  /** `received` of its first flow; 0 when there is none. */
  readonly firstReceived: number
  /** Gives its memory back for further blocks. */
  release(): void
}

export interface BlockMakerOptions {
  readonly store: ObjectStore
  readonly columns: readonly ColumnSpec[]
  /** That of the Avro blocks, and that of the new ones. */
  readonly schema: unknown
  readonly target: unknown
  /** All parts that there will be. */
  readonly parts: readonly Part[]
  readonly threads: number
}

/**
 * Makes Parquet blocks from parts: their chunks are read into rows that all threads share, put in order of time, and encoded a row group at a time. The bytes do not
 * depend on the number of threads.
 */
export class BlockMaker {
  readonly #options: BlockMakerOptions
  readonly #rows: SharedRows
  readonly #kernels: Kernels
  readonly #crew: Crew
  /** Places for the bytes of runs that no thread has at the moment. */
  readonly #places: number[]
  /** Memory for row groups that no thread has at the moment. */
  readonly #rooms: Uint8Array<ArrayBuffer>[] = []

  constructor(options: BlockMakerOptions) {
    const { columns, schema, parts, threads } = options
    this.#options = options
    const capacity = Math.max(1, ...parts.map(({ records }) => records))
    const runBytes = Math.max(0, ...parts.flatMap(({ runs }) => runs.map(bytesOf)))
    this.#rows = SharedRows.create({ columns, schema, capacity, lanes: threads, runBytes })
    this.#places = [...this.#rows.runs]
    this.#kernels = loadKernels(this.#rows.lane(0))
    this.#crew = new Crew(this.#rows, threads)
  }

  /** Makes the block of a part. Throws as `readBlock` does. */
  async make(part: Part): Promise<MadeBlock> {
    await waitForAll(part.runs.map((run) => this.#crew.when(() => this.#read(run))))
    this.#sort(part.records)
    const constants = this.#rows.constants(part.records)
    const starts = Array.from({ length: Math.ceil(part.records / ROW_GROUP_ROWS) }, (_, i) => i * ROW_GROUP_ROWS)
    const groups = await waitForAll(
      starts.map((from) =>
        this.#crew.when(() => {
          const to = Math.min(from + ROW_GROUP_ROWS, part.records)
          const room = this.#rooms.pop() ?? RowGroupEncoder.room(ROW_GROUP_ROWS)
          return this.#crew.encode({ type: 'encode', from, to, constants, room })
        }),
      ),
    )
    const { received } = this.#rows.batch.columns
    const first = this.#rows.order[0] ?? 0
    const firstReceived = received?.type === 'instant' && part.records > 0 ? received.values[first]! : 0
    const { columns, target } = this.#options
    const release = (): void => void this.#rooms.push(...groups.map(({ group }) => new Uint8Array(group.bytes.buffer)))
    return { ...assembleBlock(groups, { columns, schema: target }), firstReceived, release }
  }

  close(): Promise<void> {
    return this.#crew.close()
  }

  /** Has a run of chunks read by a thread; what that cannot read is read again here, where the store may have a better copy. */
  async #read(run: ChunkRun): Promise<void> {
    const { store } = this.#options
    const at = this.#places.pop()! // one for each run that is read at once
    try {
      const pieces = await load(store, run, this.#rows.bytes(at, bytesOf(run)))
      await this.#crew.read({ type: 'read', run, pieces })
    } catch {
      await readRun(run, { rows: this.#rows, source: store, placer: new RowPlacer(this.#rows.batch, this.#kernels) })
    } finally {
      this.#places.push(at)
    }
  }

  #sort(records: number): void {
    const { batch, order, scratch } = this.#rows
    const { start } = batch.columns
    if (start?.type === 'instant') this.#kernels.timeOrder(start.values.byteOffset, records, order.byteOffset, scratch)
    else for (let row = 0; row < records; row++) order[row] = row
  }
}

/** Bytes of a run with the header of its block. */
const bytesOf = ({ block, length }: ChunkRun): number => block.chunks[0]![0] + length

/** Reads the header of a block and the chunks of a run into `bytes`, one behind the other as far as they are there. */
async function load(store: ObjectStore, { block, offset }: ChunkRun, bytes: Uint8Array): Promise<Piece[]> {
  const headerLength = block.chunks[0]![0]
  const object = await openObject(store, block.key)
  const read = async (part: Uint8Array, from: number): Promise<Piece> => {
    return { offset: from, at: part.byteOffset, length: await object.readInto(part, from) }
  }
  try {
    if (offset === headerLength) return [await read(bytes, 0)]
    return [await read(bytes.subarray(0, headerLength), 0), await read(bytes.subarray(headerLength), offset)]
  } finally {
    await object.close()
  }
}

/** All results, or the first error, once every task has come to an end, so that none works on while its rows are used again. */
async function waitForAll<Result>(tasks: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(tasks)
  return Promise.all(tasks)
}
