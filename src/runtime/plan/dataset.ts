import { FLOW_COLUMNS } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { columnSpecs } from '../../flow/schema.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { Period, Snapshot } from '../../storage/manifest/snapshot.ts'
import { RuntimeError } from '../error.ts'

/** What a plan needs to know of a dataset: read once, so that planning is pure. */
export interface DatasetView {
  readonly dataset: string
  /** Rows and blocks of the dataset in the whole snapshot. */
  readonly records: number
  readonly totalBlocks: number
  /** Live blocks that may hold rows of the period, in order of key. */
  readonly blocks: readonly BlockInfo[]
  /** Avro schemas of the blocks, by id. */
  readonly schemas: { readonly [schemaId: string]: unknown }
  /** Columns that a job may read. */
  readonly columns: readonly ColumnSpec[]
}

/** Reads what a plan needs of a dataset. Throws `not-found` when the snapshot has no such dataset, except for `flows`, which may be empty. */
export async function viewDataset(snapshot: Snapshot, dataset: string, period: Period): Promise<DatasetView> {
  const summary = (await snapshot.datasets()).find((candidate) => candidate.dataset === dataset)
  if (!summary && dataset !== 'flows')
    throw new RuntimeError('not-found', `plan: dataset ${dataset} expected in snapshot ${snapshot.version}, got none`)
  const blocks: BlockInfo[] = []
  if (summary) for await (const block of snapshot.blocks(dataset, period)) blocks.push(block)
  const ids = [...new Set(blocks.map(({ schemaId }) => schemaId))].sort()
  const schemas = Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await snapshot.schema(id)] as const)))
  const columns = mergeColumns(dataset === 'flows' ? FLOW_COLUMNS : [], Object.values(schemas))
  return { dataset, records: summary?.records ?? 0, totalBlocks: summary?.blocks ?? 0, blocks, schemas, columns }
}

/** The columns of all schemas together; one that some blocks lack is nullable unless it has a default as a field of a flow. */
function mergeColumns(known: readonly ColumnSpec[], schemas: readonly unknown[]): readonly ColumnSpec[] {
  const columns = new Map(known.map((spec) => [spec.name, spec]))
  for (const schema of schemas)
    for (const spec of columnSpecs(schema)) if (!columns.has(spec.name)) columns.set(spec.name, spec)
  return [...columns.values()]
}

/** The columns of a dataset by name; throws `not-found` for one that it lacks. */
export function pickColumns({ dataset, columns }: DatasetView, names: ReadonlySet<string>): readonly ColumnSpec[] {
  const missing = [...names].filter((name) => !columns.some((spec) => spec.name === name))
  if (missing.length > 0)
    throw new RuntimeError(
      'not-found',
      `plan: dataset ${dataset} expected columns ${missing.join(', ')}, got none of that name`,
    )
  return columns.filter(({ name }) => names.has(name))
}
