import type { SflowAgent, SflowLedger } from '../../ledger/sflow-ledger.ts'
import { SFLOW } from '../../ledger/sflow-ledger.ts'
import type { DecodeCounters } from '../counters.ts'
import type { DatagramMeta } from '../decoder.ts'
import { exporterFromBytes } from '../exporter-address.ts'
import type { ExporterTable } from '../exporter-table.ts'
import type { Extra } from '../extras.ts'
import type { Origin } from '../origin.ts'
import type { MalformedReason } from '../reasons.ts'
import type { RowWriter } from '../row-writer.ts'
import type { Sampling } from '../sampling.ts'
import { writeExtras } from './extras.ts'
import { readFlowSample } from './flow-sample.ts'
import { SampledPacket } from './packet.ts'
import type { Item, SflowHeader } from './structure.ts'
import {
  COUNTER_SAMPLE,
  checkSamples,
  DISCARDED_PACKET,
  EXPANDED_COUNTER_SAMPLE,
  EXPANDED_FLOW_SAMPLE,
  FLOW_SAMPLE,
  readItem,
  readSflowHeader,
} from './structure.ts'
import { writePacket } from './write.ts'

/** Why a datagram was refused, and by which exporter, as far as its header could be read. */
export interface Refusal {
  readonly reason: MalformedReason
  readonly exporter: string
  readonly domain: number
}

/** What an sFlow decoder shares with the others. */
export interface SflowParts {
  readonly writer: RowWriter
  readonly counters: DecodeCounters
  readonly ledger: SflowLedger
  readonly exporters: ExporterTable
  readonly extras: readonly Extra[]
  readonly dropDuplicates: boolean
}

/** Decodes sFlow v5: a flow of one packet per flow sample that has a packet, counter samples counted. The agent inside is the exporter. */
export class SflowDecoder {
  readonly #parts: SflowParts
  readonly #packet = new SampledPacket()
  readonly #sample: Item = { format: 0, start: 0, end: 0, next: 0 }

  constructor(parts: SflowParts) {
    this.#parts = parts
  }

  /** Decodes a datagram whose first four octets are 5, or says why not. */
  datagram(
    bytes: Uint8Array,
    view: DataView,
    { exporter: sender, sourcePort, receivedMs = 0 }: DatagramMeta,
  ): Refusal | undefined {
    const { counters, exporters, ledger } = this.#parts
    counters.sflowDatagrams++
    const header = readSflowHeader(view)
    if (typeof header === 'string') return { reason: header, exporter: sender.text, domain: 0 }
    const { agentAt, agentLength, subAgent, sequence } = header
    const address = exporterFromBytes(bytes, agentAt, agentLength)
    const reason = checkSamples(view, header)
    if (reason) return { reason, exporter: address.text, domain: subAgent }
    const agent = ledger.agent(address.text, subAgent)
    const repeated = agent.recent.repeats(sequence, view)
    if (repeated) counters.duplicates++
    ledger.datagram(agent, sequence, repeated, receivedMs)
    if (repeated && this.#parts.dropDuplicates) return undefined
    const { address: exporter, override } = exporters.get(address)
    const times = { exportMs: receivedMs, sysUptime: 0, receivedMs }
    const origin = { exporter, sourcePort, version: SFLOW, domain: subAgent, sequence, ...times }
    this.#samples(bytes, view, header, agent, origin, override)
    return undefined
  }

  #samples(
    bytes: Uint8Array,
    view: DataView,
    { samples, at: start }: SflowHeader,
    agent: SflowAgent,
    origin: Origin,
    override: Sampling | undefined,
  ): void {
    const { counters } = this.#parts
    const sample = this.#sample
    for (let i = 0, at = start; i < samples && readItem(view, at, bytes.length, sample); i++, at = sample.next) {
      switch (sample.format) {
        case EXPANDED_FLOW_SAMPLE:
        case FLOW_SAMPLE:
          counters.flowSamples++
          if (sample.format === EXPANDED_FLOW_SAMPLE) counters.expandedFlowSamples++
          this.#flow(bytes, view, agent, origin, override)
          break
        case EXPANDED_COUNTER_SAMPLE:
        case COUNTER_SAMPLE:
          this.#counters(view, agent)
          break
        default:
          counters.undecodedSamples++
          if (sample.format === DISCARDED_PACKET) counters.discardedSamples++
      }
    }
  }

  #flow(bytes: Uint8Array, view: DataView, agent: SflowAgent, origin: Origin, override: Sampling | undefined): void {
    const { counters, writer, extras } = this.#parts
    const packet = this.#packet
    const isFlow = readFlowSample(bytes, view, this.#sample, packet)
    agent.flowSample(packet.sourceIdType, packet.sourceId, packet.sampleSequence)
    if (!isFlow) return
    const rows = writer.take(1)
    const row = rows.batch.length
    writePacket(rows, row, packet, origin, override)
    if (extras.length > 0) writeExtras(rows, row, extras, packet, view)
    rows.batch.length++
    counters.records++
    counters.flows++
  }

  #counters(view: DataView, agent: SflowAgent): void {
    const { counters } = this.#parts
    const { format, start } = this.#sample
    const expanded = format === EXPANDED_COUNTER_SAMPLE
    counters.counterSamples++
    if (expanded) counters.expandedCounterSamples++
    const type = expanded ? view.getUint32(start + 4) : view.getUint8(start + 4)
    const id = expanded ? view.getUint32(start + 8) : view.getUint32(start + 4) & 0xffffff
    agent.counterSample(type, id, view.getUint32(start))
  }
}
