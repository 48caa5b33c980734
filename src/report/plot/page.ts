import type { Chart } from './chart.ts'
import { escapeMarkup, svgChart } from './svg.ts'

export interface ReportPage {
  readonly title: string
  /** Facts about the result, in order: run, period, coverage ... */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly chart: Chart
  /** Header and rows of the table below the chart, as text; `numbers` says which columns line up on the right. */
  readonly table: {
    readonly header: readonly string[]
    readonly numbers: readonly boolean[]
    readonly rows: readonly (readonly string[])[]
    /** Rows of the result that the table leaves out. */
    readonly left: number
  }
}

const STYLE = `body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin-top:1.5rem}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}
.n{text-align:right;font-variant-numeric:tabular-nums}dt{float:left;clear:left;width:9rem;color:#666}dd{margin-left:9.5rem}svg{width:100%;height:auto}`

/** A self-contained HTML page of a result: facts, chart, table. It loads nothing, so that it can be mailed and archived. */
export function reportPage({ title, facts, chart, table }: ReportPage): string {
  const cell = (tag: string) => (text: string, index: number) =>
    `<${tag}${table.numbers[index] ? ' class="n"' : ''}>${escapeMarkup(text)}</${tag}>`
  const row = (tag: string, texts: readonly string[]): string => `<tr>${texts.map(cell(tag)).join('')}</tr>`
  const left = table.left > 0 ? `<p>${table.left} more rows are not shown.</p>` : ''
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeMarkup(title)}</title><style>${STYLE}</style></head>
<body>
<h1>${escapeMarkup(title)}</h1>
<dl>${facts.map(([name, value]) => `<dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(value)}</dd>`).join('\n')}</dl>
${svgChart(chart)}
<table>
<thead>${row('th', table.header)}</thead>
<tbody>
${table.rows.map((texts) => row('td', texts)).join('\n')}
</tbody>
</table>
${left}
</body>
</html>
`
}
