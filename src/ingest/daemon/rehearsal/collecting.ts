import type { System } from '../../../storage/system.ts'
import { SIMULATED_PROTOCOLS, type SimulatedProtocol } from '../../simulate/exporters.ts'
import { ChunkWriter, FRAME_BYTES } from '../chunk.ts'
import { Collector, type CollectorOutbox } from '../collector.ts'
import { NO_LATENCIES } from '../latency.ts'
import { LOG_START } from '../log.ts'
import type { OpenCollectorOptions } from '../open-collector.ts'
import { NOTHING_SENT } from '../outbox.ts'
import { RehearsalDatagrams } from './datagrams.ts'

/** Rounds after which V8 has optimised what a collector does for each datagram: chunks as large as sync-blocks of v5, for one is packed in each round. */
const ROUNDS: Readonly<Record<SimulatedProtocol, number>> = { v5: 72, v9: 30, ipfix: 30 }
const DATAGRAMS = 48
const LOOPBACK = Uint8Array.of(127, 0, 0, 1)
const SOURCE_PORT = 2055

/** Takes what a collector hands over, and drops it. */
const NOWHERE: CollectorOutbox = {
  ...{ add: () => undefined, counters: { ...NOTHING_SENT }, failure: undefined, latency: NO_LATENCIES },
}

/**
 * Has a collector of its own decode and pack datagrams of NetFlow v5, v9 and IPFIX until V8 has optimised what it does; nothing of it is stored, logged or
 * counted. Takes some 0.3 s.
 */
export function rehearseCollecting(
  { decoder, blockSizeBytes }: Pick<OpenCollectorOptions, 'decoder' | 'blockSizeBytes'>,
  system: System,
): void {
  const collector = new Collector({
    ...{ system, decoder, blockSizeBytes, collector: 'rehearsal', outbox: NOWHERE, spool: undefined, firstSequence: 0 },
    ...{ checkpoint: { position: LOG_START, state: undefined }, rollMs: 60_000, keepDatagrams: false, expect: [] },
    onWarning: () => undefined,
  })
  for (const protocol of SIMULATED_PROTOCOLS) {
    const datagrams = new RehearsalDatagrams(protocol, DATAGRAMS)
    for (let round = 0; round < ROUNDS[protocol]; round++) {
      const chunk = new ChunkWriter()
      for (const payload of datagrams.payloads) chunk.add(payload, LOOPBACK, SOURCE_PORT, 0, system.now())
      collector.feed(chunk.frame().subarray(FRAME_BYTES), undefined)
      datagrams.next()
    }
  }
  collector.roll()
  collector.close()
}
