import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { copyColumn } from '../../flow/copy.ts'
import { gatherColumn } from '../../flow/gather.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { loadKernels } from '../../kernels/kernels.ts'
import { readBlock } from '../block/read.ts'
import type { TimeSpan } from '../block/statistics.ts'
import { BlockStatistics } from '../block/statistics.ts'
import type { EncodedGroup } from '../parquet/row-group-encoder.ts'
import { RowGroupEncoder } from '../parquet/row-group-encoder.ts'
import type { BlockSource } from '../store.ts'
import type { ChunkRun } from './parts.ts'
import type { NumberArray, SharedRows } from './shared-rows.ts'

/** Bytes of a file from `offset` on. */
export interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Chunks to read, with the bytes of the file that they need. */
export interface ReadTask {
  readonly type: 'read'
  readonly run: ChunkRun
  readonly schema: unknown
  readonly pieces: readonly Piece[]
}

/** A row group to encode: rows `[from, to)` of the order. */
export interface EncodeTask {
  readonly type: 'encode'
  readonly from: number
  readonly to: number
  /** Places in the shared memory of arrays that hold one value in all rows. */
  readonly constants: ReadonlySet<number>
}

export type LaneTask = ReadTask | EncodeTask

/** A row group and what the manifest says about it. */
export interface LaneGroup {
  readonly group: EncodedGroup
  readonly span: TimeSpan
  readonly exporters: readonly string[]
  readonly samplingUnknown: number
}

/** What one thread does: reads runs of chunks into the shared rows, and encodes row groups from them. */
export class Lane {
  readonly #rows: SharedRows
  readonly #kernels: Kernels
  readonly #encoder: RowGroupEncoder

  constructor(rows: SharedRows, index: number) {
    const memory = rows.lane(index)
    this.#rows = rows
    this.#kernels = loadKernels(memory)
    this.#encoder = new RowGroupEncoder(rows.plan.columns, memory, this.#kernels)
  }

  /** Throws `corrupt` as `readBlock` does. */
  async read({ run, schema, pieces }: ReadTask): Promise<void> {
    await readRun(run, { schema, rows: this.#rows, source: { read: async (_key, range) => cut(pieces, range) } })
  }

  encode({ from, to, constants }: EncodeTask): LaneGroup {
    const { batch, order } = this.#rows
    const target = this.#encoder.batch
    const rows = order.subarray(from, to)
    for (const name in target.columns) this.#gather(batch.columns[name]!, rows, target.columns[name]!, constants)
    target.length = rows.length
    const statistics = new BlockStatistics()
    statistics.add(target, 0, target.length)
    return {
      group: this.#encoder.encode(),
      span: statistics.takeSpan(),
      exporters: statistics.exporters(),
      samplingUnknown: statistics.samplingUnknown,
    }
  }

  #gather(from: Column, rows: Uint32Array, to: Column, constants: ReadonlySet<number>): void {
    if (from.type === 'text' || from.type === 'bytes') {
      gatherColumn(from, rows, rows.length, to)
      return
    }
    for (const [part, array] of Object.entries(from)) {
      if (!ArrayBuffer.isView(array)) continue
      const target = (to as unknown as { readonly [part: string]: NumberArray })[part]! // of the same type as `from`
      if (constants.has(array.byteOffset)) target.fill((array as NumberArray)[0]!, 0, rows.length)
      else if (part !== 'v6') this.#gatherArray(array, (array as NumberArray).BYTES_PER_ELEMENT, rows, target)
      // Pages hold addresses of family 6 alone, but for nullable columns.
      else if (to.valid || hasIPv6(to, rows.length)) this.#gatherArray(array, 16, rows, target)
    }
  }

  #gatherArray(from: ArrayBufferView, bytes: number, rows: Uint32Array, to: ArrayBufferView): void {
    const { gather8, gather16, gather32, gather64, gather128 } = this.#kernels
    const gather = { 1: gather8, 2: gather16, 4: gather32, 8: gather64, 16: gather128 }[bytes]!
    gather(from.byteOffset, rows.byteOffset, rows.length, to.byteOffset)
  }
}

const hasIPv6 = (column: Column, rows: number): boolean =>
  'family' in column && column.family.subarray(0, rows).includes(6)

/** Reads the chunks of a run into their rows. Throws as `readBlock` does. */
export async function readRun(
  { block, first, count, row }: ChunkRun,
  { schema, rows, source }: { schema: unknown; rows: SharedRows; source: BlockSource },
): Promise<void> {
  const { columns } = rows.plan
  let at = row
  for await (const { batch } of readBlock({ store: source, block, schema, columns, chunks: { first, count } })) {
    place(batch, rows.batch, at)
    at += batch.length
  }
}

/** Copies the rows of a batch to row `at` of another; IPv6 addresses only where there are some, so that memory is not touched for none. */
function place(from: Batch, to: Batch, at: number): void {
  for (const name in to.columns) {
    const source = from.columns[name]!
    const target = to.columns[name]!
    if (source.type !== 'address' || target.type !== 'address' || source.valid || hasIPv6(source, from.length)) {
      copyColumn(source, 0, from.length, target, at)
      continue
    }
    target.family.set(source.family.subarray(0, from.length), at)
    target.v4.set(source.v4.subarray(0, from.length), at)
  }
}

function cut(pieces: readonly Piece[], range: { offset: number; length: number } | undefined): Uint8Array {
  const { offset, length } = range ?? { offset: 0, length: Number.POSITIVE_INFINITY }
  const piece = pieces.find((one) => offset >= one.offset && offset + length <= one.offset + one.bytes.length)
  return piece ? piece.bytes.subarray(offset - piece.offset, offset - piece.offset + length) : new Uint8Array(0)
}
