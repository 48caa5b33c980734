import { createCounters } from '../decode/counters.ts'
import type { CollectorStatus } from './collector.ts'
import { NO_LATENCIES } from './latency.ts'
import { NOTHING_SENT } from './outbox.ts'
import type { ReceiverCounts } from './receiver-counters.ts'

/** What a daemon has done since it started; numbers only grow, but for what waits. */
export interface IngestStatus extends CollectorStatus {
  readonly receiver: ReceiverCounts
  /** Datagrams the kernel dropped, over all sockets. */
  readonly kernelDrops: number
  readonly sockets: readonly SocketStatus[]
  /** Chunks that wait to be decoded. */
  readonly waitingChunks: number
  /** Bytes of the log of the spool. */
  readonly logBytes: number
  /** Chunks that the log of the spool could not take; they were in memory only. */
  readonly unlogged: number
  /** Datagrams are dropped: the log of the spool is as large as it may be. */
  readonly receiverFull: boolean
  /** The store is open and what an earlier daemon left has been decoded. */
  readonly opened: boolean
  /** Datagrams of an earlier daemon that were decoded again. */
  readonly recovered: number
}

export interface SocketStatus {
  /** `udp://host:port` */
  readonly address: string
  readonly receiveBufferBytes: number
  readonly kernelDrops: number
}

/** Nothing collected yet. */
export const EMPTY_STATUS: CollectorStatus = {
  decoded: createCounters(),
  outbox: NOTHING_SENT,
  lost: { flows: 0, datagrams: 0, records: 0 },
  sessions: 0,
  silent: [],
  openBytes: 0,
  blocked: false,
  storeFailure: undefined,
  spoolFailure: undefined,
  exporters: [],
  latency: NO_LATENCIES,
}
