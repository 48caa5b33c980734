/** A step of a filter that kernels carry out: it leaves marks of its rows, or joins those of the steps before it. */
export type MarkStep = MarkRange | MarkJoin

/** Marks the rows whose value lies in [low, high]. */
export interface MarkRange {
  readonly type: 'range'
  readonly column: string
  readonly part: 'values' | 'v4' | 'family'
  readonly low: number
  readonly high: number
}

/** In place of the two marks before it, what is in both or in either; `not` turns the marks before it around. */
interface MarkJoin {
  readonly type: 'and' | 'or' | 'not'
}
