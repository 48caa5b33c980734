import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import type { LookupTable } from '../lookup/table.ts'
import type { BatchSink, Columnwise, ColumnwiseKey, Mapper } from '../program.ts'
import { expressionFunction } from './expression.ts'
import type { FoldParts } from './fold.ts'
import type { KeyPart } from './key.ts'

/**
 * The map side of a declarative job: whole columns at a time. A key that is a plain column and the inputs of the aggregates are handed on as they
 * are, without a copy; expressions are computed into columns of their own.
 */
export function createGrouper(
  keys: readonly KeyPart[],
  fold: FoldParts,
  lookups: ReadonlyMap<string, LookupTable>,
  sink: BatchSink,
): Mapper {
  const parts = keys.map((part) => ({
    name: part.spec.name,
    column: part.column,
    compute: expressionFunction(part, lookups, sink.kernels),
  }))
  const inputs = fold.value.map(({ name }, index) => ({ name, column: fold.sources[index]! }))
  return {
    map(batch: Batch) {
      const columns: { [name: string]: Column } = {}
      for (const { name, column, compute } of parts) {
        const source = batch.columns[column]!
        columns[name] = compute ? compute(source, batch.length) : source
      }
      for (const { name, column } of inputs) columns[name] = batch.columns[column]!
      sink.add({ length: batch.length, capacity: batch.capacity, columns })
    },
    finish() {},
  }
}

/** What the grouper of these keys does, as kernels may do it; undefined when they cannot. */
export function columnwiseOf(keys: readonly KeyPart[], { sources }: FoldParts): Columnwise | undefined {
  const key: ColumnwiseKey[] = []
  for (const { column, expression } of keys) {
    if (expression === undefined) key.push({ column, type: 'column' })
    else if (expression.type === 'prefix') key.push({ column, type: 'prefix', bits: expression.bits4 })
    else if (expression.type === 'timeBin' && expression.zone === 'UTC')
      key.push({ column, type: 'bin', sizeMs: expression.sizeMs })
    else return undefined
  }
  return { key, value: sources }
}
