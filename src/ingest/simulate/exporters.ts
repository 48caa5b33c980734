import { Random } from './random.ts'

export type SimulatedProtocol = 'v5' | 'v9' | 'ipfix'

export const SIMULATED_PROTOCOLS: readonly SimulatedProtocol[] = ['v5', 'v9', 'ipfix']

/** One exporting process: a device with its address, its clock and its settings. */
export interface SimulatedExporter {
  /** Number of the exporter, from 0; also its site in the traffic model. */
  readonly index: number
  readonly protocol: SimulatedProtocol
  /** IPv4 source address of its datagrams as an unsigned integer. */
  readonly address: number
  readonly sourcePort: number
  /** v5: engine type * 256 + engine id; v9: source id; IPFIX: observation domain. */
  readonly domain: number
  /** Boot time: sysUptime counts from here, modulo 2^32 ms. */
  readonly bootMs: number
  /** 1 in N packets is metered; 1 is all of them; 0 says nothing about sampling. */
  readonly samplingInterval: number
  /** IPFIX only: times as sysUptime (21, 22) with systemInitTimeMilliseconds (160), reduced-size counters, further elements. */
  readonly relative: boolean
}

const DAY_MS = 86_400_000
const WRAP_MS = 2 ** 32

export interface ExporterPlan {
  readonly protocols: readonly SimulatedProtocol[]
  readonly exporters: number
  readonly sampling: 'none' | 'some'
  readonly seed: number
  readonly startMs: number
  /** Address of exporter 0; the others follow it. */
  readonly firstAddress: number
}

/**
 * The exporters of a simulation: protocols take turns; uptimes range from minutes to weeks and some wrap within the hour;
 * every fourth device samples, unless `sampling` is `none`.
 */
export function planExporters(plan: ExporterPlan): SimulatedExporter[] {
  const { protocols, exporters, sampling, seed, startMs, firstAddress } = plan
  const random = new Random(seed, 1)
  return Array.from({ length: exporters }, (_, index) => {
    const protocol = protocols[index % protocols.length] ?? 'v5'
    const turn = Math.floor(index / protocols.length)
    const uptimeMs =
      index % 5 === 3 ? WRAP_MS - random.below(1_800_000) : 600_000 + Math.floor(random.unit() * 40 * DAY_MS)
    const sampled = sampling === 'some' && index % 4 === 3
    return {
      index,
      protocol,
      address: (firstAddress + index) >>> 0,
      sourcePort: 20_000 + (index % 40_000),
      domain: protocol === 'v5' ? index & 0xffff : 1 + index,
      bootMs: Math.floor(startMs) - uptimeMs,
      samplingInterval: sampled ? 100 : protocol !== 'v5' && index % 2 === 0 ? 1 : 0,
      relative: protocol === 'ipfix' && turn % 2 === 1,
    }
  })
}
