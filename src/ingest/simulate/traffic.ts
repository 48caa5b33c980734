import type { FlowBatch } from '../../flow/batch.ts'
import type { AddressColumn } from '../../flow/column.ts'
import { dayCurve, nightShare } from './clock.ts'
import { Conversations } from './conversations.ts'
import type { SimulatedExporter } from './exporters.ts'
import { Hosts } from './hosts.ts'
import { Random } from './random.ts'
import { SERVICES, serviceSlots } from './services.ts'
import { Zipf } from './zipf.ts'

/** Flows that last longer are exported in pieces of this length. */
const ACTIVE_TIMEOUT_MS = 60_000
const LONG_FLOWS = 16_384
/** Of 256 conversations, how many are IPv6 (where the exporter can say so). */
const IPV6_SHARE = 40
const MAX_UINT32 = 0xffffffff
const ICMP = 1
const TCP = 6

export interface TrafficOptions {
  readonly seed: number
  readonly exporters: readonly SimulatedExporter[]
  readonly startMs: number
  /** Mean flows per second of simulated time. */
  readonly rate: number
  /** `even`: the same rate all day; `day`: more flows by day than by night. */
  readonly curve: 'even' | 'day'
}

/**
 * Makes flows in order of export: conversations begin at random, those answered become two flows, long ones are exported piece by piece.
 * A flow ends one to sixteen seconds before its export, as with an inactive timeout.
 */
export class Traffic {
  /** Simulated time of export of the last flow, milliseconds. */
  nowMs: number
  readonly #random: Random
  readonly #exporters: readonly SimulatedExporter[]
  readonly #exporterRank: Zipf
  readonly #hosts: Hosts
  readonly #conversations = new Conversations(LONG_FLOWS)
  readonly #day = serviceSlots('day')
  readonly #night = serviceSlots('night')
  readonly #stepMs: number
  readonly #even: boolean
  #curve = 1
  #nightSlots = 0
  #nextMinuteMs = 0

  constructor({ seed, exporters, startMs, rate, curve }: TrafficOptions) {
    this.nowMs = startMs
    this.#random = new Random(seed, 3)
    this.#exporters = exporters
    this.#exporterRank = new Zipf(exporters.length)
    this.#hosts = new Hosts(seed)
    this.#stepMs = 1000 / rate
    this.#even = curve === 'even'
  }

  /** Appends up to `count` flows to `flows` (`count` at most the room there); `exporterOf[row]` is the index of the exporter of each. */
  fill(flows: FlowBatch, exporterOf: Uint16Array, count: number): void {
    const end = flows.length + count
    while (flows.length < end) {
      let row = this.#conversations.due(this.nowMs)
      if (row < 0) row = this.#begin()
      this.#export(flows, exporterOf, row, end)
    }
  }

  /** Appends one flow of a given exporter. */
  fillFor(exporter: number, flows: FlowBatch, exporterOf: Uint16Array): void {
    const row = this.#begin()
    this.#conversations.exporter[row] = exporter
    this.#conversations.ipv6[row] = 0
    this.#hosts.place(this.#conversations, row, exporter, this.#random)
    this.#export(flows, exporterOf, row, flows.length + 1)
  }

  #tick(): void {
    if (this.nowMs >= this.#nextMinuteMs) {
      this.#curve = this.#even ? 1 : dayCurve(this.nowMs)
      this.#nightSlots = Math.floor(256 * nightShare(this.nowMs))
      this.#nextMinuteMs = this.nowMs + 60_000
    }
    this.nowMs += this.#stepMs / this.#curve
  }

  /** Draws a new conversation. */
  #begin(): number {
    const random = this.#random
    const conversations = this.#conversations
    const row = conversations.take()
    const exporter = this.#exporterRank.next(random)
    const bits = random.bits()
    const slots = (bits & 255) < this.#nightSlots ? this.#night : this.#day
    const index = slots[(bits >>> 8) & 4095] ?? 0
    const service = SERVICES[index] ?? SERVICES[0]!
    const ipv6 = bits >>> 24 < IPV6_SHARE && this.#exporters[exporter]?.protocol !== 'v5' && service.proto !== ICMP
    conversations.exporter[row] = exporter
    conversations.service[row] = index
    conversations.ipv6[row] = ipv6 ? 1 : 0
    this.#hosts.place(conversations, row, exporter, random)
    const more = random.bits()
    conversations.answered[row] = (more & 255) < service.answered ? 1 : 0
    conversations.tos[row] = more >>> 8 < 0x180000 ? 0xb8 : more >>> 8 < 0x300000 ? 0x28 : 0
    const server = conversations.server[row * 4 + 3] ?? 0
    const icmp = service.proto === ICMP
    conversations.serverPort[row] =
      service.port === 0 ? 1024 + ((Math.imul(server, 0x9e3779b1) >>> 16) % 48_000) : service.port
    conversations.clientPort[row] = icmp ? 0 : 32_768 + random.below(28_232)
    conversations.packetsLeft[row] = Math.floor(random.pareto(service.least, service.most))
    conversations.gapMs[row] = (service.gapMs * 4) / random.pareto(1, 400)
    return row
  }

  /** Exports what a conversation has to say now: one flow, or two when it was answered and there is room for both. */
  #export(flows: FlowBatch, exporterOf: Uint16Array, row: number, end: number): void {
    const random = this.#random
    const conversations = this.#conversations
    const left = conversations.packetsLeft[row] ?? 1
    const gapMs = conversations.gapMs[row] ?? 1
    const long = left * gapMs > ACTIVE_TIMEOUT_MS && conversations.hasRoom
    const packets = long ? Math.max(1, Math.floor(ACTIVE_TIMEOUT_MS / gapMs)) : left
    const durationMs =
      packets === 1 ? 0 : long ? ACTIVE_TIMEOUT_MS : Math.min(ACTIVE_TIMEOUT_MS, Math.floor(packets * gapMs))
    this.#tick()
    const idleMs = 1000 + random.below(15_000)
    this.#flow(flows, exporterOf, row, packets, durationMs, idleMs, false)
    if (conversations.answered[row] === 1 && flows.length < end) {
      const service = SERVICES[conversations.service[row] ?? 0] ?? SERVICES[0]!
      this.#tick()
      this.#flow(flows, exporterOf, row, Math.max(1, Math.round(packets * service.back)), durationMs, idleMs, true)
    }
    if (long && left > packets) {
      conversations.packetsLeft[row] = left - packets
      conversations.wait(row, this.nowMs + ACTIVE_TIMEOUT_MS)
    } else conversations.release(row)
  }

  /** Writes one flow; `back` is the direction from server to client. */
  #flow(
    flows: FlowBatch,
    exporterOf: Uint16Array,
    row: number,
    packets: number,
    durationMs: number,
    idleMs: number,
    back: boolean,
  ): void {
    const conversations = this.#conversations
    const exporter = this.#exporters[conversations.exporter[row] ?? 0]!
    const service = SERVICES[conversations.service[row] ?? 0] ?? SERVICES[0]!
    const v5 = exporter.protocol === 'v5'
    const columns = flows.columns
    const at = flows.length++
    const icmp = service.proto === ICMP
    const endMs = Math.floor(this.nowMs) - idleMs
    const ipv6 = conversations.ipv6[row] === 1
    const prefix = conversations.prefix[row] ?? 0
    const clientPort = conversations.clientPort[row] ?? 0
    const serverPort = conversations.serverPort[row] ?? 0
    const spread = 0.7 + 0.6 * this.#random.unit()
    const bytes = Math.floor(
      packets * Math.max(28, Math.min(1500, spread * (back ? service.octets[1] : service.octets[0]))),
    )
    exporterOf[at] = exporter.index
    columns.start.values[at] = endMs - durationMs
    columns.end.values[at] = endMs
    columns.received.values[at] = Math.floor(this.nowMs)
    setAddress4(columns.exporter, at, exporter.address)
    columns.domain.values[at] = exporter.domain
    const src = back ? conversations.server : conversations.client
    const dst = back ? conversations.client : conversations.server
    if (ipv6) {
      setAddress6(columns.srcAddr, at, src[row * 4]!, src[row * 4 + 1]!, src[row * 4 + 2]!, src[row * 4 + 3]!)
      setAddress6(columns.dstAddr, at, dst[row * 4]!, dst[row * 4 + 1]!, dst[row * 4 + 2]!, dst[row * 4 + 3]!)
      setAddress6(columns.nextHop, at, 0x20010db8, 0xffff0000, 0, 1 + (prefix & 3))
    } else {
      setAddress4(columns.srcAddr, at, src[row * 4 + 3]!)
      setAddress4(columns.dstAddr, at, dst[row * 4 + 3]!)
      setAddress4(columns.nextHop, at, 0x0aff0001 + ((exporter.index & 255) << 8) + (prefix & 3))
    }
    columns.srcPort.values[at] = icmp ? 0 : back ? serverPort : clientPort
    columns.dstPort.values[at] = icmp ? (back ? 0 : serverPort) : back ? clientPort : serverPort
    columns.proto.values[at] = service.proto
    columns.tcpFlags.values[at] = service.proto === TCP ? tcpFlags(packets, durationMs) : 0
    columns.tos.values[at] = conversations.tos[row] ?? 0
    columns.bytes.values[at] = v5 ? Math.min(bytes, MAX_UINT32) : bytes
    columns.packets.values[at] = packets
    columns.sampleSize.values[at] = exporter.samplingInterval === 0 ? 0 : 1
    columns.samplePopulation.values[at] = exporter.samplingInterval
    const inside = 1 + (conversations.client[row * 4 + 3]! & 7)
    const outside = 101 + (prefix & 3)
    columns.inputIf.values[at] = back ? outside : inside
    columns.outputIf.values[at] = back ? inside : outside
    const ownAs = v5 ? 64_512 + (exporter.index & 511) : 4_200_000_000 + exporter.index
    const otherAs = 1000 + (prefix % 4999)
    columns.srcAs.values[at] = back ? otherAs : ownAs
    columns.dstAs.values[at] = back ? ownAs : otherAs
    const ownMask = ipv6 ? 48 : 16
    const otherMask = ipv6 ? 33 + (prefix & 15) : 12 + (prefix % 13)
    columns.srcMask.values[at] = back ? otherMask : ownMask
    columns.dstMask.values[at] = back ? ownMask : otherMask
    columns.vlan.values[at] = v5 ? 0 : 100 + inside
    columns.direction.values[at] = v5 ? 255 : back ? 1 : 0
    columns.flags.values[at] = 0
  }
}

/** SYN and FIN of whole connections; ACK and PSH of pieces; SYN alone of a lonely packet. */
function tcpFlags(packets: number, durationMs: number): number {
  return packets < 3 ? 0x02 : durationMs === ACTIVE_TIMEOUT_MS ? 0x18 : 0x1b
}

function setAddress4(column: AddressColumn, row: number, address: number): void {
  if (column.family[row] === 6) column.v6.fill(0, row * 16, row * 16 + 16)
  column.family[row] = 4
  column.v4[row] = address
}

function setAddress6(column: AddressColumn, row: number, a: number, b: number, c: number, d: number): void {
  const { v6 } = column
  column.family[row] = 6
  column.v4[row] = 0
  setWord(v6, row * 16, a)
  setWord(v6, row * 16 + 4, b)
  setWord(v6, row * 16 + 8, c)
  setWord(v6, row * 16 + 12, d)
}

function setWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}
