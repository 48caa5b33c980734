import { createBatch } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { nearestName } from '../flow/nearest.ts'
import { setValue, type Value } from '../flow/value.ts'
import { csvWriter } from '../report/csv.ts'
import { customWriter } from '../report/custom.ts'
import { type Int64, jsonWriter, ndjsonWriter } from '../report/json.ts'
import { FORMATS, type Format, type Output, type RowWriter } from '../report/row-writer.ts'
import { tableWriter } from '../report/table.ts'
import type { OutputWriter } from '../vocabulary/config.ts'
import { UsageError } from './errors.ts'
import { standardOutput } from './output.ts'
import { configOf } from './settings.ts'

/** What `rowFormatOptions` are read as. */
export interface FormatArguments {
  readonly format: string
  readonly int64: string
  readonly config: string | undefined
}

/** The form of output that the user chose, checked before any work is done. */
export interface ChosenFormat {
  readonly format: Format | OutputWriter
  readonly int64: Int64
}

/** Checks `--format` against the forms there are, those of the configuration included. */
export async function chooseFormat(args: FormatArguments): Promise<ChosenFormat> {
  const int64 = args.int64 === 'string' ? 'string' : 'number'
  const own = FORMATS.find((format) => format === args.format)
  if (own !== undefined) return { format: own, int64 }
  const { writers = {} } = (await configOf(args)).config
  const writer = Object.hasOwn(writers, args.format) ? writers[args.format] : undefined
  if (writer !== undefined) return { format: writer, int64 }
  const known = [...FORMATS, ...Object.keys(writers)]
  const nearest = nearestName(args.format, known)
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  throw new UsageError(`--format: expected one of ${known.join(', ')}, got "${args.format}"${hint}`)
}

export interface RowWriterOptions {
  readonly columns: readonly ColumnSpec[]
  /** Members in front of `columns` and `rows` in JSON. */
  readonly head?: { readonly [name: string]: unknown }
  /** Rows of a table; the others are counted. */
  readonly tableRows?: number
  /** Rows there are, when that is known. */
  readonly total?: number
  readonly bars?: string | undefined
  readonly output?: Output
}

/** The writer for the form that the user chose. */
export function rowWriter({ format, int64 }: ChosenFormat, options: RowWriterOptions): RowWriter {
  const { columns, head = {}, tableRows = 20, total, bars, output = standardOutput() } = options
  if (typeof format === 'object') return customWriter(format, { output, columns })
  switch (format) {
    case 'json':
      return jsonWriter({ output, columns, head, int64 })
    case 'ndjson':
      return ndjsonWriter({ output, columns, int64 })
    case 'csv':
      return csvWriter({ output, columns })
    case 'table':
      return tableWriter({ output, columns, limit: tableRows, total, bars })
  }
}

const BATCH_ROWS = 256

/** Prints rows that are made one by one: listings, not results. */
export async function printRows(
  args: FormatArguments,
  options: RowWriterOptions,
  rows: AsyncIterable<readonly Value[]> | Iterable<readonly Value[]>,
): Promise<void> {
  const { columns } = options
  const writer = rowWriter(await chooseFormat(args), options)
  let batch = createBatch(columns, BATCH_ROWS)
  for await (const row of rows) {
    for (const [index, { name }] of columns.entries()) setValue(batch.columns[name]!, batch.length, row[index] ?? null)
    batch.length++
    if (batch.length < BATCH_ROWS) continue
    await writer.add(batch)
    batch = createBatch(columns, BATCH_ROWS)
  }
  await writer.add(batch)
  await writer.finish()
}

/** Prints text, or an object as JSON, by `--format` of `reportFormatOptions`. */
export async function printReport(
  { format }: { readonly format: string },
  json: unknown,
  lines: () => readonly string[],
): Promise<void> {
  const text = format === 'json' ? JSON.stringify(json, null, 2) : lines().join('\n')
  await standardOutput().write(`${text}\n`)
}
