import { countOf, percent, thousands } from './number.ts'

/** What share of the traffic a result rests on, as `--format json` prints it. */
export interface CoverageFigures {
  readonly flows: number
  readonly lost: { readonly flows: number; readonly datagrams: number; readonly records: number }
  readonly undecodable: number
  readonly malformed: number
  readonly corrupt: number
  readonly quarantined: number
  readonly samplingUnknown: number
}

/** Coverage of nothing, with nothing lost. */
export const NOTHING_MISSING: CoverageFigures = {
  flows: 0,
  lost: { flows: 0, datagrams: 0, records: 0 },
  undecodable: 0,
  malformed: 0,
  corrupt: 0,
  quarantined: 0,
  samplingUnknown: 0,
}

/** Coverage in a line or a few: what the result rests on, and everything that is missing from it. */
export function coverageLines(coverage: CoverageFigures): string[] {
  const { flows, lost, undecodable, malformed, corrupt, quarantined, samplingUnknown } = coverage
  const missing = [
    counted(lost.flows, 'flow', 'lost (v5)'),
    counted(lost.records, 'record', 'lost (IPFIX)'),
    counted(lost.datagrams, 'datagram', 'lost (v9, sFlow)'),
    counted(undecodable, 'data set', 'without a template'),
    counted(malformed, 'datagram', 'malformed'),
    counted(corrupt, 'flow', 'in corrupt chunks'),
    counted(quarantined, 'flow', 'quarantined'),
  ].filter((text) => text !== '')
  const lostUnits = lost.flows + lost.records
  const share = lostUnits > 0 ? ` (${percent(flows, flows + lostUnits)} of the flows sent)` : ''
  const lines = [
    missing.length === 0
      ? `coverage: ${thousands(flows)} flows, nothing known to be missing`
      : `coverage: ${thousands(flows)} flows${share}; missing: ${missing.join(', ')}`,
  ]
  if (samplingUnknown > 0) {
    lines.push(
      `sampling: unknown for ${thousands(samplingUnknown)} flows (${percent(samplingUnknown, flows)}), counted as unsampled`,
    )
  }
  return lines
}

function counted(count: number, noun: string, what: string): string {
  return count === 0 ? '' : `${countOf(count, noun)} ${what}`
}
