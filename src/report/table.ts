import type { ColumnSpec } from '../flow/column.ts'
import { type Value, valueAt } from '../flow/value.ts'
import { bar } from './bar.ts'
import { isBytes, isIdentifier, isNumber, pickColumns } from './columns.ts'
import { byteScale, countOf, thousands } from './number.ts'
import type { Output, RowWriter } from './row-writer.ts'
import { displayWidth, printable, truncate } from './width.ts'

export interface TableOptions {
  readonly output: Output
  readonly columns: readonly ColumnSpec[]
  /** Rows printed; the others are counted. */
  readonly limit?: number
  /** Rows there are, when that is known: then not all of them need be added. */
  readonly total?: number | undefined
  /** Column drawn as bars on the right, scaled to its greatest printed value. */
  readonly bars?: string | undefined
}

/** An aligned table of the first rows, and a line that says how many more there are. */
export function tableWriter({ output, columns, limit = 20, total, bars }: TableOptions): RowWriter {
  const rows: Value[][] = []
  let left = 0
  return {
    async add(batch, selection) {
      const picked = pickColumns(columns, batch.columns)
      const count = selection?.length ?? batch.length
      const shown = Math.min(count, limit - rows.length)
      for (let at = 0; at < shown; at++) rows.push(picked.map((column) => valueAt(column, selection?.[at] ?? at)))
      left += count - shown
    },
    async finish() {
      const lines = tableLines({ columns, rows, bars })
      if (rows.length === 0) lines.push('no rows')
      const more = total === undefined ? left : total - rows.length
      if (more > 0) lines.push(countOf(more, 'more row'))
      await output.write(`${lines.join('\n')}\n`)
    },
  }
}

const BAR_WIDTH = 24
const MAX_TEXT_WIDTH = 100

/** Lines of a table: a header, a rule, a line per row. */
export function tableLines({
  columns,
  rows,
  bars,
}: {
  columns: readonly ColumnSpec[]
  rows: readonly (readonly Value[])[]
  bars?: string | undefined
}): string[] {
  const laid = columns.map((spec, index) =>
    layColumn(
      spec,
      rows.map((row) => row[index] ?? null),
    ),
  )
  const barIndex = columns.findIndex(({ name }) => name === bars)
  if (barIndex >= 0) laid.push(barColumn(rows.map((row) => Number(row[barIndex] ?? 0))))
  const line = (pick: (column: LaidColumn) => string): string =>
    laid
      .map((column) => pad(pick(column), column.width, column.right))
      .join('  ')
      .trimEnd()
  return [
    line(({ header }) => header),
    laid.map(({ width }) => '─'.repeat(width)).join('  '),
    ...rows.map((_, row) => line(({ texts }) => texts[row]!)),
  ]
}

interface LaidColumn {
  readonly header: string
  readonly texts: readonly string[]
  readonly right: boolean
  readonly width: number
}

function layColumn(spec: ColumnSpec, cells: readonly Value[]): LaidColumn {
  const { header, format } = columnFormat(spec, cells)
  const texts = cells.map((cell) => (cell === null ? '-' : truncate(printable(format(cell)), MAX_TEXT_WIDTH)))
  const width = Math.max(displayWidth(header), ...texts.map(displayWidth))
  return { header, texts, right: isNumber(spec), width }
}

function columnFormat(spec: ColumnSpec, cells: readonly Value[]): { header: string; format(cell: Value): string } {
  const plain = { header: spec.name, format: (cell: Value): string => String(cell) }
  if (!isNumber(spec) || isIdentifier(spec)) return plain
  const numbers = cells.filter((cell): cell is number | bigint => typeof cell === 'number' || typeof cell === 'bigint')
  if (!isBytes(spec)) return { header: spec.name, format: (cell) => thousands(cell as number | bigint) }
  const { unit, divisor, decimals } = byteScale(numbers)
  return {
    header: unit === 'B' ? spec.name : `${spec.name} (${unit})`,
    format: (cell) =>
      divisor === 1 ? thousands(cell as number | bigint) : thousands(Number(cell) / divisor, decimals),
  }
}

function barColumn(values: readonly number[]): LaidColumn {
  const greatest = Math.max(0, ...values)
  const texts = values.map((value) => bar(greatest > 0 ? value / greatest : 0, BAR_WIDTH))
  return { header: '', texts, right: false, width: Math.max(0, ...texts.map((text) => text.length)) }
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return right ? blanks + text : text + blanks
}
