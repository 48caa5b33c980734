import type { FlowBatch } from '../../flow/batch.ts'
import { SIMULATED_PROTOCOLS, type SimulatedExporter, type SimulatedProtocol } from './exporters.ts'

export interface Counts {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
}

/** What a simulation sent, exactly. Counters are as exported, never scaled by sampling. */
export interface SimulationTotals extends Counts {
  readonly seed: number
  readonly target: string
  readonly datagrams: number
  /** Datagrams that the local network refused to send; their flows count as sent. */
  readonly refused: number
  /** First start and last end of all flows, ISO 8601 is left to the printer; null without flows. */
  readonly firstStart: number | null
  readonly lastEnd: number | null
  readonly protocols: readonly ProtocolTotals[]
  readonly exporters: readonly ExporterTotals[]
  /** By destination port, ascending; only when asked for. */
  readonly ports?: readonly PortTotals[]
}

export interface ProtocolTotals extends Counts {
  readonly protocol: SimulatedProtocol
  readonly datagrams: number
}

export interface ExporterTotals extends Counts {
  readonly exporter: string
  readonly sourcePort: number
  readonly protocol: SimulatedProtocol
  readonly domain: number
  readonly datagrams: number
}

export interface PortTotals extends Counts {
  readonly port: number
}

/** Counts flows and datagrams while they are sent. */
export class Tally {
  /** Flows, packets, bytes, datagrams of each exporter. */
  readonly #counts: Float64Array
  /** Flows, packets, bytes of each destination port. */
  readonly #ports: Float64Array | undefined
  #firstStart = Number.POSITIVE_INFINITY
  #lastEnd = Number.NEGATIVE_INFINITY

  constructor(exporters: number, ports: boolean) {
    this.#counts = new Float64Array(exporters * 4)
    this.#ports = ports ? new Float64Array(65_536 * 3) : undefined
  }

  datagram(exporter: number): void {
    this.#counts[exporter * 4 + 3]! += 1
  }

  /** Adds all flows of a batch. */
  add({ length, columns }: FlowBatch, exporterOf: Uint16Array): void {
    const counts = this.#counts
    const bytes = columns.bytes.values
    const packets = columns.packets.values
    const starts = columns.start.values
    const ends = columns.end.values
    for (let row = 0; row < length; row++) {
      const at = exporterOf[row]! * 4
      counts[at]! += 1
      counts[at + 1]! += packets[row]!
      counts[at + 2]! += bytes[row]!
      if (starts[row]! < this.#firstStart) this.#firstStart = starts[row]!
      if (ends[row]! > this.#lastEnd) this.#lastEnd = ends[row]!
    }
    if (this.#ports) addPorts(this.#ports, length, columns.dstPort.values, packets, bytes)
  }

  result(
    exporters: readonly SimulatedExporter[],
    sent: { seed: number; target: string; refused: number; addresses: readonly { address: string; port: number }[] },
  ): SimulationTotals {
    const { seed, target, refused, addresses } = sent
    const rows = exporters.map(({ index, protocol, domain }) => ({
      exporter: addresses[index]?.address ?? '',
      sourcePort: addresses[index]?.port ?? 0,
      protocol,
      domain,
      ...this.#of(index),
    }))
    const any = Number.isFinite(this.#firstStart)
    return {
      seed,
      target,
      ...sum(rows),
      refused,
      firstStart: any ? this.#firstStart : null,
      lastEnd: any ? this.#lastEnd : null,
      protocols: SIMULATED_PROTOCOLS.filter((protocol) => rows.some((row) => row.protocol === protocol)).map(
        (protocol) => ({ protocol, ...sum(rows.filter((row) => row.protocol === protocol)) }),
      ),
      exporters: rows,
      ...(this.#ports ? { ports: portTotals(this.#ports) } : {}),
    }
  }

  #of(exporter: number): Counts & { readonly datagrams: number } {
    const [flows = 0, packets = 0, bytes = 0, datagrams = 0] = this.#counts.subarray(exporter * 4, exporter * 4 + 4)
    return { flows, packets, bytes, datagrams }
  }
}

function addPorts(
  ports: Float64Array,
  length: number,
  dstPort: Uint16Array,
  packets: Float64Array,
  bytes: Float64Array,
): void {
  for (let row = 0; row < length; row++) {
    const at = dstPort[row]! * 3
    ports[at]! += 1
    ports[at + 1]! += packets[row]!
    ports[at + 2]! += bytes[row]!
  }
}

function sum(rows: readonly (Counts & { readonly datagrams: number })[]): Counts & { readonly datagrams: number } {
  const total = { flows: 0, packets: 0, bytes: 0, datagrams: 0 }
  for (const { flows, packets, bytes, datagrams } of rows) {
    total.flows += flows
    total.packets += packets
    total.bytes += bytes
    total.datagrams += datagrams
  }
  return total
}

function portTotals(ports: Float64Array): PortTotals[] {
  const result: PortTotals[] = []
  for (let port = 0; port < 65_536; port++) {
    const [flows = 0, packets = 0, bytes = 0] = ports.subarray(port * 3, port * 3 + 3)
    if (flows > 0) result.push({ port, flows, packets, bytes })
  }
  return result
}
