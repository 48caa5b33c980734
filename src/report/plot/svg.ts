import type { BarChart, Chart, SeriesChart } from './chart.ts'
import { figure } from './terminal.ts'

/** Draws a chart as one SVG element that needs nothing else: no script, no font, no network. */
export function svgChart(chart: Chart): string {
  return chart.type === 'bars' ? svgBars(chart) : svgSeries(chart)
}

/** Text made safe inside HTML and SVG, attributes included. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Colours that stay apart for colour-blind readers (Okabe and Ito), then greys. */
const COLOURS = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#d55e00',
  '#56b4e9',
  '#cc79a7',
  '#f0e442',
  '#000000',
  '#666666',
  '#999999',
  '#cccccc',
]

const WIDTH = 960
const ROW = 26
const LABEL_WIDTH = 300
const FIGURE_WIDTH = 110

function svgBars({ title, bytes, bars }: BarChart): string {
  const greatest = Math.max(1, ...bars.map(({ value }) => value))
  const room = WIDTH - LABEL_WIDTH - FIGURE_WIDTH
  const rows = bars.map(({ label, value }, index) => {
    const y = index * ROW
    const width = Math.max(1, (room * value) / greatest).toFixed(1)
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${y + 17}" text-anchor="end">${escapeMarkup(shorten(label))}</text>` +
      `<rect x="${LABEL_WIDTH}" y="${y + 4}" width="${width}" height="${ROW - 8}" fill="${COLOURS[0]}"/>` +
      `<text x="${(LABEL_WIDTH + Number(width) + 6).toFixed(1)}" y="${y + 17}">${escapeMarkup(figure(value, bytes))}</text>`
    )
  })
  return svg(title, bars.length * ROW + 8, rows.join('\n'))
}

const PLOT = { left: 90, right: 20, top: 10, height: 320 } as const

function svgSeries({ title, bytes, times, lines }: SeriesChart): string {
  const first = times[0] ?? 0
  const last = times.at(-1) ?? first
  const greatest = lines.reduce((most, { values }) => values.reduce((peak, value) => Math.max(peak, value), most), 1)
  const x = (time: number): number =>
    PLOT.left + ((WIDTH - PLOT.left - PLOT.right) * (time - first)) / Math.max(1, last - first)
  const y = (value: number): number => PLOT.top + PLOT.height * (1 - value / greatest)
  const paths = lines.map(({ values }, index) => {
    const points = values.map((value, at) => `${x(times[at]!).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    return `<polyline points="${points}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>`
  })
  const bottom = PLOT.top + PLOT.height
  const legend = lines.map(({ label }, index) => {
    const top = bottom + 44 + index * 20
    return (
      `<rect x="${PLOT.left}" y="${top - 10}" width="12" height="12" fill="${colour(index)}"/>` +
      `<text x="${PLOT.left + 20}" y="${top}">${escapeMarkup(shorten(label))}</text>`
    )
  })
  return svg(
    title,
    bottom + 50 + lines.length * 20,
    [axes({ greatest, bytes, first, last, y, bottom }), ...paths, ...legend].join('\n'),
  )
}

interface Axes {
  readonly greatest: number
  readonly bytes: boolean
  readonly first: number
  readonly last: number
  readonly bottom: number
  y(value: number): number
}

function axes({ greatest, bytes, first, last, bottom, y }: Axes): string {
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(greatest * share).toFixed(1)
    return (
      `<line x1="${PLOT.left}" y1="${at}" x2="${WIDTH - PLOT.right}" y2="${at}" stroke="#ddd"/>` +
      `<text x="${PLOT.left - 8}" y="${Number(at) + 4}" text-anchor="end">${escapeMarkup(figure(Math.round(greatest * share), bytes))}</text>`
    )
  })
  const label = (time: number, x: number, anchor: string): string =>
    `<text x="${x}" y="${bottom + 20}" text-anchor="${anchor}">${new Date(time).toISOString()}</text>`
  return [...levels, label(first, PLOT.left, 'start'), label(last, WIDTH - PLOT.right, 'end')].join('\n')
}

const colour = (index: number): string => COLOURS[index % COLOURS.length]!

const shorten = (text: string): string => (text.length > 44 ? `${text.slice(0, 43)}…` : text)

function svg(title: string, height: number, content: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeMarkup(title)}" ` +
    `font-family="system-ui, sans-serif" font-size="13">\n${content}\n</svg>`
  )
}
