import { crc32 } from 'node:zlib'
import type { ColumnSpec } from '../../flow/column.ts'
import { schemaId } from '../../flow/schema.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { loadKernels } from '../../kernels/kernels.ts'
import { BlockStatistics, lastTime } from '../block/statistics.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import { openObject } from '../open-object.ts'
import { ParquetEncoder } from '../parquet/encode-block.ts'
import { ROW_GROUP_ROWS } from '../parquet/rows.ts'
import type { ObjectStore } from '../store.ts'
import { Crew } from './crew.ts'
import type { LaneGroup, Piece } from './lane.ts'
import { readRun } from './lane.ts'
import type { ChunkRun, Part } from './parts.ts'
import { RUN_BYTES } from './parts.ts'
import { SharedRows } from './shared-rows.ts'

/** A run and the header of its block. */
const RAW_BYTES = RUN_BYTES + (64 << 10)

/** A finished Parquet block. */
export interface MadeBlock {
  readonly bytes: Uint8Array
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
  /** `received` of its first flow; 0 when there is none. */
  readonly firstReceived: number
}

export interface BlockMakerOptions {
  readonly store: ObjectStore
  readonly columns: readonly ColumnSpec[]
  /** The most rows of a part. */
  readonly capacity: number
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
  /** Memory for the bytes of runs that no thread has at the moment. */
  readonly #raw: SharedArrayBuffer[] = []

  constructor(options: BlockMakerOptions) {
    const { columns, capacity, threads } = options
    this.#options = options
    this.#rows = SharedRows.create({ columns, capacity, lanes: threads })
    this.#kernels = loadKernels(this.#rows.lane(0))
    this.#crew = new Crew(this.#rows, threads)
  }

  /** Makes one block; `schema` is that of the Avro blocks, `target` that of the new one. Throws as `readBlock` does. */
  async make(part: Part, schema: unknown, target: unknown): Promise<MadeBlock> {
    await waitForAll(part.runs.map((run) => this.#crew.when(() => this.#read(run, schema))))
    this.#sort(part.records)
    const constants = this.#rows.constants(part.records)
    const starts = Array.from({ length: Math.ceil(part.records / ROW_GROUP_ROWS) }, (_, i) => i * ROW_GROUP_ROWS)
    const groups = await waitForAll(
      starts.map((from) =>
        this.#crew.when(() =>
          this.#crew.encode({ type: 'encode', from, to: Math.min(from + ROW_GROUP_ROWS, part.records), constants }),
        ),
      ),
    )
    const { received } = this.#rows.batch.columns
    const first = this.#rows.order[0] ?? 0
    const firstReceived = received?.type === 'instant' && part.records > 0 ? received.values[first]! : 0
    return { ...assemble(groups, this.#options.columns, target), firstReceived }
  }

  close(): Promise<void> {
    return this.#crew.close()
  }

  /** Has a run of chunks read by a thread; what that cannot read is read again here, where the store may have a better copy. */
  async #read(run: ChunkRun, schema: unknown): Promise<void> {
    const { store } = this.#options
    const headerLength = run.block.chunks[0]![0]
    const raw = this.#takeRaw(headerLength + run.length)
    try {
      const pieces = await load(store, run, raw)
      await this.#crew.read({ type: 'read', run, schema, pieces })
    } catch {
      await readRun(run, { schema, rows: this.#rows, source: store })
    } finally {
      this.#raw.push(raw)
    }
  }

  /** Shared memory for the bytes of a run, that of an earlier one where it is large enough. */
  #takeRaw(sizeBytes: number): SharedArrayBuffer {
    const at = this.#raw.findIndex((raw) => raw.byteLength >= sizeBytes)
    const [raw = new SharedArrayBuffer(Math.max(sizeBytes, RAW_BYTES))] = at < 0 ? [] : this.#raw.splice(at, 1)
    return raw
  }

  #sort(records: number): void {
    const { batch, order, scratch } = this.#rows
    const { start } = batch.columns
    if (start?.type === 'instant') this.#kernels.timeOrder(start.values.byteOffset, records, order.byteOffset, scratch)
    else for (let row = 0; row < records; row++) order[row] = row
  }
}

/** Reads the header of a block and the chunks of a run into `raw`, one behind the other as far as they are there. */
async function load(store: ObjectStore, { block, offset, length }: ChunkRun, raw: SharedArrayBuffer): Promise<Piece[]> {
  const headerLength = block.chunks[0]![0]
  const bytes = new Uint8Array(raw, 0, headerLength + length)
  const object = await openObject(store, block.key)
  try {
    if (offset === headerLength) return [{ offset: 0, bytes: bytes.subarray(0, await object.readInto(bytes, 0)) }]
    const header = bytes.subarray(0, headerLength)
    const chunks = bytes.subarray(headerLength)
    return [
      { offset: 0, bytes: header.subarray(0, await object.readInto(header, 0)) },
      { offset, bytes: chunks.subarray(0, await object.readInto(chunks, offset)) },
    ]
  } finally {
    await object.close()
  }
}

function assemble(
  groups: readonly LaneGroup[],
  columns: readonly ColumnSpec[],
  schema: unknown,
): Omit<MadeBlock, 'firstReceived'> {
  const file = new ParquetEncoder({ columns, schema: JSON.stringify(schema) })
  const statistics = new BlockStatistics()
  const chunks = groups.map(({ group, span, exporters, samplingUnknown }): ChunkInfo => {
    statistics.addSpan(span)
    statistics.samplingUnknown += samplingUnknown
    for (const exporter of exporters) statistics.addExporter(exporter)
    statistics.takeSpan()
    const { offset, length } = file.add(group)
    return [offset, length, group.rows, span.minStart, lastTime(span)]
  })
  const bytes = file.finish()
  const info = {
    format: 'parquet',
    sizeBytes: bytes.length,
    records: groups.reduce((sum, { group }) => sum + group.rows, 0),
    crc32: crc32(bytes),
    schemaId: schemaId(schema),
    ...statistics.whole,
    exporters: statistics.exporters(),
    samplingUnknown: statistics.samplingUnknown,
    chunks,
  } as const
  return { bytes, info }
}

/** All results, or the first error, once every task has come to an end, so that none works on while its rows are used again. */
async function waitForAll<Result>(tasks: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(tasks)
  return Promise.all(tasks)
}
