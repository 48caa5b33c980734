import { z } from 'zod'

/**
 * What a decoder remembers between two lives, as plain JSON: templates, options, sets that wait for a template, and where each session's
 * numbering stands. Octets are base64.
 */

const count = z.number().int().nonnegative()
const u32 = count.max(0xffffffff)
const octets = z.base64()
const finite = z.number()

/** A sampler or an interface, and its n of N. */
const sampler = z.tuple([z.union([count, z.string()]), count, count])
const interfaceRate = z.tuple([count, count, count])

const domain = z.object({
  exporter: z.string(),
  version: count,
  domain: u32,
  systemInitMs: count.nullable(),
  whole: z.tuple([count, count]).nullable(),
  samplers: z.array(sampler),
  interfaces: z.array(interfaceRate),
})

const template = z.object({
  exporter: z.string(),
  version: z.union([z.literal(9), z.literal(10)]),
  domain: u32,
  type: z.enum(['data', 'options']),
  lastSeenMs: finite,
  definition: octets,
})

const key = z.object({ exporter: z.string(), sourcePort: count, version: count, domain: u32 })
const byNumbering = <T extends z.ZodType>(value: T) =>
  z.object({ records: value, packets: value, 'records-inclusive': value })

const sequence = z.object({
  restarts: count,
  outOfOrder: count,
  received: count,
  lostBefore: finite,
  started: z.boolean(),
  low: finite,
  high: finite,
  epochReceived: finite,
})

const session = z.object({
  key,
  counts: z.object({
    datagrams: count,
    duplicates: count,
    repeatedUnits: count,
    first: u32,
    last: u32,
    undecoded: count,
  }),
  sequences: byNumbering(sequence),
  evidence: z.object({
    steps: count,
    explained: byNumbering(count),
    ruledOut: byNumbering(count),
    last: u32,
    units: finite,
  }),
})

/** A message some of whose sets wait. */
const message = z.object({
  session: key,
  units: count,
  waiting: count,
  places: byNumbering(z.object({ at: finite, epoch: count })).nullable(),
})

const parked = z.object({
  /** Position in `messages`. */
  message: count,
  templateId: count.max(0xffff),
  sequence: u32,
  exportMs: finite,
  sysUptime: u32,
  receivedMs: finite,
  records: octets,
})

const run = z.object({ high: u32, span: count, distinct: count, missing: z.array(count.max(0xffff)) })

/** A sub-agent of sFlow, which needs no templates: where the numbering of its datagrams stands. */
const agent = z.object({
  exporter: z.string(),
  subAgent: u32,
  duplicates: count,
  datagrams: z.object({
    received: count,
    first: u32,
    last: u32,
    streams: count,
    outOfOrder: count,
    lostBefore: count,
    open: z.array(run),
  }),
})

export const decoderState = z.object({
  formatVersion: z.literal(1),
  domains: z.array(domain),
  templates: z.array(template),
  sessions: z.array(session),
  messages: z.array(message),
  parked: z.array(parked),
  /** Missing in states of daemons that did not keep them. */
  agents: z.array(agent).default([]),
})

export type DecoderState = z.infer<typeof decoderState>
export type DomainRecord = z.infer<typeof domain>
export type TemplateRecord = z.infer<typeof template>
export type MessageRecord = z.infer<typeof message>
export type ParkedRecord = z.infer<typeof parked>
