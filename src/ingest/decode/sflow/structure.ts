import type { MalformedReason } from '../reasons.ts'

/** Sample and record formats of enterprise 0 (sFlow v5). */
export const FLOW_SAMPLE = 1
export const COUNTER_SAMPLE = 2
export const EXPANDED_FLOW_SAMPLE = 3
export const EXPANDED_COUNTER_SAMPLE = 4
export const DISCARDED_PACKET = 5
export const RAW_HEADER = 1
export const ETHERNET_FRAME = 2
export const SAMPLED_IPV4 = 3
export const SAMPLED_IPV6 = 4
export const EXTENDED_SWITCH = 1001
export const EXTENDED_ROUTER = 1002
export const EXTENDED_GATEWAY = 1003

/** Octets of a sample before its records, the number of records last. */
export const SAMPLE_HEADER: { readonly [format: number]: number } = {
  [FLOW_SAMPLE]: 32,
  [COUNTER_SAMPLE]: 12,
  [EXPANDED_FLOW_SAMPLE]: 44,
  [EXPANDED_COUNTER_SAMPLE]: 16,
}

/** Octets of the fields of records of fixed length. */
const RECORD_FIELDS: { readonly [format: number]: number } = {
  [ETHERNET_FRAME]: 24,
  [SAMPLED_IPV4]: 32,
  [SAMPLED_IPV6]: 56,
  [EXTENDED_SWITCH]: 16,
}

const isFlowSample = (format: number): boolean => format === FLOW_SAMPLE || format === EXPANDED_FLOW_SAMPLE

/** Where the samples of a datagram start, and how many there are; undefined length of the header is a reason. */
export interface SflowHeader {
  readonly agentAt: number
  readonly agentLength: 4 | 16
  readonly subAgent: number
  readonly sequence: number
  readonly samples: number
  readonly at: number
}

/** Reads the header of an sFlow v5 datagram. */
export function readSflowHeader(view: DataView): SflowHeader | MalformedReason {
  if (view.byteLength < 8) return 'header-cut'
  const type = view.getUint32(4)
  if (type !== 1 && type !== 2) return 'agent-address-type'
  const agentLength = type === 1 ? 4 : 16
  const at = 8 + agentLength
  if (view.byteLength < at + 16) return 'header-cut'
  const [subAgent, sequence, samples] = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 12)]
  return { agentAt: 8, agentLength, subAgent, sequence, samples, at: at + 16 }
}

/** A sample or a record: its format (enterprise * 4096 + format) and octets. */
export interface Item {
  format: number
  start: number
  end: number
  /** Where the next item starts: lengths are padded to four octets, the last padding may be missing. */
  next: number
}

/** Reads the item at `at` into `item`; false when it runs over `limit`. */
export function readItem(view: DataView, at: number, limit: number, item: Item): boolean {
  if (limit - at < 8) return false
  const length = view.getUint32(at + 4)
  item.format = view.getUint32(at)
  item.start = at + 8
  item.end = item.start + length
  item.next = item.start + Math.ceil(length / 4) * 4
  return item.end <= limit
}

/** Checks all samples of a datagram and the records in them; returns why it is malformed, or undefined. Nothing is decoded. */
export function checkSamples(view: DataView, { samples, at: start }: SflowHeader): MalformedReason | undefined {
  const sample: Item = { format: 0, start: 0, end: 0, next: 0 }
  let at = start
  for (let i = 0; i < samples; i++) {
    if (view.byteLength - at < 8) return 'samples-missing'
    if (!readItem(view, at, view.byteLength, sample)) return 'sample-cut'
    const reason = checkSample(view, sample)
    if (reason) return reason
    at = sample.next
  }
  return undefined
}

function checkSample(view: DataView, { format, start, end }: Item): MalformedReason | undefined {
  const header = SAMPLE_HEADER[format]
  if (header === undefined) return undefined
  if (end - start < header) return 'sample-cut'
  const records = view.getUint32(start + header - 4)
  const record: Item = { format: 0, start: 0, end: 0, next: 0 }
  let at = start + header
  for (let i = 0; i < records; i++) {
    if (!readItem(view, at, end, record)) return 'record-cut'
    const reason = isFlowSample(format) ? checkFlowRecord(view, record) : undefined
    if (reason) return reason
    at = record.next
  }
  return undefined
}

function checkFlowRecord(view: DataView, record: Item): MalformedReason | undefined {
  const { format, start, end } = record
  switch (format) {
    case RAW_HEADER:
      return end - start < 16 || view.getUint32(start + 12) > end - start - 16 ? 'record-cut' : undefined
    case EXTENDED_ROUTER:
      return checkHop(view, start, end, 8)
    case EXTENDED_GATEWAY:
      return checkGateway(view, record)
    default:
      return end - start < (RECORD_FIELDS[format] ?? 0) ? 'record-cut' : undefined
  }
}

/** Octets of a next hop: its type, and 0, 4 or 16 octets of address; -1 for another type. */
export function hopLength(view: DataView, at: number): number {
  const type = view.getUint32(at)
  return type === 0 ? 4 : type === 1 ? 8 : type === 2 ? 20 : -1
}

/** Checks a next hop that `more` octets must follow. */
function checkHop(view: DataView, start: number, end: number, more: number): MalformedReason | undefined {
  if (end - start < 4) return 'record-cut'
  const length = hopLength(view, start)
  if (length < 0) return 'next-hop-type'
  return end - start < length + more ? 'record-cut' : undefined
}

/** Next hop, three AS numbers, path segments, communities, local preference. */
function checkGateway(view: DataView, { start, end }: Item): MalformedReason | undefined {
  const reason = checkHop(view, start, end, 16)
  if (reason) return reason
  let at = start + hopLength(view, start) + 12
  const segments = view.getUint32(at)
  at += 4
  for (let i = 0; i < segments; i++) {
    if (end - at < 8) return 'record-cut'
    at += 8 + view.getUint32(at + 4) * 4
  }
  if (end - at < 4) return 'record-cut'
  at += 4 + view.getUint32(at) * 4
  return end - at < 4 ? 'record-cut' : undefined
}
