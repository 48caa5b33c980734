/** What a decoder may hold, so that hostile input cannot exhaust it. Reaching a budget is counted, never an error. */
export interface Budgets {
  /** Exporters remembered; the least recently heard is forgotten first. */
  readonly exporters: number
  /** Sessions (source port, version, domain) per exporter. */
  readonly sessionsPerExporter: number
  /** Over all exporters. */
  readonly sessions: number
  /** Templates of both kinds per exporter; the least recently used is forgotten first. */
  readonly templatesPerExporter: number
  /** Bytes of template definitions per exporter. */
  readonly templateBytesPerExporter: number
  /** Over all exporters. */
  readonly templateBytes: number
  /** Fields of one template; a longer one is not kept. */
  readonly fieldsPerTemplate: number
  /** A template not repeated for this long is forgotten (RFC 7011 section 8.4). */
  readonly templateLifetimeMs: number
  /** Sets that wait for their template, per exporter. */
  readonly parkedSetsPerExporter: number
  readonly parkedBytesPerExporter: number
  /** Over all exporters. */
  readonly parkedBytes: number
  readonly parkedAgeMs: number
  /** Samplers (ids, interfaces) remembered per domain. */
  readonly samplersPerDomain: number
  /** sFlow data sources per sub-agent. */
  readonly sourcesPerAgent: number
  /** Bytes kept of one variable-length value in an extra column; a longer one is stored as absent. */
  readonly valueBytes: number
}

export const DEFAULT_BUDGETS: Budgets = {
  exporters: 16_384,
  sessionsPerExporter: 256,
  sessions: 32_768,
  templatesPerExporter: 2048,
  templateBytesPerExporter: 128 << 10,
  templateBytes: 8 << 20,
  fieldsPerTemplate: 1024,
  templateLifetimeMs: 24 * 3_600_000,
  parkedSetsPerExporter: 4096,
  parkedBytesPerExporter: 8 << 20,
  parkedBytes: 64 << 20,
  parkedAgeMs: 1_800_000,
  samplersPerDomain: 4096,
  sourcesPerAgent: 1024,
  valueBytes: 4096,
}

/** For files, where time is that of the capture: nothing is forgotten for its age, so that data find a template of another day. */
export const FILE_BUDGETS: Partial<Budgets> = {
  templateLifetimeMs: Number.POSITIVE_INFINITY,
  parkedAgeMs: Number.POSITIVE_INFINITY,
}

/** A sampling rate that the configuration gives for exporters that do not tell theirs, or tell it wrong: `sampleSize` of `samplePopulation` packets. */
export interface SamplingOverride {
  /** An address or a prefix, such as `192.0.2.1` or `2001:db8::/32`; the longest match wins. */
  readonly exporter: string
  readonly sampleSize?: number
  readonly samplePopulation: number
}

export interface DecoderOptions {
  /** Further elements as columns, by IANA name or as defined in `definitions`; none by default. */
  readonly elements?: readonly string[]
  /** Elements the registry does not know: enterprise elements, or new IANA ones. */
  readonly definitions?: readonly ElementDefinition[]
  readonly sampling?: readonly SamplingOverride[]
  readonly budgets?: Partial<Budgets>
  /** Do not decode exact duplicates of a datagram; off by default. */
  readonly dropDuplicates?: boolean
}

/** An information element: what the IANA registry says of it (RFC 7012 section 3). */
export interface ElementDefinition {
  readonly name: string
  readonly id: number
  /** Private enterprise number; 0, the default, is IANA. */
  readonly pen?: number
  readonly type: ElementType
  readonly unit?: string
}

/** Abstract data types of RFC 7012 section 3.1 and RFC 6313. */
export type ElementType =
  | 'octetArray'
  | 'unsigned8'
  | 'unsigned16'
  | 'unsigned32'
  | 'unsigned64'
  | 'unsigned256'
  | 'signed8'
  | 'signed16'
  | 'signed32'
  | 'signed64'
  | 'float32'
  | 'float64'
  | 'boolean'
  | 'macAddress'
  | 'string'
  | 'dateTimeSeconds'
  | 'dateTimeMilliseconds'
  | 'dateTimeMicroseconds'
  | 'dateTimeNanoseconds'
  | 'ipv4Address'
  | 'ipv6Address'
  | 'basicList'
  | 'subTemplateList'
  | 'subTemplateMultiList'
