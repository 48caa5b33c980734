import type { ColumnSpec } from '../flow/column.ts'
import { ComponentError } from '../flow/component-error.ts'
import { columnSpecs, schemaId as idOf } from '../flow/schema.ts'
import { checksumOf } from './block/checksum.ts'
import { readBlock } from './block/read.ts'
import { BlockStatistics, lastTime } from './block/statistics.ts'
import { datasetColumns } from './dataset-columns.ts'
import { StorageError } from './errors.ts'
import type { BlockInfo } from './manifest/actions.ts'
import type { Snapshot } from './manifest/snapshot.ts'
import type { ObjectStore } from './store.ts'

/** The deep part of fsck: one block against what the manifest says of it. */

/** What is wrong with a schema, in a line; undefined when it can be read. */
export async function checkBlockSchema(snapshot: Snapshot, schemaId: string): Promise<string | undefined> {
  try {
    const schema = await snapshot.schema(schemaId)
    if (columnSpecs(schema).length === 0) return `schema ${schemaId} expected columns that can be read, got none`
    return idOf(schema) === schemaId ? undefined : `schema ${schemaId} expected by its content, got ${idOf(schema)}`
  } catch (error) {
    if (error instanceof ComponentError) return error.message
    throw error
  }
}

export interface ContentProblem {
  readonly kind: 'missing' | 'corrupt' | 'statistics'
  readonly detail: string
}

/** Reads a block whole: the checksum of the file, each checksum inside it, and every figure of its entry in the manifest. */
export async function* checkBlockContent(
  store: ObjectStore,
  block: BlockInfo,
  schema: unknown,
  dataset: string,
): AsyncGenerator<ContentProblem> {
  try {
    const checksum = await checksumOf(store, block)
    if (checksum !== block.crc32) {
      yield { kind: 'corrupt', detail: `CRC-32 of the file expected ${block.crc32}, got ${checksum}` }
    }
    yield* checkRows(store, block, { schema, columns: datasetColumns(dataset, [schema]) })
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (error.code === 'not-found') yield { kind: 'missing', detail: 'block expected, got none' }
    else if (['corrupt', 'bad-format', 'bad-schema'].includes(error.code))
      yield { kind: 'corrupt', detail: error.message }
    else throw error
  }
}

async function* checkRows(
  store: ObjectStore,
  block: BlockInfo,
  { schema, columns }: { schema: unknown; columns: readonly ColumnSpec[] },
): AsyncGenerator<ContentProblem> {
  const damage: ContentProblem[] = []
  const statistics = new BlockStatistics()
  const chunks = new ChunkSpans(block, statistics)
  let records = 0
  const rows = readBlock({
    ...{ store, block, schema, columns },
    onCorrupt: ({ offset, records: lost, error }) => {
      damage.push({ kind: 'corrupt', detail: `at byte ${offset}, ${lost} records lost: ${error.message}` })
    },
  })
  for await (const { batch, firstRecord } of rows) {
    chunks.enter(firstRecord)
    statistics.add(batch, 0, batch.length)
    records += batch.length
  }
  yield* damage
  // Of a damaged block the rows that are left say nothing about its statistics.
  if (damage.length > 0) return
  chunks.enter(Number.POSITIVE_INFINITY)
  const { whole, samplingUnknown } = statistics
  const got = { records, ...whole, exporters: statistics.exporters(), samplingUnknown, chunks: chunks.spans }
  const wanted = { ...block, chunks: block.chunks.map(([, , count, from, to]) => [count, from, to]) }
  for (const name of Object.keys(got) as (keyof typeof got)[]) {
    const [expected, actual] = [JSON.stringify(wanted[name]), JSON.stringify(got[name])]
    if (expected !== actual) yield { kind: 'statistics', detail: `${name} expected ${expected}, got ${actual}` }
  }
}

/** Records, least start and last time of each chunk. A batch never reaches over the end of a chunk. */
class ChunkSpans {
  readonly spans: [records: number, minStart: number | null, lastTime: number | null][] = []
  readonly #block: BlockInfo
  readonly #statistics: BlockStatistics
  #first = 0
  #end = 0

  constructor(block: BlockInfo, statistics: BlockStatistics) {
    this.#block = block
    this.#statistics = statistics
    this.#end = block.chunks[0]?.[2] ?? 0
  }

  /** Closes the chunks that end at or before `record`. */
  enter(record: number): void {
    while (record >= this.#end && this.spans.length < this.#block.chunks.length) {
      const span = this.#statistics.takeSpan()
      this.spans.push([this.#end - this.#first, span.minStart, lastTime(span)])
      this.#first = this.#end
      this.#end += this.#block.chunks[this.spans.length]?.[2] ?? 0
    }
  }
}
