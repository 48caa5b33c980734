import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../src/flow/column.ts'
import type { Chart } from '../../src/report/plot/chart.ts'
import { ChartBuilder } from '../../src/report/plot/chart.ts'
import { reportPage } from '../../src/report/plot/page.ts'
import { svgChart } from '../../src/report/plot/svg.ts'
import { sparkline, terminalLines } from '../../src/report/plot/terminal.ts'

const ports: ColumnSpec[] = [
  { name: 'port', type: 'u16' },
  { name: 'packets', type: 'u64' },
  { name: 'bytes', type: 'u64' },
]

function portChart(top = 2): Chart {
  const builder = new ChartBuilder({ title: 'port-breakdown', columns: ports, keys: ['port'], top })
  for (const [port, bytes] of [
    [53, 1000],
    [443, 4_000_000],
    [80, 2_000_000],
    [22, 500],
  ] as const) {
    builder.add([port, 1n, BigInt(bytes)])
  }
  return builder.finish()
}

const series: ColumnSpec[] = [
  { name: 'bin', type: 'instant' },
  { name: 'src', type: 'address' },
  { name: 'bytes', type: 'u64' },
]

function seriesChart(): Chart {
  const builder = new ChartBuilder({ title: 'bytes <b>', columns: series, keys: ['bin', 'src'], top: 1 })
  for (const [minute, src, bytes] of [
    [2, '10.0.0.1', 30n],
    [0, '10.0.0.1', 10n],
    [1, '10.0.0.2', 5n],
    [0, '10.0.0.3', 6n],
  ] as const) {
    builder.add([`2026-01-01T00:0${minute}:00.000Z`, src, bytes])
  }
  return builder.finish()
}

describe('ChartBuilder', () => {
  it('draws the greatest rows by the byte column and sums up the others', () => {
    expect(portChart()).toEqual({
      type: 'bars',
      title: 'port-breakdown',
      measure: 'bytes',
      bytes: true,
      bars: [
        { label: '443', value: 4_000_000 },
        { label: '80', value: 2_000_000 },
      ],
      others: { rows: 2, value: 1500 },
    })
  })

  it('draws a line per group over time when a key is an instant, and the others as one line', () => {
    const start = Date.parse('2026-01-01T00:00:00Z')
    expect(seriesChart()).toMatchObject({
      type: 'series',
      times: [start, start + 60_000, start + 120_000],
      lines: [
        { label: '10.0.0.1', values: [10, 0, 30] },
        { label: '2 others', values: [6, 5, 0] },
      ],
    })
  })

  it('names the columns that can be drawn when asked for another', () => {
    const make = () => new ChartBuilder({ title: 't', columns: ports, keys: ['port'], measure: 'octets' })
    expect(make).toThrow('report: column to draw expected one of port, packets, bytes, got octets')
  })
})

describe('terminalLines', () => {
  it('draws bars to scale with labels, figures and what is left out', () => {
    expect(terminalLines(portChart(), 40)).toEqual([
      'port-breakdown: bytes',
      '',
      '443  4.00 MB  ██████████████████████████',
      '80   2.00 MB  █████████████',
      'and 2 more with 1.50 kB together',
    ])
  })

  it('draws a sparkline per group', () => {
    const lines = terminalLines(seriesChart(), 60)
    expect(lines[0]).toBe('bytes <b>: bytes, 2026-01-01T00:00:00.000Z to 2026-01-01T00:02:00.000Z')
    expect(lines[2]).toBe('10.0.0.1        30 B  ▃ █')
  })
})

describe('sparkline', () => {
  it('sums neighbours up when there are more values than columns', () => {
    expect(sparkline([1, 1, 2, 2, 4, 4], 3)).toBe('▃▅█')
    expect(sparkline([0, 0])).toBe('  ')
  })
})

describe('svgChart', () => {
  it('is one element that escapes every text and loads nothing', () => {
    const svg = svgChart(seriesChart())
    expect(svg).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>$/)
    expect(svg).toContain('aria-label="bytes &#60;b&#62;"')
    expect(svg.match(/<polyline/g)).toHaveLength(2)
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|url\(/)
    expect(svgChart(portChart()).match(/<rect/g)).toHaveLength(2)
  })
})

describe('reportPage', () => {
  it('holds facts, chart and table, and escapes names from the network', () => {
    const page = reportPage({
      title: 'ports',
      facts: [['run', '20261121T001503Z-ports-3f9a01c2']],
      chart: portChart(),
      table: { header: ['port', 'bytes'], numbers: [true, true], rows: [['<script>', '1']], left: 7 },
    })
    expect(page).toContain('<dt>run</dt><dd>20261121T001503Z-ports-3f9a01c2</dd>')
    expect(page).toContain('<td class="n">&#60;script&#62;</td>')
    expect(page).not.toContain('<script>')
    expect(page).toContain('7 more rows')
  })
})
