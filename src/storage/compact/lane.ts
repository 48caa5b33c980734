import type { Column } from '../../flow/column.ts'
import { gatherColumn } from '../../flow/gather.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { loadKernels } from '../../kernels/load.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { BATCH_ROWS, RowDecoder } from '../avro/decoder.ts'
import { readBlock } from '../block/read.ts'
import { RowGroupEncoder } from '../parquet/row-group-encoder.ts'
import type { BlockSource } from '../store.ts'
import { arraysOf, rowBytesOf } from './column-arrays.ts'
import { describeGroup, type LaneGroup } from './lane-group.ts'
import type { ChunkRun } from './parts.ts'
import { RowPlacer } from './row-placer.ts'
import type { SharedRows } from './shared-rows.ts'

/** Bytes of a file from `offset` on, and where they lie in the shared memory. */
export interface Piece {
  readonly offset: number
  readonly at: number
  readonly length: number
}

/** Chunks to read, with the bytes of the file that they need. */
export interface ReadTask {
  readonly type: 'read'
  readonly run: ChunkRun
  readonly pieces: readonly Piece[]
}

/** A row group to encode: rows `[from, to)` of the order. */
export interface EncodeTask {
  readonly type: 'encode'
  readonly from: number
  readonly to: number
  /** Places in the shared memory of arrays that hold one value in all rows. */
  readonly constants: ReadonlySet<number>
  /** Memory for what comes of it, which the thread that encodes takes and returns with the result. */
  readonly room: Uint8Array<ArrayBuffer>
}

export type LaneTask = ReadTask | EncodeTask

/** What one thread does: reads runs of chunks into the shared rows, and encodes row groups from them. */
export class Lane {
  readonly #rows: SharedRows
  readonly #kernels: Kernels
  readonly #encoder: RowGroupEncoder
  readonly #decoder: RowDecoder
  readonly #placer: RowPlacer

  constructor(rows: SharedRows, index: number) {
    const memory = rows.lane(index)
    const { columns, schema } = rows.plan
    this.#rows = rows
    this.#kernels = loadKernels(memory)
    this.#encoder = new RowGroupEncoder(columns, memory, this.#kernels)
    const kernels: KernelInstance = { memory, kernels: this.#kernels, base: memory.mark, isPart: false }
    this.#placer = new RowPlacer(rows.batch, this.#kernels)
    this.#decoder = new RowDecoder({ schema, columns, capacity: BATCH_ROWS, kernels, place: rows.batch })
  }

  /** Throws `corrupt` as `readBlock` does. */
  async read({ run, pieces }: ReadTask): Promise<void> {
    const { memory } = this.#rows.plan
    const views = pieces.map(({ offset, at, length }) => ({ offset, bytes: new Uint8Array(memory.buffer, at, length) }))
    const source: BlockSource = { read: async (_key, range) => cut(views, range) }
    await readRun(run, { rows: this.#rows, source, placer: this.#placer, decoder: this.#decoder })
  }

  encode({ from, to, constants, room }: EncodeTask): LaneGroup {
    const { batch, order } = this.#rows
    const target = this.#encoder.batch
    const rows = order.subarray(from, to)
    for (const name in target.columns) this.#gather(batch.columns[name]!, rows, target.columns[name]!, constants)
    target.length = rows.length
    return describeGroup(this.#encoder.encode(room), target)
  }

  #gather(from: Column, rows: Uint32Array, to: Column, constants: ReadonlySet<number>): void {
    const targets = new Map(arraysOf(to))
    if (targets.size === 0) gatherColumn(from, rows, rows.length, to)
    for (const [part, array] of arraysOf(from)) {
      const target = targets.get(part)!
      if (constants.has(array.byteOffset)) target.fill(array[0]!, 0, rows.length)
      // Pages hold addresses of family 6 alone, but for nullable columns.
      else if (part !== 'v6' || to.valid || hasIPv6(to, rows.length))
        this.#gatherArray(array, rowBytesOf(part, array), rows, target)
    }
  }

  #gatherArray(from: ArrayBufferView, bytes: number, rows: Uint32Array, to: ArrayBufferView): void {
    const { gather8, gather16, gather32, gather64, gather128 } = this.#kernels
    const gather = { 1: gather8, 2: gather16, 4: gather32, 8: gather64, 16: gather128 }[bytes]!
    gather(from.byteOffset, rows.byteOffset, rows.length, to.byteOffset)
  }
}

export interface ReadRunOptions {
  readonly rows: SharedRows
  readonly source: BlockSource
  readonly placer: RowPlacer
  readonly decoder?: RowDecoder
}

const hasIPv6 = (column: Column, rows: number): boolean =>
  'family' in column && column.family.subarray(0, rows).includes(6)

/** Reads the chunks of a run into their rows. Throws as `readBlock` does. */
export async function readRun(
  { block, first, count, row }: ChunkRun,
  { rows, source, placer, decoder }: ReadRunOptions,
): Promise<void> {
  const { columns, schema } = rows.plan
  const chunks = { first, count }
  let at = row
  if (decoder) decoder.row = row
  const read = readBlock({ store: source, block, schema, columns, chunks, ...(decoder ? { decoder } : {}) })
  for await (const { batch } of read) {
    if (!decoder?.staysInPlace) placer.place(batch, at)
    at += batch.length
    if (decoder) decoder.row = at
  }
}

function cut(
  views: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
  range: { offset: number; length: number } | undefined,
): Uint8Array {
  const { offset, length } = range ?? { offset: 0, length: Number.POSITIVE_INFINITY }
  const view = views.find((one) => offset >= one.offset && offset + length <= one.offset + one.bytes.length)
  return view ? view.bytes.subarray(offset - view.offset, offset - view.offset + length) : new Uint8Array(0)
}
