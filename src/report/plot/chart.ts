import type { ColumnSpec } from '../../flow/column.ts'
import type { Value } from '../../flow/value.ts'
import { isBytes, isNumber } from '../columns.ts'

/**
 * What is drawn of a result, as plain data: a time series when it has an instant among its leading columns, else the greatest rows as
 * bars. The drawing itself (terminal, SVG) is another function.
 */
export type Chart = SeriesChart | BarChart

export interface SeriesChart {
  readonly type: 'series'
  readonly title: string
  readonly measure: string
  readonly bytes: boolean
  /** Instants in milliseconds, ascending. */
  readonly times: readonly number[]
  /** The greatest groups, then the sum of the others; each as long as `times`. */
  readonly lines: readonly { readonly label: string; readonly values: readonly number[] }[]
}

export interface BarChart {
  readonly type: 'bars'
  readonly title: string
  readonly measure: string
  readonly bytes: boolean
  readonly bars: readonly { readonly label: string; readonly value: number }[]
  /** Rows that are not drawn, and the sum of their values. */
  readonly others: { readonly rows: number; readonly value: number }
}

export interface ChartOptions {
  readonly title: string
  readonly columns: readonly ColumnSpec[]
  /** Names of the key columns: together they label a bar or a line, but for an instant among them, which is the time axis. */
  readonly keys: readonly string[]
  /** Column drawn; default: the first that counts bytes, else the first number that is no key. */
  readonly measure?: string | undefined
  /** Bars, or lines, drawn by name. */
  readonly top?: number
}

/** Labels kept at once, so that a result of millions of rows ends in a message and not in a full memory. */
const MAX_LABELS = 1_000_000

/** Folds result rows into a chart without keeping them. */
export class ChartBuilder {
  readonly #title: string
  readonly #measureSpec: ColumnSpec
  readonly #top: number
  readonly #measure: number
  readonly #time: number
  readonly #labels: readonly number[]
  /** Sums per label, and per label and time when there is a time. */
  readonly #totals = new Map<string, number>()
  readonly #cells = new Map<string, Map<number, number>>()

  constructor({ title, columns, keys, measure, top = 10 }: ChartOptions) {
    const isKey = columns.map(({ name }) => keys.includes(name))
    this.#title = title
    this.#top = top
    this.#time = columns.findIndex(({ type }, index) => isKey[index] && type === 'instant')
    this.#labels = columns.map((_, index) => index).filter((index) => isKey[index] && index !== this.#time)
    this.#measure = measureColumn(columns, isKey, measure)
    const spec = columns[this.#measure]
    if (spec === undefined) {
      throw new Error(
        `report: column to draw expected one of ${measures(columns).join(', ') || 'none'}, got ${measure ?? 'none'}`,
      )
    }
    this.#measureSpec = spec
  }

  /** Adds one row, cells in the order of the columns. */
  add(cells: readonly Value[]): void {
    const value = Number(cells[this.#measure] ?? 0)
    const label = this.#labels.map((index) => String(cells[index] ?? '-')).join(' ') || this.#measureSpec.name
    if (!this.#totals.has(label) && this.#totals.size === MAX_LABELS) {
      throw new Error(`report: groups to draw expected at most ${MAX_LABELS}, got more: narrow the job with --where`)
    }
    this.#totals.set(label, (this.#totals.get(label) ?? 0) + value)
    if (this.#time < 0) return
    const time = Date.parse(String(cells[this.#time]))
    const line = this.#cells.get(label) ?? new Map<number, number>()
    line.set(time, (line.get(time) ?? 0) + value)
    this.#cells.set(label, line)
  }

  finish(): Chart {
    const ranked = [...this.#totals].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    const shown = ranked.slice(0, this.#top)
    const rest = ranked.slice(this.#top)
    const common = { title: this.#title, measure: this.#measureSpec.name, bytes: isBytes(this.#measureSpec) }
    if (this.#time >= 0) return { type: 'series', ...common, ...this.#lines(shown, rest) }
    const others = { rows: rest.length, value: rest.reduce((sum, [, value]) => sum + value, 0) }
    return { type: 'bars', ...common, bars: shown.map(([label, value]) => ({ label, value })), others }
  }

  #lines(shown: readonly Ranked[], rest: readonly Ranked[]): Pick<SeriesChart, 'times' | 'lines'> {
    const times = [...new Set([...this.#cells.values()].flatMap((line) => [...line.keys()]))].sort((a, b) => a - b)
    const at = (label: string, time: number): number => this.#cells.get(label)?.get(time) ?? 0
    const lines = shown.map(([label]) => ({ label, values: times.map((time) => at(label, time)) }))
    if (rest.length > 0) {
      const values = times.map((time) => rest.reduce((sum, [label]) => sum + at(label, time), 0))
      lines.push({ label: `${rest.length} others`, values })
    }
    return { times, lines }
  }
}

type Ranked = readonly [label: string, value: number]

/** Names of the columns that can be drawn. */
export function measures(columns: readonly ColumnSpec[]): string[] {
  return columns.filter(isNumber).map(({ name }) => name)
}

function measureColumn(columns: readonly ColumnSpec[], isKey: readonly boolean[], name: string | undefined): number {
  if (name !== undefined) return columns.findIndex((column) => column.name === name && isNumber(column))
  const bytes = columns.findIndex((column, index) => isBytes(column) && !isKey[index])
  return bytes >= 0 ? bytes : columns.findIndex((column, index) => isNumber(column) && !isKey[index])
}
