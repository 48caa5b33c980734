import type { FlowBatch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { copyColumn } from '../../flow/copy.ts'
import type { QuarantineSink } from './sink.ts'

const MAX_U64 = (1n << 64n) - 1n

/** Moves the row after the last of `batch` into the quarantine, with its counters in full. */
export function quarantineRow(batch: FlowBatch, octets: bigint, packets: bigint, sink: QuarantineSink): void {
  if (sink.batch.length >= sink.batch.capacity) sink.flush()
  const { columns, length } = sink.batch
  for (const name in columns) {
    const column = columns[name]!
    const source = batch.columns[name]
    if (name === 'bytes') writeCounter(column, length, octets)
    else if (name === 'packets') writeCounter(column, length, packets)
    else if (source) copyColumn(source, batch.length, 1, column, length)
  }
  sink.batch.length++
}

function writeCounter(column: Column, row: number, value: bigint): void {
  if (column.type === 'u64') column.values[row] = value > MAX_U64 ? MAX_U64 : value
}
