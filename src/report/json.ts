import type { Batch } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { type Value, valueAt } from '../flow/value.ts'
import { pickColumns } from './columns.ts'
import type { Output, RowWriter } from './row-writer.ts'
import { TextBuffer } from './row-writer.ts'

/** How 64-bit integers are written: as they are, whole, or quoted for readers that round above 2^53. */
export type Int64 = 'number' | 'string'

export interface JsonOptions {
  readonly output: Output
  readonly columns: readonly ColumnSpec[]
  readonly int64?: Int64
}

/** One object per line. */
export function ndjsonWriter({ output, columns, int64 = 'number' }: JsonOptions): RowWriter {
  const buffer = new TextBuffer(output)
  const encode = rowEncoder(columns, int64)
  return {
    async add(batch, selection) {
      await eachRow({ batch, selection, columns, buffer }, (cells) => `${encode(cells)}\n`)
    },
    finish: () => buffer.flush(),
  }
}

/** One object: the members of `head`, then `columns` and, streamed, `rows`. */
export function jsonWriter({
  output,
  columns,
  int64 = 'number',
  head,
}: JsonOptions & { readonly head: { readonly [name: string]: unknown } }): RowWriter {
  const buffer = new TextBuffer(output)
  const encode = rowEncoder(columns, int64)
  const shape = columns.map(({ name, type }) => ({ name, type }))
  const start = JSON.stringify({ ...head, columns: shape }, null, 2).replace(/\n}$/, ',\n  "rows": [')
  let separator = '\n    '
  buffer.push(start)
  return {
    async add(batch, selection) {
      await eachRow({ batch, selection, columns, buffer }, (cells) => {
        const text = separator + encode(cells)
        separator = ',\n    '
        return text
      })
    },
    async finish() {
      buffer.push(separator.startsWith(',') ? '\n  ]\n}\n' : ']\n}\n')
      await buffer.flush()
    },
  }
}

/** Text of a value in JSON; bigints are written whole. */
export function jsonCell(cell: Value, quoted = false): string {
  if (typeof cell === 'bigint' || (quoted && typeof cell === 'number')) return quoted ? `"${cell}"` : String(cell)
  return JSON.stringify(cell)
}

function rowEncoder(columns: readonly ColumnSpec[], int64: Int64): (cells: readonly Value[]) => string {
  const names = columns.map(({ name }) => `${JSON.stringify(name)}:`)
  const quoted = columns.map(({ type }) => int64 === 'string' && (type === 'u64' || type === 'i64'))
  return (cells) => {
    let text = '{'
    for (let index = 0; index < cells.length; index++) {
      text += `${index === 0 ? '' : ','}${names[index]}${jsonCell(cells[index]!, quoted[index])}`
    }
    return `${text}}`
  }
}

export interface Rows {
  readonly batch: Batch
  readonly selection: Uint32Array | undefined
  readonly columns: readonly ColumnSpec[]
  readonly buffer: TextBuffer
}

/** Appends the text of every selected row of a batch to a buffer, handing on what is full. */
export async function eachRow(
  { batch, selection, columns, buffer }: Rows,
  encode: (cells: readonly Value[]) => string,
): Promise<void> {
  const picked = pickColumns(columns, batch.columns)
  const cells: Value[] = new Array(picked.length).fill(null)
  const count = selection?.length ?? batch.length
  for (let at = 0; at < count; at++) {
    const row = selection?.[at] ?? at
    for (let index = 0; index < picked.length; index++) cells[index] = valueAt(picked[index]!, row)
    buffer.push(encode(cells))
    if (buffer.full) await buffer.flush()
  }
}
