import type { ColumnSpec } from '../flow/column.ts'
import type { Value } from '../flow/value.ts'
import { eachRow } from './json.ts'
import type { Output, RowWriter } from './row-writer.ts'
import { TextBuffer } from './row-writer.ts'

/**
 * Comma-separated values with a header row, quoted as RFC 4180 says; lines end with a line feed alone, as every reader accepts.
 * An absent value is empty, an empty text is `""`. Text is written as it is: it is not made safe for spreadsheets that run formulas.
 */
export function csvWriter({ output, columns }: { output: Output; columns: readonly ColumnSpec[] }): RowWriter {
  const buffer = new TextBuffer(output)
  buffer.push(`${columns.map(({ name }) => csvCell(name)).join(',')}\n`)
  return {
    async add(batch, selection) {
      await eachRow({ batch, selection, columns, buffer }, (cells) => `${cells.map(csvCell).join(',')}\n`)
    },
    finish: () => buffer.flush(),
  }
}

/** Text of a value in CSV. */
export function csvCell(cell: Value): string {
  if (cell === null) return ''
  const text = String(cell)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
