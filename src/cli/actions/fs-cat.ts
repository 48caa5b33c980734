import type { ColumnSpec } from '../../flow/column.ts'
import { countOf, thousands } from '../../report/number.ts'
import type { RowWriter } from '../../report/row-writer.ts'
import { readBlock } from '../../storage/block/read.ts'
import { datasetColumns } from '../../storage/dataset-columns.ts'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { Period } from '../../storage/manifest/snapshot.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { OptionsOf } from '../command.ts'
import type { catOptions } from '../commands/fs.ts'
import { UsageError } from '../errors.ts'
import { openManifestOf, periodOf, snapshotAt } from '../open.ts'
import { note } from '../output.ts'
import { chooseFormat, rowWriter } from '../print.ts'
import { wholeNumber } from '../read-option.ts'
import { type RowFilter, rowFilter } from '../row-filter.ts'

export async function catAction(args: OptionsOf<typeof catOptions> & { dataset: string }): Promise<undefined> {
  const format = await chooseFormat(args)
  const period = periodOf(args)
  const { store, manifest } = await openManifestOf(args)
  const snapshot = await snapshotAt(manifest, args.at)
  const source = await describe(snapshot, args.dataset, period)
  const shown = chooseColumns(source.columns, args.columns)
  const filter = rowFilter(source.columns, { period, where: args.where })
  const limit = args.top === undefined ? defaultLimit(args.format) : wholeNumber('top', args.top)
  const head = { snapshot: snapshot.version, dataset: args.dataset }
  const writer = rowWriter(format, { columns: shown, head, tableRows: limit })
  const printed = await printBlocks({ store, snapshot, ...source, shown, filter, limit, writer })
  await writer.finish()
  if (args.format === 'table' && printed === limit) note(leftOut(printed, filter.all ? source.records : undefined))
}

/** A table is for a look; the other formats are for all of it. */
const defaultLimit = (format: string): number => (format === 'table' ? 20 : Number.POSITIVE_INFINITY)

function leftOut(printed: number, records: number | undefined): string {
  const of = records === undefined ? '' : ` of ${thousands(records)}`
  return `the first ${countOf(printed, 'row')}${of}; --top N prints more`
}

interface Source {
  readonly dataset: string
  readonly period: Period
  readonly schemas: ReadonlyMap<string, unknown>
  /** Columns of all schemas in use, each once. */
  readonly columns: readonly ColumnSpec[]
  readonly records: number
}

/** What the blocks of a dataset hold: blocks written at different times may differ in their columns. */
async function describe(snapshot: StoreSnapshot, dataset: string, period: Period): Promise<Source> {
  const schemas = new Map<string, unknown>()
  let records = 0
  for await (const block of snapshot.blocks(dataset, period)) {
    records += block.records
    if (schemas.has(block.schemaId)) continue
    schemas.set(block.schemaId, await snapshot.schema(block.schemaId))
  }
  return { dataset, period, schemas, columns: datasetColumns(dataset, schemas.values()), records }
}

function chooseColumns(all: readonly ColumnSpec[], names: string | undefined): readonly ColumnSpec[] {
  if (names === undefined) return all
  return names.split(',').map((text) => {
    const name = text.trim()
    const found = all.find((column) => column.name === name)
    const known = all.map((column) => column.name).join(', ') || 'none'
    if (found === undefined) throw new UsageError(`--columns: expected some of ${known}, got ${name}`)
    return found
  })
}

interface Printing extends Source {
  readonly store: ObjectStore
  readonly snapshot: StoreSnapshot
  readonly shown: readonly ColumnSpec[]
  readonly filter: RowFilter
  readonly limit: number
  readonly writer: RowWriter
}

/** Prints rows block by block until the limit; returns how many. */
async function printBlocks(printing: Printing): Promise<number> {
  const { store, snapshot, dataset, period, schemas, shown, filter, limit, writer } = printing
  const wanted = new Set([...shown.map(({ name }) => name), ...filter.columns])
  const columns = printing.columns.filter(({ name }) => wanted.has(name))
  let printed = 0
  if (limit === 0) return 0
  for await (const block of snapshot.blocks(dataset, period)) {
    for await (const { batch } of readBlock({ store, block, schema: schemas.get(block.schemaId), columns })) {
      const selection = filter.select(batch).subarray(0, limit - printed)
      await writer.add(batch, selection)
      printed += selection.length
      if (printed >= limit) return printed
    }
  }
  return printed
}
