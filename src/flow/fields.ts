import type { ColumnOf, ColumnType } from './column.ts'

/**
 * The flow record, once: from this table the Avro schema, the Parquet schema, the batch columns, the typed `Flow` and
 * docs/fields.md are derived. Ids are permanent; fields are added at the end with a default, never retyped or removed.
 */
export interface FieldDefinition {
  /** Permanent number of the field. */
  readonly id: number
  readonly name: string
  readonly type: ColumnType
  readonly unit?: string
  /** The IANA information elements the field is filled from, in words. */
  readonly element: string
  readonly doc: string
  /** What zero, or an absent address, means. */
  readonly zero: string
  /** The value of rows whose block has no such field, where that is not zero. */
  readonly default?: number
  /** Stored as an Avro int although the column is wider; see `ColumnSpec`. */
  readonly avro?: 'int'
}

const define = <const T extends readonly FieldDefinition[]>(fields: T): T => fields

export const FLOW_FIELDS = define([
  {
    id: 1,
    name: 'start',
    type: 'instant',
    unit: 'ms',
    element: 'flowStartMilliseconds (152) and its kin',
    doc: 'Time of the first packet',
    zero: '1970-01-01T00:00:00Z',
  },
  {
    id: 2,
    name: 'end',
    type: 'instant',
    unit: 'ms',
    element: 'flowEndMilliseconds (153) and its kin',
    doc: 'Time of the last packet',
    zero: '1970-01-01T00:00:00Z',
  },
  {
    id: 3,
    name: 'received',
    type: 'instant',
    unit: 'ms',
    element: 'none',
    doc: 'Arrival of the datagram: by the clock of the daemon, the packet time of a capture, the export time of a payload file',
    zero: '1970-01-01T00:00:00Z',
  },
  {
    id: 4,
    name: 'exporter',
    type: 'address',
    element: 'exporterIPv4Address (130), exporterIPv6Address (131)',
    doc: 'Device that sent the datagram; IPv4-mapped addresses are IPv4',
    zero: 'never absent',
  },
  {
    id: 5,
    name: 'domain',
    type: 'u32',
    element: 'observationDomainId (149)',
    doc: 'Observation domain, v9 source id, or v5 engine type * 256 + engine id',
    zero: 'domain 0',
  },
  {
    id: 6,
    name: 'srcAddr',
    type: 'address',
    element: 'sourceIPv4Address (8), sourceIPv6Address (27)',
    doc: 'Source address',
    zero: 'absent: not exported',
  },
  {
    id: 7,
    name: 'dstAddr',
    type: 'address',
    element: 'destinationIPv4Address (12), destinationIPv6Address (28)',
    doc: 'Destination address',
    zero: 'absent: not exported',
  },
  {
    id: 8,
    name: 'nextHop',
    type: 'address',
    element: 'ipNextHopIPv4Address (15), ipNextHopIPv6Address (62)',
    doc: 'Next hop router',
    zero: 'absent: not exported',
  },
  {
    id: 9,
    name: 'srcPort',
    type: 'u16',
    element: 'sourceTransportPort (7)',
    doc: 'Source port',
    zero: 'port 0, or no port',
  },
  {
    id: 10,
    name: 'dstPort',
    type: 'u16',
    element: 'destinationTransportPort (11)',
    doc: 'Destination port; for ICMP as exported, usually type * 256 + code',
    zero: 'port 0, or no port',
  },
  {
    id: 11,
    name: 'proto',
    type: 'u8',
    element: 'protocolIdentifier (4)',
    doc: 'IP protocol number',
    zero: 'hop-by-hop options, or not exported',
  },
  {
    id: 12,
    name: 'tcpFlags',
    type: 'u16',
    element: 'tcpControlBits (6)',
    doc: 'TCP flags seen, or-ed',
    zero: 'no flag, or not exported',
  },
  {
    id: 13,
    name: 'tos',
    type: 'u8',
    element: 'ipClassOfService (5)',
    doc: 'Type of service: DSCP and ECN',
    zero: 'default class, or not exported',
  },
  {
    id: 14,
    name: 'bytes',
    type: 'u53',
    unit: 'octets',
    element: 'octetDeltaCount (1) and its kin',
    doc: 'Octets as exported, never scaled',
    zero: 'no octets, or not exported',
  },
  {
    id: 15,
    name: 'packets',
    type: 'u53',
    unit: 'packets',
    element: 'packetDeltaCount (2) and its kin',
    doc: 'Packets as exported, never scaled',
    zero: 'no packets, or not exported',
  },
  {
    id: 16,
    name: 'sampleSize',
    type: 'u53',
    element: 'samplingPacketInterval (305)',
    doc: 'n of n in N packets seen',
    zero: 'sampling unknown',
  },
  {
    id: 17,
    name: 'samplePopulation',
    type: 'u53',
    element: 'samplingInterval (34), samplingPacketInterval (305) + samplingPacketSpace (306)',
    doc: 'N of n in N packets seen; 1 of 1 is unsampled',
    zero: 'sampling unknown',
  },
  {
    id: 18,
    name: 'inputIf',
    type: 'u32',
    element: 'ingressInterface (10)',
    doc: 'Index of the input interface',
    zero: 'unknown',
  },
  {
    id: 19,
    name: 'outputIf',
    type: 'u32',
    element: 'egressInterface (14)',
    doc: 'Index of the output interface',
    zero: 'unknown, or dropped',
  },
  {
    id: 20,
    name: 'srcAs',
    type: 'u32',
    element: 'bgpSourceAsNumber (16)',
    doc: 'Source autonomous system',
    zero: 'own or unknown',
  },
  {
    id: 21,
    name: 'dstAs',
    type: 'u32',
    element: 'bgpDestinationAsNumber (17)',
    doc: 'Destination autonomous system',
    zero: 'own or unknown',
  },
  {
    id: 22,
    name: 'srcMask',
    type: 'u8',
    unit: 'bits',
    element: 'sourceIPv4PrefixLength (9), sourceIPv6PrefixLength (29)',
    doc: 'Prefix length of the source route',
    zero: 'default route, or not exported',
  },
  {
    id: 23,
    name: 'dstMask',
    type: 'u8',
    unit: 'bits',
    element: 'destinationIPv4PrefixLength (13), destinationIPv6PrefixLength (30)',
    doc: 'Prefix length of the destination route',
    zero: 'default route, or not exported',
  },
  {
    id: 24,
    name: 'vlan',
    type: 'u16',
    element: 'vlanId (58), dot1qVlanId (243)',
    doc: 'VLAN id',
    zero: 'untagged, or not exported',
  },
  {
    id: 25,
    name: 'direction',
    type: 'u8',
    element: 'flowDirection (61)',
    doc: '0 ingress, 1 egress, 255 not exported',
    zero: 'ingress',
    default: 255,
  },
  {
    id: 26,
    name: 'flags',
    type: 'u32',
    element: 'none',
    doc: 'What the collector noted about the flow, a bit set (`FLOW_FLAGS`)',
    zero: 'nothing noted',
    avro: 'int',
  },
])

/** The bits of the field `flags`. Bits are permanent; new ones are added at the end. `FLOW_FLAG_DOCS` says what each means. */
export const FLOW_FLAGS = {
  reverse: 1 << 0,
  timesUnknown: 1 << 1,
  oneTimeCopied: 1 << 2,
  totalCounters: 1 << 3,
  samplingAssumed: 1 << 4,
  endBeforeStart: 1 << 5,
  timeAfterExport: 1 << 6,
  decodedLate: 1 << 7,
  sampledPacket: 1 << 8,
  valueCut: 1 << 9,
} as const

/** What a set bit of `flags` means. */
export const FLOW_FLAG_DOCS: { readonly [N in keyof typeof FLOW_FLAGS]: string } = {
  reverse:
    'The second half of a biflow: ends swapped, counters of the reverse direction (RFC 5103, or responder counters).',
  timesUnknown: 'The record has no times; both are the export time.',
  oneTimeCopied: 'The record has one time only; the other is a copy of it.',
  totalCounters: 'The counters are running totals (85, 86, 171, 172 ...), not deltas.',
  samplingAssumed: 'The sampling rate comes from the configuration, not from the exporter.',
  endBeforeStart: 'The last packet lies before the first, as exported.',
  timeAfterExport: 'A time lies after the export time of its datagram, as exported.',
  decodedLate: 'The record was decoded from a set that waited for its template.',
  sampledPacket: 'The flow is one sampled packet (sFlow).',
  valueCut: 'A value did not fit its field and was cut to the low bits (an element longer than the field).',
}

type Fields = (typeof FLOW_FIELDS)[number]

export type FieldName = Fields['name']

/** The type of one field. */
export type FieldType<N extends FieldName> = Extract<Fields, { name: N }>['type']

/** The columns of a whole flow record, by field name. */
export type FlowColumns = { readonly [N in FieldName]: ColumnOf<FieldType<N>> }
