import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import type { System } from '../../storage/system.ts'
import { createCounters, type DecodeCounters } from '../decode/counters.ts'
import type { Decoder, Heard } from '../decode/decoder.ts'
import { elementColumns } from '../decode/elements.ts'
import type { DecoderOptions } from '../decode/options.ts'
import { FlowOutput } from '../flow-output.ts'
import { CHUNK_BYTES, ChunkReader, type ChunkRun, type ChunkVisitor } from './chunk.ts'
import { DatagramBlocks } from './datagram-blocks.ts'
import { type ExporterFigure, ExporterFigures } from './exporter-figures.ts'
import { addCounters, continueDecoder } from './lasting-decoder.ts'
import { Arrivals, type LatencyHistogram } from './latency.ts'
import type { LogPosition } from './log.ts'
import type { CollectorSettings } from './messages.ts'
import type { Outbox, OutboxCounters } from './outbox.ts'
import { Refusals } from './refusals.ts'
import { droppedEntry, Silence } from './silence.ts'
import type { Checkpoint, Spool } from './spool.ts'
import type { RollUnit } from './unit.ts'

export interface CollectorOptions {
  readonly system: System
  /** Name, in ledger entries about the collector itself. */
  readonly collector: string
  readonly outbox: Outbox
  readonly spool: Spool | undefined
  /** Number of the first roll. */
  readonly firstSequence: number
  /** Where the log has been read to, and what an earlier daemon knew there. */
  readonly checkpoint: Checkpoint
  readonly rollMs: number
  readonly blockSizeBytes: number
  readonly keepDatagrams: boolean
  /** Addresses of exporters that should always be heard. */
  readonly expect: readonly string[]
  readonly decoder: DecoderOptions
  readonly onWarning: (message: string) => void
}

const WARN_MS = 10_000

/** What a collector has done; numbers only grow, but for what waits. */
export interface CollectorStatus {
  readonly decoded: DecodeCounters
  readonly outbox: OutboxCounters
  /** Units lost by sequence number, by what the protocol counts. */
  readonly lost: { readonly flows: number; readonly datagrams: number; readonly records: number }
  readonly sessions: number
  readonly silent: readonly string[]
  /** Bytes of the blocks under construction. */
  readonly openBytes: number
  /** Nothing is decoded until the spool has room again. */
  readonly blocked: boolean
  /** Why the store did not take the last try; undefined when it did. */
  readonly storeFailure: string | undefined
  /** Why a part of the spool could not be written the last time; undefined when it could. */
  readonly spoolFailure: string | undefined
  readonly exporters: readonly ExporterFigure[]
  readonly latency: LatencyHistogram
}

/** Decodes what was received, rolls blocks by size and time, and hands each roll to the outbox. Knows neither sockets nor threads. */
export class Collector {
  #options: CollectorOptions
  readonly #reader = new ChunkReader()
  /** For chunks whose records of v5 become columns like all others. */
  readonly #plain = new Uint8Array(CHUNK_BYTES)
  #decoder: Decoder
  /** What decoders before the last reload have counted. */
  #before: DecodeCounters = createCounters()
  #output: FlowOutput
  #datagrams: DatagramBlocks | undefined
  #silence: Silence
  #sequence: number
  #position: LogPosition
  /** When the roll began: at its first datagram; undefined when nothing has come yet. */
  #openedMs: number | undefined
  #dropped: LedgerEntry[] = []
  readonly #figures = new ExporterFigures()
  readonly #arrivals = new Arrivals()
  readonly #refusals = new Refusals()
  #spoolFailure: string | undefined
  /** A roll whose checkpoint the spool could not take yet. */
  #pending: { readonly unit: RollUnit; readonly checkpoint: Checkpoint } | undefined
  #warnedMs = Number.NEGATIVE_INFINITY

  constructor(options: CollectorOptions) {
    this.#options = options
    const { position, state, silence } = options.checkpoint
    this.#decoder = continueDecoder(options.decoder, state, options.onWarning)
    this.#output = createOutput(options)
    this.#datagrams = options.keepDatagrams ? new DatagramBlocks(options.blockSizeBytes) : undefined
    this.#silence = new Silence(options.expect, options.system.now(), silence)
    this.#sequence = options.firstSequence
    this.#position = position
  }

  /** Where the log has been read to. */
  get position(): LogPosition {
    return this.#position
  }

  /** Nothing can be fed until the spool has room again: a block is full, and the roll before it waits. */
  get blocked(): boolean {
    return this.#pending !== undefined && (this.#output.full || (this.#datagrams?.full ?? false))
  }

  /** Decodes a chunk, which may be in shared memory and ends at `position` of the log; returns the number of its datagrams. */
  feed(chunk: Uint8Array, position: LogPosition | undefined): number {
    const decoder = this.#decoder
    const output = this.#output
    const silence = this.#silence
    const datagrams = this.#datagrams
    const refusals = this.#refusals
    this.#openedMs ??= this.#options.system.now()
    let firstMs: number | undefined
    const heard: Heard = (exporter, receivedMs) => {
      firstMs ??= receivedMs
      silence.heard(exporter, receivedMs)
    }
    const visit: ChunkVisitor = (payload, exporter, sourcePort, receivedMs) => {
      const reason = decoder.datagram(payload, { exporter, sourcePort, receivedMs }, output)
      if (reason) refusals.note(reason, exporter, sourcePort)
      heard(exporter, receivedMs)
      datagrams?.add(payload, exporter, sourcePort, receivedMs)
    }
    // Each of those that are kept is needed by itself.
    const run: ChunkRun | undefined = datagrams ? undefined : (frames) => decoder.datagrams(frames, output, heard)
    const count = this.#reader.read(this.#copy(chunk), visit, run)
    if (firstMs !== undefined) this.#arrivals.add(firstMs, count)
    if (position) this.#position = position
    if (output.full || datagrams?.full) this.roll()
    return count
  }

  /** The chunk in memory of this thread, where many datagrams can be taken at once: decoders copy parts of it as well, which shared memory makes slow. */
  #copy(chunk: Uint8Array): Uint8Array {
    const input = this.#output.intake?.inputs[0] ?? this.#plain
    input.set(chunk)
    return input.subarray(0, chunk.length)
  }

  /** Notes datagrams that the kernel or the queue in front dropped at the socket on `port`. */
  dropped(port: number, datagrams: number): void {
    const { collector, system } = this.#options
    this.#openedMs ??= system.now()
    this.#dropped.push(droppedEntry(collector, port, datagrams, system.now()))
  }

  /** Goes on with other settings, after a roll; what the decoder knows is kept. False while the spool has no room for the roll: then nothing has changed. */
  reload(settings: CollectorSettings): boolean {
    if (!this.roll()) return false
    this.#options = { ...this.#options, ...settings }
    this.#output.close()
    this.#output = createOutput(settings)
    if (this.#datagrams) this.#datagrams = new DatagramBlocks(settings.blockSizeBytes)
    this.#silence = new Silence(settings.expect, this.#options.system.now(), this.#silence.state())
    const { onWarning } = this.#options
    this.#before = addCounters(this.#before, this.#decoder.counters())
    this.#decoder = continueDecoder(settings.decoder, this.#decoder.state(), onWarning)
    return true
  }

  /** To be called now and then: rolls when it is time. */
  tick(): void {
    const { system, rollMs, onWarning } = this.#options
    const now = system.now()
    for (const message of this.#silence.changes(now)) onWarning(message)
    const refused = this.#refusals.message(now)
    if (refused !== undefined) onWarning(refused)
    if (!this.#send()) return
    if (this.#openedMs === undefined && this.#silence.silent().length > 0) this.#openedMs = now
    if (this.#openedMs !== undefined && now - this.#openedMs >= rollMs) this.roll()
  }

  /** Ends the blocks under construction and hands them to the outbox with the ledger; false while the spool has no room for it. */
  roll(): boolean {
    if (!this.#send()) return false
    const { system, spool } = this.#options
    const finished = [...this.#output.finish(), ...(this.#datagrams?.finish() ?? [])]
    const ledger = this.#ledger(system.now())
    this.#openedMs = undefined
    const blocks = finished.map(({ dataset, firstReceivedMs, encoded: { bytes, schema, info } }) => {
      return { dataset, firstReceivedMs, schema, info, body: bytes }
    })
    if (blocks.length === 0 && ledger.length === 0) return true
    const unit = { sequence: this.#sequence++, blocks, ledger, arrivals: this.#arrivals.take() }
    const state = spool ? this.#decoder.state() : undefined
    this.#pending = { unit, checkpoint: { position: this.#position, state, silence: this.#silence.state() } }
    return this.#send()
  }

  /** What the ledger is to be told since the roll before. */
  #ledger(nowMs: number): LedgerEntry[] {
    const told = this.#decoder.drainLedger()
    this.#figures.add(told)
    for (const { exporter, interval, received } of told) if (received > 0) this.#silence.heardIn(exporter, interval)
    const ledger = [...told, ...this.#dropped, ...this.#silence.entries(nowMs)]
    this.#dropped = []
    return ledger
  }

  /** Hands the roll that waits to the outbox, once its checkpoint is written: without it a later daemon would decode the roll again. */
  #send(): boolean {
    if (!this.#pending) return true
    const { outbox, spool, system, onWarning } = this.#options
    const { unit, checkpoint } = this.#pending
    try {
      spool?.checkpoint(unit.sequence, checkpoint)
      this.#spoolFailure = undefined
    } catch (error) {
      this.#spoolFailure = String(error)
      if (system.now() - this.#warnedMs > WARN_MS) {
        this.#warnedMs = system.now()
        onWarning(`ingest: the spool cannot be written, flows wait in memory: ${String(error)}`)
      }
      return false
    }
    this.#pending = undefined
    outbox.add(unit)
    return true
  }

  status(): CollectorStatus {
    const lost = { flows: 0, datagrams: 0, records: 0 }
    const { outbox } = this.#options
    const sessions = this.#decoder.sessions()
    for (const { unit, lostObserved } of sessions) lost[unit] += lostObserved
    return {
      decoded: addCounters(this.#before, this.#decoder.counters()),
      outbox: { ...outbox.counters },
      lost,
      sessions: sessions.length,
      silent: this.#silence.silent(),
      openBytes: this.#output.sizeBytes,
      blocked: this.blocked,
      storeFailure: outbox.failure,
      spoolFailure: this.#spoolFailure,
      exporters: this.#figures.with(this.#decoder.pendingLedger()),
      latency: outbox.latency,
    }
  }
}

function createOutput({ blockSizeBytes, decoder }: CollectorSettings): FlowOutput {
  const elements = elementColumns(decoder.elements ?? [], decoder.definitions)
  return new FlowOutput({ blockSizeBytes, elements, inputs: [CHUNK_BYTES] })
}
