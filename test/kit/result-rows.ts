import type { Value } from '../../src/flow/value.ts'
import { valueAt } from '../../src/flow/value.ts'
import type { RunOutcome } from '../../src/runtime/run/outcome.ts'

/** The rows of a result as values, in order. */
export async function resultRows({ rows, columns }: RunOutcome): Promise<Value[][]> {
  const all: Value[][] = []
  for await (const batch of rows())
    for (let row = 0; row < batch.length; row++) all.push(columns.map(({ name }) => valueAt(batch.columns[name]!, row)))
  return all
}
