/** Rows between two marks of a run file, about. */
export const MARK_ROWS = 8192

/** A place in a slice of sorted rows from which it can be read: a frame begins there. */
export interface Mark {
  /** Rows of the slice before it. */
  readonly row: number
  /** Of the frame, in the file. */
  readonly offset: number
  /** What orders the row there, hexadecimal: compares as its bytes do. */
  readonly key: string
}

/** A slice of sorted rows. */
export interface MarkedSlice {
  readonly records: number
  readonly marks?: readonly Mark[]
}

/**
 * Where to begin to merge sorted slices so as to come to row `row` of the whole after few others: for each slice a mark, or its start. Every row before these places comes before that
 * row in the merge, so they need not be read; `skipped` says how many they are, and at most about `MARK_ROWS` of each slice are left to pass over.
 */
export function startsBefore(
  slices: readonly MarkedSlice[],
  row: number,
): { readonly starts: readonly (Mark | undefined)[]; readonly skipped: number } {
  const bound = boundOf(slices, row)
  const starts = slices.map(({ marks = [] }) => marks.findLast(({ key }) => bound !== undefined && key < bound))
  return { starts, skipped: starts.reduce((sum, mark) => sum + (mark?.row ?? 0), 0) }
}

/** The largest key of a mark of which it is known that at most `row` rows have smaller ones: in each slice those before the first mark that is not smaller. */
function boundOf(slices: readonly MarkedSlice[], row: number): string | undefined {
  const before = slices.map(({ marks = [], records }) => marks[0]?.row ?? records)
  const passed = slices.map(() => 0)
  let most = before.reduce((sum, rows) => sum + rows, 0)
  let bound: string | undefined
  const all = slices.flatMap(({ marks = [] }, slice) => marks.map(({ key }) => ({ key, slice })))
  all.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  for (const { key, slice } of all) {
    if (most > row) break
    bound = key
    const { marks = [], records } = slices[slice]!
    const next = marks[++passed[slice]!]?.row ?? records
    most += next - before[slice]!
    before[slice] = next
  }
  return bound
}
