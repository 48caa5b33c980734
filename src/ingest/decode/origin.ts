import type { ExporterAddress } from './exporter-address.ts'

/** What all records of one datagram share. */
export interface Origin {
  readonly exporter: ExporterAddress
  readonly sourcePort: number
  /** 5, 9, 10 or `SFLOW`. */
  readonly version: number
  readonly domain: number
  /** Sequence number of the header. */
  readonly sequence: number
  /** Export time of the header, whole milliseconds, rounded down. */
  readonly exportMs: number
  /** Header sysUptime of v5 and v9, else 0. */
  readonly sysUptime: number
  readonly receivedMs: number
}
