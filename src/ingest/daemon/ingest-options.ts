import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import type { DecoderOptions } from '../decode/options.ts'
import type { CollectorSettings } from './messages.ts'
import type { IngestStatus } from './status.ts'

export interface IngestOptions extends IngestSettings {
  /** `udp://host:port`, one or more; port 0 takes a free one. */
  readonly listen: readonly string[]
  /** URL of the store, or an open store, which is then used in this thread. */
  readonly store: string | ObjectStore
  /** S3 endpoint for store URLs that name none. */
  readonly endpoint?: string
  /** Name of this daemon in blocks, commits and transactions. */
  readonly collector: string
  /** Local folder in which nothing received is lost when the process is killed; without it only memory is used. */
  readonly spool?: string
  /** Longest time that a datagram stays out of the spool; default 200 ms. */
  readonly spoolMs?: number
  /** Bytes that may wait on disk (raw and as blocks), each; default 4 GB. */
  readonly spoolBudgetBytes?: number
  readonly receiveBufferBytes?: number
  /** `host:port` to serve `/metrics` and `/healthz` on. */
  readonly metrics?: string
  /** Also keep the datagrams as they came, as the dataset `datagrams`. */
  readonly keepDatagrams?: boolean
  readonly system?: System
  /** Collect in this thread (always so for an open store and from the sources). */
  readonly inline?: boolean
  readonly onWarning?: (message: string) => void
  /** Told when the daemon cannot go on; it has stopped receiving. */
  readonly onFatal?: (error: Error) => void
}

/** What SIGHUP can change. */
export interface IngestSettings {
  /** A block is committed after this long at the latest; default 60 s. */
  readonly rollMs?: number
  /** Default 64 MB. */
  readonly blockSizeBytes?: number
  /** Networks whose datagrams are taken; others are counted and dropped. Empty: all. */
  readonly allow?: readonly string[]
  /** Exporters that should always be heard. */
  readonly expect?: readonly string[]
  readonly decoder?: DecoderOptions
}

/** A running daemon. */
export interface IngestDaemon {
  /** Bound addresses, as `udp://host:port`, in the order of `listen`. */
  readonly addresses: readonly string[]
  /** `http://host:port` of the metrics, when they are served. */
  readonly metricsUrl: string | undefined
  status(): IngestStatus
  /** Goes on with other settings. Throws IngestError `bad-option`, and then goes on with the old ones. */
  reload(settings: IngestSettings): void
  /**
   * Stops receiving, decodes and commits everything received, and ends. With a spool what the store does not take stays there for the next
   * start; without one it is an error. Calling it again gives the same promise.
   */
  stop(): Promise<IngestStatus>
}

const ROLL_MS = 60_000
const BLOCK_BYTES = 64_000_000

/** The settings of the collecting side, with their defaults. */
export function collectorSettings(settings: IngestSettings): CollectorSettings {
  const { rollMs = ROLL_MS, blockSizeBytes = BLOCK_BYTES, expect = [], decoder = {} } = settings
  return { rollMs, blockSizeBytes, expect, decoder }
}
