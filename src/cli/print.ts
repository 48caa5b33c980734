import { createBatch } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { setValue, type Value } from '../flow/value.ts'
import { csvWriter } from '../report/csv.ts'
import { type Int64, jsonWriter, ndjsonWriter } from '../report/json.ts'
import type { Output, RowWriter } from '../report/row-writer.ts'
import { tableWriter } from '../report/table.ts'
import { standardOutput } from './output.ts'

/** What `rowFormatOptions` are read as. */
export interface FormatArguments {
  readonly format: string
  readonly int64: string
}

export interface RowWriterOptions {
  readonly columns: readonly ColumnSpec[]
  /** Members in front of `columns` and `rows` in JSON. */
  readonly head?: { readonly [name: string]: unknown }
  /** Rows of a table; the others are counted. */
  readonly tableRows?: number
  readonly bars?: string | undefined
  readonly output?: Output
}

/** The writer for the format that the user chose. */
export function rowWriter({ format, int64 }: FormatArguments, options: RowWriterOptions): RowWriter {
  const { columns, head = {}, tableRows = 20, bars, output = standardOutput() } = options
  const integers: Int64 = int64 === 'string' ? 'string' : 'number'
  switch (format) {
    case 'json':
      return jsonWriter({ output, columns, head, int64: integers })
    case 'ndjson':
      return ndjsonWriter({ output, columns, int64: integers })
    case 'csv':
      return csvWriter({ output, columns })
    default:
      return tableWriter({ output, columns, limit: tableRows, bars })
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
  const writer = rowWriter(args, options)
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
