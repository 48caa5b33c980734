import type { ExporterAddress } from '../decode/exporter-address.ts'

/**
 * Takes one datagram: the payload `bytes` (valid during the call), who sent it from which port, and when it arrived (milliseconds;
 * undefined where only its own header tells a time).
 */
export type DatagramHandler = (
  bytes: Uint8Array,
  exporter: ExporterAddress,
  sourcePort: number,
  receivedMs: number | undefined,
) => void
