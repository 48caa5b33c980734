import { formatBytes } from '../../flow/size.ts'
import { bar } from '../bar.ts'
import { thousands } from '../number.ts'
import { displayWidth, printable, truncate } from '../width.ts'
import type { BarChart, Chart, SeriesChart } from './chart.ts'

/** Draws a chart with block characters, `width` columns wide. */
export function terminalLines(chart: Chart, width = 80): string[] {
  return chart.type === 'bars' ? barLines(chart, width) : seriesLines(chart, width)
}

function barLines({ title, measure, bytes, bars, others }: BarChart, width: number): string[] {
  const labels = bars.map(({ label }) => truncate(printable(label), 40))
  const figures = bars.map(({ value }) => figure(value, bytes))
  const labelWidth = Math.max(0, ...labels.map(displayWidth))
  const figureWidth = Math.max(0, ...figures.map(displayWidth))
  const greatest = Math.max(0, ...bars.map(({ value }) => value))
  const room = Math.max(8, width - labelWidth - figureWidth - 4)
  const lines = bars.map(({ value }, index) => {
    const share = greatest > 0 ? value / greatest : 0
    return `${padEnd(labels[index]!, labelWidth)}  ${figures[index]!.padStart(figureWidth)}  ${bar(share, room)}`.trimEnd()
  })
  if (others.rows > 0) lines.push(`and ${thousands(others.rows)} more with ${figure(others.value, bytes)} together`)
  return [`${title}: ${measure}`, '', ...lines]
}

function seriesLines({ title, measure, bytes, times, lines }: SeriesChart, width: number): string[] {
  const first = times[0]
  const last = times.at(-1)
  if (first === undefined || last === undefined) return [`${title}: ${measure}`, '', 'no rows']
  const labels = lines.map(({ label }) => truncate(printable(label), 32))
  const labelWidth = Math.max(...labels.map(displayWidth))
  const room = Math.max(8, width - labelWidth - 14)
  const span = `${new Date(first).toISOString()} to ${new Date(last).toISOString()}`
  return [
    `${title}: ${measure}, ${span}`,
    '',
    ...lines.map(({ values }, index) => {
      const peak = values.reduce((most, value) => Math.max(most, value), 0)
      return `${padEnd(labels[index]!, labelWidth)}  ${figure(peak, bytes).padStart(10)}  ${sparkline(values, room)}`
    }),
    '',
    'the figure is the greatest value of the line; each line has its own scale',
  ]
}

const LEVELS = '▁▂▃▄▅▆▇█'

/** A line of values as block characters; more values than columns are summed up by neighbours. */
export function sparkline(values: readonly number[], columns = values.length): string {
  const perColumn = Math.max(1, Math.ceil(values.length / Math.max(1, columns)))
  const sums: number[] = []
  for (let first = 0; first < values.length; first += perColumn) {
    sums.push(values.slice(first, first + perColumn).reduce((sum, value) => sum + value, 0))
  }
  const greatest = Math.max(0, ...sums)
  return sums.map((sum) => (sum <= 0 ? ' ' : LEVELS[Math.min(7, Math.floor((8 * sum) / greatest))]!)).join('')
}

/** A value of the measure with its unit. */
export function figure(value: number, bytes: boolean): string {
  return bytes ? formatBytes(value) : thousands(value)
}

const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - displayWidth(text)))
