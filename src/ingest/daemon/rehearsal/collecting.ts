import type { System } from '../../../storage/system.ts'
import { SIMULATED_PROTOCOLS, type SimulatedProtocol } from '../../simulate/exporters.ts'
import { ChunkWriter, FRAME_BYTES } from '../chunk.ts'
import { Collector, type CollectorOutbox } from '../collector.ts'
import { NO_LATENCIES } from '../latency.ts'
import { LOG_START } from '../log.ts'
import type { OpenCollectorOptions } from '../open-collector.ts'
import { NOTHING_SENT } from '../outbox.ts'
import { RehearsalDatagrams } from './datagrams.ts'

type RehearsalOptions = Pick<OpenCollectorOptions, 'decoder' | 'blockSizeBytes'>

/** Rounds of a turn: after two of those V8 has optimised what a collector does for each datagram. A third of a sync-block of v5 is packed in each. */
const ROUNDS: Readonly<Record<SimulatedProtocol, number>> = { v5: 40, v9: 16, ipfix: 16 }
const DATAGRAMS = 48
const SOURCE_PORT = 2055

/** Takes what a collector hands over, and drops it. */
const NOWHERE: CollectorOutbox = {
  ...{ add: () => undefined, counters: { ...NOTHING_SENT }, failure: undefined, latency: NO_LATENCIES },
}

/**
 * Has collectors of its own decode and pack datagrams of NetFlow v5, v9 and IPFIX until V8 has optimised what they do; nothing of it is stored, logged or
 * counted. Two of them, one after the other: code that has been optimised for the objects of the first alone would be made anew for those of the daemon. Takes half a second.
 */
export function rehearseCollecting(options: RehearsalOptions, system: System): void {
  const plays = SIMULATED_PROTOCOLS.map((protocol) => {
    return { datagrams: new RehearsalDatagrams(protocol, DATAGRAMS), rounds: ROUNDS[protocol] }
  })
  for (let turn = 0; turn < 2; turn++) {
    const collector = playedCollector(options, system)
    for (const { datagrams, rounds } of plays) {
      for (let round = 0; round < rounds; round++) collector.feed(chunkOf(datagrams, system.now()), undefined)
    }
    collector.roll()
    collector.close()
  }
}

function playedCollector({ decoder, blockSizeBytes }: RehearsalOptions, system: System): Collector {
  return new Collector({
    ...{ system, decoder, blockSizeBytes, collector: 'rehearsal', outbox: NOWHERE, spool: undefined, firstSequence: 0 },
    ...{ checkpoint: { position: LOG_START, state: undefined }, rollMs: 60_000, keepDatagrams: false, expect: [] },
    onWarning: () => undefined,
  })
}

/** The datagrams of a round, without the frame of a chunk; the next have other numbers. */
function chunkOf(play: RehearsalDatagrams, nowMs: number): Uint8Array {
  const chunk = new ChunkWriter()
  for (const { payload, exporter } of play.datagrams) {
    chunk.add(payload, Uint8Array.of(127, 0, 0, exporter), SOURCE_PORT, 0, nowMs)
  }
  play.next()
  return chunk.frame().subarray(FRAME_BYTES)
}
