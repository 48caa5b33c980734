import type { ColumnSpec } from '../flow/column.ts'
import { type Value, valueAt } from '../flow/value.ts'
import type { OutputWriter } from '../vocabulary/config.ts'
import { pickColumns } from './columns.ts'
import type { Output, RowWriter } from './row-writer.ts'

/** A form of output of the configuration, fed as the others are. */
export function customWriter(
  writer: OutputWriter,
  { output, columns }: { readonly output: Output; readonly columns: readonly ColumnSpec[] },
): RowWriter {
  const waiting: (string | Uint8Array)[] = []
  const shape = columns.map(({ name, type }) => ({ name, type }))
  const started = writer.start(shape, (chunk) => void waiting.push(chunk))
  const flush = async (): Promise<void> => {
    for (const chunk of waiting.splice(0)) await output.write(chunk)
  }
  return {
    async add(batch, selection) {
      const picked = pickColumns(columns, batch.columns)
      const count = selection?.length ?? batch.length
      for (let at = 0; at < count; at++) {
        const row: { [column: string]: Value } = {}
        for (const [index, { name }] of columns.entries()) row[name] = valueAt(picked[index]!, selection?.[at] ?? at)
        started.row(row)
      }
      await flush()
    },
    async finish() {
      started.end()
      await flush()
    },
  }
}
