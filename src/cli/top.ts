import { wholeNumber } from './read-option.ts'

/** `--top`: how many rows are printed. A table says how many it leaves out; other formats end there. */

/** Rows that a table shows. */
export function tableRowsOf(top: number | undefined): number {
  return top === undefined ? 20 : wholeNumber('top', top)
}

/** Ends a stream of rows at `--top`, except for a table, which counts the rows it leaves out. */
export async function* limitRows<T>(
  { format, top }: { readonly format: string; readonly top: number | undefined },
  rows: AsyncIterable<T> | Iterable<T>,
): AsyncGenerator<T> {
  const limit = format === 'table' || top === undefined ? Number.POSITIVE_INFINITY : wholeNumber('top', top)
  let count = 0
  if (limit === 0) return
  for await (const row of rows) {
    yield row
    if (++count >= limit) return
  }
}
