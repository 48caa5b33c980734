import type { Batch } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { parseFilter } from '../flow/filter/filter.ts'
import type { Period } from '../storage/manifest/snapshot.ts'
import { UsageError } from './errors.ts'
import { readOption } from './read-option.ts'

/** Which rows of a dataset are shown: those that start inside the period and match `--where`. */
export interface RowFilter {
  /** Columns it reads. */
  readonly columns: readonly string[]
  /** Whether every row passes. */
  readonly all: boolean
  /** Numbers of the rows that pass; valid until the next call. */
  select(batch: Batch): Uint32Array
}

export interface RowFilterOptions {
  readonly period: Period
  readonly where: string | undefined
}

/** Makes the filter of a dataset with these columns; a period needs a column `start`. */
export function rowFilter(specs: readonly ColumnSpec[], { period, where }: RowFilterOptions): RowFilter {
  const timed = period.from !== undefined || period.to !== undefined
  if (timed && !specs.some(({ name, type }) => name === 'start' && type === 'instant')) {
    throw new UsageError('--from, --to: expected a dataset whose records have a start, got one without')
  }
  const plan = where === undefined ? undefined : readOption('where', where, (text) => parseFilter(text, specs))
  let selection = new Uint32Array(0)
  return {
    columns: [...(timed ? ['start'] : []), ...(plan?.columns ?? [])],
    all: !timed && plan === undefined,
    select(batch) {
      if (selection.length < batch.length) selection = new Uint32Array(batch.length)
      const count = plan === undefined ? selectAll(batch, selection) : plan.select(batch, selection)
      return selection.subarray(0, timed ? keepPeriod(batch, selection, count, period) : count)
    },
  }
}

function selectAll({ length }: Batch, selection: Uint32Array): number {
  for (let row = 0; row < length; row++) selection[row] = row
  return length
}

/** Keeps the selected rows that start inside the period; returns how many. */
function keepPeriod(batch: Batch, selection: Uint32Array, count: number, period: Period): number {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = period
  const { start } = batch.columns
  if (start?.type !== 'instant') return count
  let kept = 0
  for (let at = 0; at < count; at++) {
    const row = selection[at]!
    const time = start.values[row]!
    if (time >= from && time < to) selection[kept++] = row
  }
  return kept
}
