import { createFlowBatch, type FlowBatch } from '../../flow/batch.ts'
import type { System } from '../../storage/system.ts'
import { IngestError } from '../error.ts'
import { createEncoder, type DatagramEncoder } from './encoder.ts'
import { planExporters, SIMULATED_PROTOCOLS, type SimulatedExporter, type SimulatedProtocol } from './exporters.ts'
import { openPcapTarget } from './pcap-target.ts'
import type { DatagramTarget } from './target.ts'
import { type SimulationTotals, Tally } from './totals.ts'
import { Traffic } from './traffic.ts'
import { openUdpTarget, type UdpAddress } from './udp-target.ts'

export interface SimulateOptions {
  /** `udp://host:port`, or the path of a pcap file. */
  readonly target: string
  /** Flows to send, exactly. */
  readonly flows: number
  /** Flows per second: the pace over UDP (default 25,000), simulated time in a file (default 1,000, by a day curve). */
  readonly rate?: number
  /** Default: v5, v9 and ipfix. */
  readonly protocols?: readonly SimulatedProtocol[]
  /** Devices, with the protocols taking turns; default 6. */
  readonly exporters?: number
  readonly seed?: number
  /** Time of the first export, milliseconds; default: the clock for UDP, 2026-01-01T00:00:00Z for files. */
  readonly startMs?: number
  /** `some` (default): every fourth device samples 1 in 100 and says so; `none`: all packets are metered. */
  readonly sampling?: 'none' | 'some'
  /** Also total by destination port. */
  readonly ports?: boolean
  readonly system: System
  readonly signal?: AbortSignal
  /** Called now and then with the flows sent so far. */
  readonly onProgress?: (flows: number) => void
}

const FILE_START_MS = Date.UTC(2026, 0, 1)
const UDP_RATE = 25_000
const FILE_RATE = 1000
const MAX_EXPORTERS = 4096
const BATCH_FLOWS = 4096
/** A datagram waits at most this long for more flows, in simulated time. */
const HOLD_MS = 1000
/** At the end every session sends this many datagrams with its sequence number, this far apart, so that losses before them show. */
const CLOSING_DATAGRAMS = 3
const CLOSING_PAUSE_MS = 200
const FIRST_LOOPBACK = 0x7f000002 // 127.0.0.2
const FIRST_BENCHMARK = 0xc6120001 // 198.18.0.1 (RFC 2544)

/**
 * Plays several exporters: makes seeded, realistic traffic and sends it as NetFlow v5, v9 and IPFIX to a UDP port or into a pcap file.
 * The same options, seed and start give the same bytes. Returns what was sent, exactly; when aborted, what was sent until then.
 * Throws IngestError `bad-option` or `bad-target`.
 */
export async function simulate(options: SimulateOptions): Promise<SimulationTotals> {
  checkOptions(options)
  const { target, seed = 1, system } = options
  const udp = parseTarget(target)
  const startMs = options.startMs ?? (udp ? system.now() : FILE_START_MS)
  const exporters = planExporters({
    protocols: options.protocols ?? SIMULATED_PROTOCOLS,
    exporters: options.exporters ?? 6,
    sampling: options.sampling ?? 'some',
    seed,
    startMs,
    firstAddress: udp ? FIRST_LOOPBACK : FIRST_BENCHMARK,
  })
  const rate = options.rate ?? (udp ? UDP_RATE : FILE_RATE)
  const traffic = new Traffic({ seed, exporters, startMs, rate, curve: udp ? 'even' : 'day' })
  const opened = udp ? await openUdpTarget(udp, exporters) : await openPcapTarget(target, exporters)
  const tally = new Tally(exporters.length, options.ports ?? false)
  const pace = udp ? new Pace(system, rate) : undefined
  const simulation = new Simulation(exporters, traffic, opened, tally, pace)
  try {
    await simulation.run(options)
  } finally {
    await opened.close()
  }
  const { addresses, refused } = opened
  return tally.result(exporters, { seed, target, refused, addresses })
}

/** Keeps to a rate against the clock. */
class Pace {
  readonly #system: System
  readonly #rate: number
  readonly #startedMs: number
  /** Flows per burst: four milliseconds' worth, at most a batch. */
  readonly burst: number

  constructor(system: System, rate: number) {
    this.#system = system
    this.#rate = rate
    this.#startedMs = system.now()
    this.burst = Math.max(1, Math.min(BATCH_FLOWS, Math.round(rate / 250)))
  }

  /** Waits until `flows` flows may have been sent. */
  async reach(flows: number): Promise<void> {
    const aheadMs = this.#startedMs + (flows / this.#rate) * 1000 - this.#system.now()
    if (aheadMs >= 1) await this.#system.sleep(aheadMs)
  }

  pause(ms: number): Promise<void> {
    return this.#system.sleep(ms)
  }
}

class Simulation {
  readonly #exporters: readonly SimulatedExporter[]
  readonly #encoders: readonly DatagramEncoder[]
  /** When the first flow of the datagram under construction was added, per exporter. */
  readonly #since: Float64Array
  readonly #traffic: Traffic
  readonly #target: DatagramTarget
  readonly #tally: Tally
  readonly #pace: Pace | undefined
  readonly #flows: FlowBatch = createFlowBatch(BATCH_FLOWS)
  readonly #exporterOf = new Uint16Array(BATCH_FLOWS)
  #nextHoldMs = 0

  constructor(
    exporters: readonly SimulatedExporter[],
    traffic: Traffic,
    target: DatagramTarget,
    tally: Tally,
    pace: Pace | undefined,
  ) {
    this.#exporters = exporters
    this.#encoders = exporters.map(createEncoder)
    this.#since = new Float64Array(exporters.length)
    this.#traffic = traffic
    this.#target = target
    this.#tally = tally
    this.#pace = pace
  }

  async run({ flows, signal, onProgress }: SimulateOptions): Promise<void> {
    const burst = this.#pace?.burst ?? BATCH_FLOWS
    const closing = Math.min(flows, this.#closingFlows())
    let sent = 0
    while (sent < flows - closing && !signal?.aborted) {
      const count = Math.min(burst, flows - closing - sent)
      await this.#send(count)
      sent += count
      onProgress?.(sent)
      await this.#pace?.reach(sent)
    }
    await this.#flush(Number.POSITIVE_INFINITY)
    if (!signal?.aborted) await this.#close(closing)
    onProgress?.(sent + closing)
  }

  /** Flows kept back for the end: NetFlow v5 has no datagram without flows, so its last ones go out one by one. */
  #closingFlows(): number {
    return this.#exporters.filter(({ protocol }) => protocol === 'v5').length * CLOSING_DATAGRAMS
  }

  async #send(count: number): Promise<void> {
    const flows = this.#flows
    flows.length = 0
    this.#traffic.fill(flows, this.#exporterOf, count)
    this.#tally.add(flows, this.#exporterOf)
    for (let row = 0; row < flows.length; row++) {
      const exporter = this.#exporterOf[row]!
      const encoder = this.#encoders[exporter]!
      const nowMs = flows.columns.received.values[row]!
      if (encoder.flows === 0) this.#since[exporter] = nowMs
      encoder.add(flows, row)
      if (!encoder.full) continue
      const wait = this.#emit(exporter, encoder.finish(nowMs), nowMs)
      if (wait) await wait
    }
    if (this.#traffic.nowMs < this.#nextHoldMs) return
    this.#nextHoldMs = this.#traffic.nowMs + HOLD_MS / 4
    await this.#flush(this.#traffic.nowMs - HOLD_MS)
  }

  #emit(exporter: number, length: number, nowMs: number): Promise<void> | undefined {
    this.#tally.datagram(exporter)
    return this.#target.send(this.#exporters[exporter]!, this.#encoders[exporter]!.bytes, length, nowMs)
  }

  /** Sends the datagrams begun at or before `beforeMs`. */
  async #flush(beforeMs: number): Promise<void> {
    for (const { index } of this.#exporters) {
      const encoder = this.#encoders[index]!
      if (encoder.flows === 0 || this.#since[index]! > beforeMs) continue
      await this.#emit(index, encoder.finish(this.#traffic.nowMs), this.#traffic.nowMs)
    }
  }

  /** Sends the closing datagrams in rounds: the flows kept back for v5, template refreshes for the others. */
  async #close(closing: number): Promise<void> {
    let left = closing
    for (let round = 1; round <= CLOSING_DATAGRAMS; round++) {
      this.#traffic.nowMs += CLOSING_PAUSE_MS
      await this.#pace?.pause(CLOSING_PAUSE_MS)
      const share = Math.min(left, Math.ceil(closing / CLOSING_DATAGRAMS))
      left -= share
      await this.#closingRound(share)
    }
  }

  async #closingRound(flows: number): Promise<void> {
    const closers = this.#exporters.filter(({ protocol }) => protocol === 'v5').slice(0, flows)
    for (const { index } of closers) await this.#closeWithFlow(index)
    for (const { index } of this.#exporters) {
      const nowMs = this.#traffic.nowMs
      const length = this.#encoders[index]!.close(nowMs)
      if (length > 0) await this.#emit(index, length, nowMs)
    }
  }

  async #closeWithFlow(exporter: number): Promise<void> {
    const flows = this.#flows
    flows.length = 0
    this.#traffic.fillFor(exporter, flows, this.#exporterOf)
    this.#tally.add(flows, this.#exporterOf)
    const encoder = this.#encoders[exporter]!
    encoder.add(flows, 0)
    await this.#emit(exporter, encoder.finish(this.#traffic.nowMs), this.#traffic.nowMs)
  }
}

/** The UDP address of a target, or undefined when it is a path. */
function parseTarget(target: string): UdpAddress | undefined {
  if (!/^[a-z][a-z0-9+]*:\/\//i.test(target)) return undefined
  const url = URL.canParse(target) ? new URL(target) : undefined
  const port = Number(url?.port)
  if (url?.protocol !== 'udp:' || !url.hostname || !(port >= 1 && port <= 65_535)) {
    throw new IngestError('bad-target', `simulate: target expected udp://host:port or a file, got ${target}`, {
      target,
    })
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port }
}

function checkOptions({
  flows,
  rate = 1,
  exporters = 1,
  seed = 1,
  protocols = SIMULATED_PROTOCOLS,
}: SimulateOptions): void {
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (Number.isSafeInteger(value) && value >= least && value <= most) return
    throw new IngestError('bad-option', `simulate: ${name} expected ${least} to ${most}, got ${value}`, {
      option: name,
    })
  }
  whole('flows', flows, 0, Number.MAX_SAFE_INTEGER)
  whole('exporters', exporters, 1, MAX_EXPORTERS)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (!(rate > 0 && rate <= 1e9)) throw new IngestError('bad-option', `simulate: rate expected above 0, got ${rate}`)
  const unknown = protocols.find((protocol) => !SIMULATED_PROTOCOLS.includes(protocol))
  if (unknown !== undefined || protocols.length === 0) {
    throw new IngestError('bad-option', `simulate: protocol expected v5, v9 or ipfix, got ${unknown ?? 'none'}`)
  }
}
