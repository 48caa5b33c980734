import { fill, zeroV6 } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import type { Origin } from './origin.ts'

/** Fills exporter, domain and arrival of rows [from, to). */
export function fillOrigin(rows: FlowRows, from: number, to: number, { exporter, domain, receivedMs }: Origin): void {
  fill(rows.received, receivedMs, from, to)
  if (exporter.family === 4) zeroV6(rows.exporter, from, to)
  fill(rows.exporter.family, exporter.family, from, to)
  fill(rows.exporter.v4, exporter.v4, from, to)
  if (exporter.family === 6) for (let row = from; row < to; row++) rows.exporter.v6.set(exporter.v6, row * 16)
  fill(rows.domain, domain, from, to)
}
