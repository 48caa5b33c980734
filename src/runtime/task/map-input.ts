import { createBatch } from '../../flow/batch.ts'
import { RowCodec } from '../../flow/canonical.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { isDamage } from '../../storage/block/block-bytes.ts'
import type { FirstReads } from '../../storage/block/first-read.ts'
import { firstRead } from '../../storage/block/first-read.ts'
import type { BlockDamage } from '../../storage/block/read.ts'
import { readBlockPages } from '../../storage/block/read.ts'
import type { RowPages } from '../../storage/block/row-pages.ts'
import { WholePage } from '../../storage/block/row-pages.ts'
import { StorageError } from '../../storage/errors.ts'
import type { BlockSource } from '../../storage/store.ts'
import { openSource } from '../shuffle/run-source.ts'
import type { BlockPiece, MapTask, RunPiece } from './description.ts'

const ROWS = 4096

/** Rows on their way to a mapper. */
export interface InputRows {
  readonly pages: RowPages
  /** Columns of the pages. */
  readonly columns: readonly ColumnSpec[]
  /** What they came from, for error messages: a block, or a task of an earlier stage. */
  readonly origin: string
  readonly countSampling: boolean
  /** Whether the period selects among them. */
  readonly timed: boolean
  /** Numbers of the only records to map, ascending. */
  readonly records?: readonly number[] | undefined
}

export interface ReadOptions {
  /** Where the columns are to lie, when there is room. */
  readonly kernels: KernelInstance | undefined
  /** The columns of a piece by which rows are selected, if they are: pages are completed with the others when rows are left. */
  selects(piece: BlockPiece): readonly string[] | undefined
  /** What another task will read after this one, probably. */
  readonly next?: BlockPiece | undefined
  /** Told of rows that cannot be read, if those are to be skipped: of damaged chunks, and of blocks that are gone. */
  onCorrupt(records: number): void
}

/** Reads the pieces of a map task in order; what the next one is read for first, of this task or of another, is asked for while one is read. */
export async function* readPieces(
  task: MapTask,
  reads: FirstReads,
  { kernels, selects, next: after, onCorrupt }: ReadOptions,
): AsyncGenerator<InputRows, void, undefined> {
  const tolerance = task.onCorrupt === 'skip' ? onCorrupt : undefined
  for (const [i, piece] of task.pieces.entries()) {
    const next = task.pieces[i + 1] ?? after
    if (next?.type === 'block') reads.begin(next.block.key, firstRead(next.block, next))
    if (piece.type === 'run') yield* readRun(piece)
    else yield* readPiece(piece, reads.source, { kernels, first: selects(piece), onCorrupt: tolerance })
  }
}

interface PieceOptions {
  readonly kernels: KernelInstance | undefined
  readonly first: readonly string[] | undefined
  readonly onCorrupt: ((records: number) => void) | undefined
}

/** Reads the chunks of one block. When damage is skipped, so is what stops the reading of the whole block: a footer, or a block that is gone. */
async function* readPiece(
  { block, schema, columns, first, count, timed, countSampling, records }: BlockPiece,
  store: BlockSource,
  { onCorrupt, ...rest }: PieceOptions,
): AsyncGenerator<InputRows, void, undefined> {
  let left = block.chunks.slice(first, first + count).reduce((sum, [, , rows]) => sum + rows, 0)
  const skip = (lost: number): void => {
    left -= lost
    onCorrupt?.(lost)
  }
  const options = { store, block, schema, columns, chunks: { first, count }, ...rest }
  const tolerance = onCorrupt ? { onCorrupt: (damage: BlockDamage) => skip(damage.records) } : {}
  try {
    for await (const pages of readBlockPages({ ...options, ...tolerance })) {
      yield { pages, columns, origin: block.key, countSampling, timed, records }
      left -= pages.done
    }
  } catch (error) {
    if (!onCorrupt || !isLost(error)) throw error
    skip(left)
  }
}

const isLost = (error: unknown): boolean =>
  isDamage(error) || (error instanceof StorageError && error.code === 'not-found')

function* readRun({ source }: RunPiece): Generator<InputRows, void, undefined> {
  const reader = openSource(source)
  try {
    const codec = new RowCodec(reader.header.value)
    const batch = createBatch(reader.header.value, ROWS)
    const columns = codec.columnsOf(batch)
    const cursor = reader.cursor(0)
    let firstRecord = 0
    const rows = {
      columns: reader.header.value,
      origin: `${source.stage}-${source.task}`,
      countSampling: false,
      timed: false,
    }
    while (cursor.next()) {
      codec.read(columns, batch.length++, cursor.bytes, cursor.payloadStart)
      if (batch.length < ROWS) continue
      yield { pages: new WholePage({ batch, firstRecord }), ...rows }
      firstRecord += batch.length
      batch.length = 0
    }
    if (batch.length > 0) yield { pages: new WholePage({ batch, firstRecord }), ...rows }
  } finally {
    reader.close()
  }
}
