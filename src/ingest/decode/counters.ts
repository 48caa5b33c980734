import type { MalformedReason } from './reasons.ts'

/** What a decoder has done since it was made; all numbers only grow. */
export interface DecodeCounters {
  datagrams: number
  malformedDatagrams: number
  /** Of `malformedDatagrams`, by reason; a reason that never occurred is absent. */
  malformed: { [R in MalformedReason]?: number }
  /** Data records of data templates, v5 records and sFlow flow records, sets decoded late included. */
  records: number
  /** Of `records`, those of sets that waited for their template. */
  lateRecords: number
  /** Rows written to the sink: records and reverse halves, less `quarantined`. */
  flows: number
  /** Of `flows`, reverse halves. */
  reverseFlows: number
  optionsRecords: number
  /** Of `optionsRecords`, those of sets that waited for their template. */
  lateOptionsRecords: number
  /** Template definitions received, both kinds, repeats included. */
  templates: number
  /** Of `templates`, those of options templates. */
  optionsTemplates: number
  /** Template withdrawals received; over UDP they change nothing (RFC 7011 section 8.4). */
  withdrawals: number
  /** Templates not kept because they are over a budget (fields, bytes). */
  templatesRefused: number
  /** Templates forgotten to make room (LRU) or because their lifetime is over. */
  templatesEvicted: number
  templatesExpired: number
  /** Data sets that arrived before their template. */
  setsWithoutTemplate: number
  /** Of those, given up: too old, over a budget, or abandoned. */
  setsGivenUp: number
  /** Sets with a reserved id, skipped. */
  reservedSets: number
  /** Flows with a counter above 2^53 - 1, sent to the quarantine. */
  quarantined: number
  /** Datagrams that repeat one of the same session byte for byte. */
  duplicates: number
  sflowDatagrams: number
  flowSamples: number
  expandedFlowSamples: number
  counterSamples: number
  expandedCounterSamples: number
  /** sFlow samples of any other format, skipped. */
  undecodedSamples: number
  /** Of `undecodedSamples`, discarded packet notifications (format 5). */
  discardedSamples: number
}

export function createCounters(): DecodeCounters {
  return {
    datagrams: 0,
    malformedDatagrams: 0,
    malformed: {},
    records: 0,
    lateRecords: 0,
    flows: 0,
    reverseFlows: 0,
    optionsRecords: 0,
    lateOptionsRecords: 0,
    templates: 0,
    optionsTemplates: 0,
    withdrawals: 0,
    templatesRefused: 0,
    templatesEvicted: 0,
    templatesExpired: 0,
    setsWithoutTemplate: 0,
    setsGivenUp: 0,
    reservedSets: 0,
    quarantined: 0,
    duplicates: 0,
    sflowDatagrams: 0,
    flowSamples: 0,
    expandedFlowSamples: 0,
    counterSamples: 0,
    expandedCounterSamples: 0,
    undecodedSamples: 0,
    discardedSamples: 0,
  }
}
