import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { AddressTable } from '../../vocabulary/address-table.ts'
import type { AnyAggregateDefinition } from '../../vocabulary/aggregate.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { CustomFold } from '../program.ts'
import { readCell, writeCell } from './cell.ts'

/** Folds one of the user's aggregates: states are the plain objects that its functions make, one field per state column. */
export function customFold(definition: AnyAggregateDefinition): CustomFold {
  const { name } = definition
  const state: ColumnSpec[] = Object.entries(definition.state).map(([column, { column: type }]) => ({
    name: column,
    type,
  }))
  // Addresses get no handles here: they would outlive the call. `checkAggregate` refuses the types that need them.
  const none = new AddressTable()
  const stateOf = (value: unknown): object => {
    if (typeof value === 'object' && value !== null) return value
    throw new JobError(
      'bad-value',
      `aggregate ${name}: state expected an object, got ${value === null ? 'null' : typeof value}`,
    )
  }
  return {
    state,
    init: () => stateOf(definition.init()),
    add(current, input, row) {
      definition.add(stateOf(current), readCell(input, row, none))
      return current
    },
    merge(current, other) {
      definition.merge(stateOf(current), stateOf(other))
      return current
    },
    result(current, output, row) {
      writeCell(output, row, definition.result(stateOf(current)), none, `aggregate ${name}: result`)
    },
    store(current, batch, row) {
      const fields: { readonly [name: string]: unknown } = { ...stateOf(current) }
      for (const column of state)
        writeCell(
          batch.columns[column.name]!,
          row,
          fields[column.name],
          none,
          `aggregate ${name}: state ${column.name}`,
        )
    },
    load: (batch: Batch, row) =>
      Object.fromEntries(state.map((column) => [column.name, readCell(batch.columns[column.name]!, row, none)])),
  }
}
