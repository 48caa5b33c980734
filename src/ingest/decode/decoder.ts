import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import type { SessionSummary } from '../ledger/ledger.ts'
import { Ledger } from '../ledger/ledger.ts'
import type { DecodeCounters } from './counters.ts'
import { createCounters } from './counters.ts'
import type { ExporterAddress } from './exporter-address.ts'
import type { Budgets, DecoderOptions } from './options.ts'
import { DEFAULT_BUDGETS } from './options.ts'
import type { Origin } from './origin.ts'
import type { MalformedReason } from './reasons.ts'
import { RowWriter } from './row-writer.ts'
import { UNKNOWN_SAMPLING } from './sampling.ts'
import type { FlowSink } from './sink.ts'
import { decodeV5, V5_HEADER, V5_RECORD, v5Interval } from './v5.ts'

/** Who sent a datagram, and when it arrived. */
export interface DatagramMeta {
  readonly exporter: ExporterAddress
  readonly sourcePort: number
  /** By the clock of the daemon or the packet time of a capture; undefined for a bare payload: its export time then (0 for sFlow, which has none). */
  readonly receivedMs: number | undefined
}

/** Turns datagrams of NetFlow v5, v9, IPFIX and sFlow v5 into flows. Nothing throws but a sink. */
export interface Decoder {
  /**
   * Decodes one UDP payload, or one message of an IPFIX file, into the sink. Bytes after an IPFIX message are ignored.
   * Returns why it was refused as a whole, or undefined. `bytes` may be reused afterwards.
   */
  datagram(bytes: Uint8Array, meta: DatagramMeta, sink: FlowSink): MalformedReason | undefined
  /** A copy of the counters; subtract two copies to get those of one file. */
  counters(): DecodeCounters
  /** Every session heard, for the summary of an import. */
  sessions(): SessionSummary[]
  /** The signed deltas of the sequence ledger since the last drain. */
  drainLedger(): LedgerEntry[]
  /** Gives up the sets that still wait for a template: the end of an import, before the last `drainLedger`. */
  abandonParked(): void
}

/** Makes a decoder with empty caches. */
export function createDecoder(options: DecoderOptions = {}): Decoder {
  return new DatagramDecoder(options)
}

class DatagramDecoder implements Decoder {
  readonly #budgets: Budgets
  readonly #counters = createCounters()
  readonly #ledger: Ledger
  readonly #writer = new RowWriter()
  readonly #dropDuplicates: boolean

  constructor({ budgets = {}, dropDuplicates = false }: DecoderOptions) {
    this.#budgets = { ...DEFAULT_BUDGETS, ...budgets }
    this.#dropDuplicates = dropDuplicates
    this.#ledger = new Ledger(this.#budgets)
  }

  datagram(bytes: Uint8Array, meta: DatagramMeta, sink: FlowSink): MalformedReason | undefined {
    this.#counters.datagrams++
    this.#writer.open(sink)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const version = bytes.length < 2 ? 0 : view.getUint16(0)
    if (version === 5) return this.#v5(view, bytes, meta)
    return this.#refuse(bytes.length < 2 ? 'header-cut' : 'unknown-version', 0, 0, meta, 0)
  }

  counters(): DecodeCounters {
    return { ...this.#counters, malformed: { ...this.#counters.malformed } }
  }

  sessions(): SessionSummary[] {
    return this.#ledger.sessions()
  }

  drainLedger(): LedgerEntry[] {
    return this.#ledger.drain()
  }

  abandonParked(): void {}

  #v5(view: DataView, bytes: Uint8Array, meta: DatagramMeta): MalformedReason | undefined {
    if (bytes.length < V5_HEADER) return this.#refuse('header-cut', 5, 0, meta, 0)
    const count = view.getUint16(2)
    const origin = v5Origin(view, meta)
    if (V5_HEADER + count * V5_RECORD > bytes.length) {
      return this.#refuse('count-beyond-end', 5, origin.domain, meta, origin.receivedMs)
    }
    const session = this.#ledger.session(meta.exporter.text, meta.sourcePort, 5, origin.domain)
    if (session.recent.repeats(origin.sequence, bytes)) {
      this.#counters.duplicates++
      this.#ledger.duplicate(session, origin.receivedMs)
      if (this.#dropDuplicates) return undefined
    } else {
      this.#ledger.message(session, origin.sequence, count, true, origin.receivedMs)
    }
    const interval = v5Interval(view)
    const sampling = interval === 0 ? UNKNOWN_SAMPLING : { size: 1, population: interval, assumed: false }
    decodeV5(view, count, origin, sampling, this.#writer)
    this.#counters.records += count
    this.#counters.flows += count
    return undefined
  }

  #refuse(
    reason: MalformedReason,
    version: number,
    domain: number,
    { exporter, sourcePort, receivedMs }: DatagramMeta,
    exportMs: number,
  ): MalformedReason {
    this.#counters.malformedDatagrams++
    this.#counters.malformed[reason] = (this.#counters.malformed[reason] ?? 0) + 1
    this.#ledger.malformed({ exporter: exporter.text, sourcePort, version, domain }, receivedMs ?? exportMs)
    return reason
  }
}

function v5Origin(view: DataView, { exporter, sourcePort, receivedMs }: DatagramMeta): Origin {
  const exportMs = view.getUint32(8) * 1000 + Math.floor(view.getUint32(12) / 1e6)
  return {
    exporter,
    sourcePort,
    version: 5,
    domain: view.getUint16(20),
    sequence: view.getUint32(16),
    exportMs,
    sysUptime: view.getUint32(4),
    receivedMs: receivedMs ?? exportMs,
  }
}
