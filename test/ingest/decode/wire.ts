import type { FlowBatch } from '../../../src/flow/batch.ts'
import { createFlowBatch } from '../../../src/flow/batch.ts'
import type { Value } from '../../../src/flow/value.ts'
import { valueAt } from '../../../src/flow/value.ts'
import type { DatagramMeta, Decoder } from '../../../src/ingest/decode/decoder.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { elementColumns } from '../../../src/ingest/decode/elements.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { DecoderOptions } from '../../../src/ingest/decode/options.ts'
import type { MalformedReason } from '../../../src/ingest/decode/reasons.ts'
import type { QuarantineSink } from '../../../src/ingest/decode/sink.ts'

/** Datagrams written octet by octet, from the layouts of RFC 3954 and RFC 7011, for what captures lack. */

/** Unsigned integers by width, back to back: `u(16, 9, 1)` is 9 and 1 in 16 bits each. */
export function u(bits: 8 | 16 | 24 | 32 | 48 | 64, ...values: readonly (number | bigint)[]): number[] {
  return values.flatMap((value) =>
    Array.from({ length: bits / 8 }, (_, i) => Number((BigInt(value) >> BigInt(bits - 8 * (i + 1))) & 0xffn)),
  )
}

export const ip = (text: string): number[] => text.split('.').map(Number)

/** `2001:db8::n` as 16 octets. */
export const ip6 = (n: number): number[] => [...u(32, 0x20010db8, 0, 0), ...u(32, n)]

export const EXPORT_SECONDS = 1_700_000_000
export const EXPORT_MS = EXPORT_SECONDS * 1000

interface MessageOptions {
  readonly sequence?: number
  readonly domain?: number
  readonly seconds?: number
  readonly uptime?: number
}

/** An IPFIX message of these sets. */
export function ipfix(sets: readonly number[][], options: MessageOptions = {}): Uint8Array {
  const { sequence = 0, domain = 1, seconds = EXPORT_SECONDS } = options
  const body = sets.flat()
  return Uint8Array.from([...u(16, 10, body.length + 16), ...u(32, seconds, sequence, domain), ...body])
}

/** A v9 packet of these flow sets. */
export function v9(sets: readonly number[][], options: MessageOptions = {}): Uint8Array {
  const { sequence = 0, domain = 1, seconds = EXPORT_SECONDS, uptime = 1_000_000 } = options
  return Uint8Array.from([...u(16, 9, sets.length), ...u(32, uptime, seconds, sequence, domain), ...sets.flat()])
}

/** A set with its header. */
export const set = (id: number, ...content: readonly number[][]): number[] => {
  const body = content.flat()
  return [...u(16, id, body.length + 4), ...body]
}

/** An element of a template: number, length, and enterprise when not IANA. */
export type Spec = readonly [id: number, length: number, pen?: number]

const spec = ([id, length, pen]: Spec): number[] =>
  pen === undefined ? u(16, id, length) : [...u(16, id | 0x8000, length), ...u(32, pen)]

/** A template record. */
export const template = (id: number, ...specs: readonly Spec[]): number[] => [
  ...u(16, id, specs.length),
  ...specs.flatMap(spec),
]

/** An IPFIX options template record; the first `scopes` elements are the scope. */
export const optionsTemplate = (id: number, scopes: number, ...specs: readonly Spec[]): number[] => [
  ...u(16, id, specs.length, scopes),
  ...specs.flatMap(spec),
]

/** A v9 options template record. */
export const v9OptionsTemplate = (id: number, scopes: readonly Spec[], options: readonly Spec[]): number[] => [
  ...u(16, id, scopes.length * 4, options.length * 4),
  ...[...scopes, ...options].flatMap(spec),
]

/** A value of variable length. */
export const variable = (...octets: readonly number[]): number[] =>
  octets.length < 255 ? [octets.length, ...octets] : [255, ...u(16, octets.length), ...octets]

export type Row = { readonly [field: string]: Value }

/** A decoder that gives back the rows of each datagram. */
export class Bench {
  readonly decoder: Decoder
  readonly rows: Row[] = []
  readonly batch: FlowBatch
  readonly quarantine: QuarantineSink | undefined

  constructor(
    options: DecoderOptions = {},
    { capacity = 8, quarantine }: { capacity?: number; quarantine?: QuarantineSink } = {},
  ) {
    this.decoder = createDecoder(options)
    this.batch = createFlowBatch(capacity, elementColumns(options.elements ?? [], options.definitions))
    this.quarantine = quarantine
  }

  /** Decodes a datagram; returns why it was refused. */
  send(bytes: Uint8Array, meta: Partial<DatagramMeta> = {}): MalformedReason | undefined {
    const sink = {
      batch: this.batch,
      flush: () => this.#drain(),
      ...(this.quarantine ? { quarantine: this.quarantine } : {}),
    }
    const reason = this.decoder.datagram(bytes, { ...META, ...meta }, sink)
    this.#drain()
    return reason
  }

  #drain(): void {
    const { batch } = this
    for (let row = 0; row < batch.length; row++) {
      const values: { [name: string]: Value } = {}
      for (const [name, column] of Object.entries(batch.columns)) values[name] = valueAt(column, row)
      for (const name of ['start', 'end', 'received'] as const) values[name] = batch.columns[name].values[row]!
      values.flags = batch.columns.flags.values[row]!
      this.rows.push(values)
    }
    batch.length = 0
  }
}

export const EXPORTER = parseExporter('192.0.2.1')!

export const META: DatagramMeta = { exporter: EXPORTER, sourcePort: 2055, receivedMs: undefined }
