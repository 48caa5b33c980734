import type { FlowRows } from './flow-rows.ts'
import type { Origin } from './origin.ts'

/** Fills exporter, domain and arrival of rows [from, to). */
export function fillOrigin(rows: FlowRows, from: number, to: number, { exporter, domain, receivedMs }: Origin): void {
  rows.received.fill(receivedMs, from, to)
  rows.exporter.family.fill(exporter.family, from, to)
  rows.exporter.v4.fill(exporter.v4, from, to)
  if (exporter.family === 4) rows.exporter.v6.fill(0, from * 16, to * 16)
  else for (let row = from; row < to; row++) rows.exporter.v6.set(exporter.v6, row * 16)
  rows.domain.fill(domain, from, to)
}
