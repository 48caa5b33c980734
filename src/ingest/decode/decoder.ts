import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import type { SessionSummary } from '../ledger/ledger.ts'
import { Ledger } from '../ledger/ledger.ts'
import type { Session } from '../ledger/session.ts'
import type { SflowSequences } from '../ledger/sflow-ledger.ts'
import { SFLOW, SflowLedger } from '../ledger/sflow-ledger.ts'
import type { DecodeCounters } from './counters.ts'
import { createCounters } from './counters.ts'
import type { ExporterAddress } from './exporter-address.ts'
import { ExporterAddresses } from './exporter-addresses.ts'
import type { ExporterState } from './exporter-state.ts'
import { ExporterTable } from './exporter-table.ts'
import { findExtras } from './extras.ts'
import { HEADER_LENGTH, readOrigin } from './header.ts'
import type { SetSpan } from './message.ts'
import { readSets } from './message.ts'
import { MessageDecoder } from './message-decoder.ts'
import type { Budgets, DecoderOptions } from './options.ts'
import { DEFAULT_BUDGETS } from './options.ts'
import type { Origin } from './origin.ts'
import type { MalformedReason } from './reasons.ts'
import { RowWriter } from './row-writer.ts'
import { SamplingOverrides, UNKNOWN_SAMPLING } from './sampling.ts'
import type { Lasting } from './save.ts'
import { restoreState, saveState } from './save.ts'
import { SetDecoder } from './set-decoder.ts'
import { SflowDecoder } from './sflow/decode.ts'
import type { FlowSink } from './sink.ts'
import type { DecoderState } from './state.ts'
import { checkV5, decodeV5, type V5Datagram, v5Interval } from './v5.ts'
import type { Frames, Taken, V5Entry } from './v5-intake.ts'
import type { V5Records } from './v5-records.ts'

/** Who sent a datagram, and when it arrived. */
export interface DatagramMeta {
  readonly exporter: ExporterAddress
  readonly sourcePort: number
  /**
   * By the clock of the daemon or the packet time of a capture. Undefined for what comes from a file of messages and not off the network:
   * then it is the export time (0 for sFlow, which has none), and template withdrawals are obeyed, which over UDP they must not be.
   */
  readonly receivedMs: number | undefined
}

/** Told of a datagram. */
export type Heard = (exporter: ExporterAddress, receivedMs: number) => void

/** Turns datagrams of NetFlow v5, v9, IPFIX and sFlow v5 into flows. Nothing throws but a sink. */
export interface Decoder {
  /**
   * Decodes one UDP payload, or one message of an IPFIX file, into the sink. Bytes after an IPFIX message are ignored.
   * Returns why it was refused as a whole, or undefined. `bytes` may be reused afterwards.
   */
  datagram(bytes: Uint8Array, meta: DatagramMeta, sink: FlowSink): MalformedReason | undefined
  /**
   * Decodes datagrams from the front of frames at once, as many as are NetFlow v5 without anything unusual, which may be none: the one after them is for `datagram`. What
   * comes of them is the same. `heard` is told who sent each, and when.
   */
  datagrams(frames: Frames, sink: FlowSink, heard?: Heard): Taken
  /** A copy of the counters; subtract two copies to get those of one file. */
  counters(): DecodeCounters
  /** Every session heard, for the summary of an import. */
  sessions(): SessionSummary[]
  /** What sFlow agents number: datagrams by sub-agent, samples by source. */
  sflowSequences(): SflowSequences
  /** The signed deltas of the sequence ledger since the last drain. */
  drainLedger(): LedgerEntry[]
  /** What `drainLedger` would give now; valid until the next datagram. */
  pendingLedger(): LedgerEntry[]
  /** Gives up the sets that still wait for a template: the end of an import, before the last `drainLedger`. */
  abandonParked(): void
  /** Templates, options, waiting sets and numberings as plain JSON, for `restore`. */
  state(): DecoderState
  /** Takes over the state of an earlier decoder, before the first datagram. Throws DecodeError `state` when it is none. */
  restore(state: unknown): void
}

/** Makes a decoder with empty caches. */
export function createDecoder(options: DecoderOptions = {}): Decoder {
  return new DatagramDecoder(options)
}

class DatagramDecoder implements Decoder {
  readonly #counters = createCounters()
  readonly #ledger: Ledger
  readonly #writer: RowWriter
  readonly #exporters: ExporterTable
  readonly #messages: MessageDecoder
  readonly #sflowLedger: SflowLedger
  readonly #sflow: SflowDecoder
  readonly #dropDuplicates: boolean
  readonly #sets: SetSpan[] = []
  readonly #addresses = new ExporterAddresses()
  /** The datagram before was one of v5, so that the next may be. */
  #expectsV5 = true

  constructor(options: DecoderOptions) {
    const budgets: Budgets = { ...DEFAULT_BUDGETS, ...options.budgets }
    const extras = findExtras(options)
    this.#dropDuplicates = options.dropDuplicates ?? false
    this.#ledger = new Ledger(budgets)
    this.#writer = new RowWriter(options.elements ?? [])
    const sets = new SetDecoder(this.#writer, this.#counters, extras, budgets.valueBytes)
    this.#messages = new MessageDecoder(sets, this.#counters, this.#ledger, budgets)
    const overrides = new SamplingOverrides(options.sampling ?? [])
    const forget = (exporter: ExporterState) => this.#messages.parking.abandon(exporter)
    this.#exporters = new ExporterTable(budgets, this.#counters, overrides, forget)
    this.#sflowLedger = new SflowLedger(budgets)
    this.#sflow = new SflowDecoder({
      writer: this.#writer,
      counters: this.#counters,
      ledger: this.#sflowLedger,
      exporters: this.#exporters,
      extras,
      dropDuplicates: this.#dropDuplicates,
    })
  }

  datagram(bytes: Uint8Array, meta: DatagramMeta, sink: FlowSink): MalformedReason | undefined {
    this.#counters.datagrams++
    this.#writer.open(sink)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const version = bytes.length < 2 ? -1 : view.getUint16(0)
    if (version === 5 || version === 9 || version === 10) return this.#netflow(bytes, view, version, meta)
    // NetFlow v5 starts with 0x0005 and its count, sFlow v5 with 0x00000005.
    if (version === 0 && bytes.length >= 4 && view.getUint32(0) === 5) return this.#sflowDatagram(bytes, view, meta)
    return this.#refuse(version < 0 ? 'header-cut' : 'unknown-version', 0, 0, meta, 0)
  }

  datagrams(frames: Frames, sink: FlowSink, heard?: Heard): Taken {
    const { batch, v5, intake } = sink
    const isReady = this.#expectsV5 && !this.#dropDuplicates && v5?.rows === batch.length
    if (!isReady || !intake) return { datagrams: 0, next: frames.at }
    const taken = intake.take(v5, frames, (entry) => this.#account(entry, v5, heard))
    this.#expectsV5 = taken.datagrams > 0
    batch.length = v5.rows
    return taken
  }

  counters(): DecodeCounters {
    return { ...this.#counters, malformed: { ...this.#counters.malformed } }
  }

  sessions(): SessionSummary[] {
    return [...this.#ledger.sessions(), ...this.#sflowLedger.sessions()]
  }

  sflowSequences(): SflowSequences {
    return this.#sflowLedger.sequences()
  }

  drainLedger(): LedgerEntry[] {
    return [...this.#ledger.drain(), ...this.#sflowLedger.drain()]
  }

  pendingLedger(): LedgerEntry[] {
    return [...this.#ledger.pending(), ...this.#sflowLedger.pending()]
  }

  abandonParked(): void {
    this.#messages.parking.abandon()
  }

  state(): DecoderState {
    return saveState(this.#lasting)
  }

  restore(state: unknown): void {
    restoreState(state, this.#lasting)
  }

  get #lasting(): Lasting {
    return {
      exporters: this.#exporters,
      parking: this.#messages.parking,
      ledger: this.#ledger,
      sflow: this.#sflowLedger,
    }
  }

  #netflow(bytes: Uint8Array, view: DataView, version: 5 | 9 | 10, meta: DatagramMeta): MalformedReason | undefined {
    if (bytes.length < HEADER_LENGTH[version]!) return this.#refuse('header-cut', version, 0, meta, 0)
    const origin = readOrigin(view, version, meta)
    this.#messages.parking.expire(origin.receivedMs)
    const sets = this.#sets
    sets.length = 0
    const fromFile = meta.receivedMs === undefined
    const reason = version === 5 ? checkV5(view) : this.#check(bytes, view, origin, fromFile, sets)
    if (reason) return this.#refuse(reason, version, origin.domain, meta, origin.receivedMs)
    const session = this.#ledger.session(meta.exporter.text, meta.sourcePort, version, origin.domain)
    const repeated = session.recent.repeats(origin.sequence, view)
    if (repeated) this.#counters.duplicates++
    if (repeated && this.#dropDuplicates) {
      this.#ledger.duplicate(session, origin.sequence, 0, origin.receivedMs)
      return undefined
    }
    const exporter = this.#exporters.get(meta.exporter)
    if (version === 5) this.#v5({ bytes, view }, origin, exporter, session, repeated)
    else this.#messages.decode({ bytes, view, sets, origin, exporter, fromFile }, session, repeated)
    if (version !== 5) this.#exporters.trim(exporter)
    return undefined
  }

  /** Checks the structure of a v9 or IPFIX message and lists its sets. */
  #check(
    bytes: Uint8Array,
    view: DataView,
    origin: Origin,
    fromFile: boolean,
    sets: SetSpan[],
  ): MalformedReason | undefined {
    const version = origin.version === 9 ? 9 : 10
    const end = version === 9 ? bytes.length : view.getUint16(2)
    if (end < HEADER_LENGTH[version]!) return 'length-below-header'
    if (end > bytes.length) return 'length-beyond-end'
    const templates = this.#exporters.peek(origin.exporter)?.templates
    const find = (id: number) => templates?.find(version, origin.domain, id, origin.receivedMs)?.template
    return readSets(
      bytes,
      view,
      { version, start: HEADER_LENGTH[version]!, end },
      { withdrawals: fromFile, find },
      sets,
    )
  }

  #v5(datagram: V5Datagram, origin: Origin, exporter: ExporterState, session: Session, repeated: boolean): void {
    const { view } = datagram
    const count = view.getUint16(2)
    if (repeated) this.#ledger.duplicate(session, origin.sequence, count, origin.receivedMs)
    else this.#ledger.message(session, origin.sequence, count, true, origin.receivedMs)
    const interval = v5Interval(view)
    const announced = interval === 0 ? UNKNOWN_SAMPLING : { size: 1, population: interval, assumed: false }
    decodeV5(datagram, count, origin, exporter.override ?? announced, this.#writer)
    this.#counters.records += count
    this.#counters.flows += count
    this.#expectsV5 = true
  }

  /** What `datagram` does for one that `v5` holds already. */
  #account(entry: V5Entry, v5: V5Records, heard: Heard | undefined): void {
    const { sequence, records, receivedMs } = entry
    const counters = this.#counters
    const address = this.#addresses.v4(entry.exporter)
    this.#messages.parking.expire(receivedMs)
    const session = this.#ledger.session(address.text, entry.sourcePort, 5, entry.domain)
    const { override } = this.#exporters.get(address)
    if (override) v5.sample(entry.head, override)
    if (session.recent.repeatsHashed(sequence, entry.length, entry.hash)) {
      counters.duplicates++
      this.#ledger.duplicate(session, sequence, records, receivedMs)
    } else this.#ledger.message(session, sequence, records, true, receivedMs)
    counters.datagrams++
    counters.records += records
    counters.flows += records
    heard?.(address, receivedMs)
  }

  #sflowDatagram(bytes: Uint8Array, view: DataView, meta: DatagramMeta): MalformedReason | undefined {
    const refusal = this.#sflow.datagram(bytes, view, meta)
    if (!refusal) return undefined
    const { reason, exporter, domain } = refusal
    const agent = this.#sflowLedger.peek(exporter, domain)
    if (!agent) return this.#refuse(reason, SFLOW, domain, meta, 0)
    this.#sflowLedger.malformed(agent, meta.receivedMs ?? 0)
    return this.#countRefused(reason)
  }

  #countRefused(reason: MalformedReason): MalformedReason {
    this.#counters.malformedDatagrams++
    this.#counters.malformed[reason] = (this.#counters.malformed[reason] ?? 0) + 1
    return reason
  }

  #refuse(
    reason: MalformedReason,
    version: number,
    domain: number,
    { exporter, sourcePort, receivedMs }: DatagramMeta,
    exportMs: number,
  ): MalformedReason {
    this.#ledger.malformed({ exporter: exporter.text, sourcePort, version, domain }, receivedMs ?? exportMs)
    return this.#countRefused(reason)
  }
}
