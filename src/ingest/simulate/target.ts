import type { SimulatedExporter } from './exporters.ts'

/** Where the datagrams of a simulation go. */
export interface DatagramTarget {
  /** Address and port that the datagrams of each exporter come from, by index of the exporter. */
  readonly addresses: readonly { readonly address: string; readonly port: number }[]
  /** Datagrams the local network refused to send, so far. */
  readonly refused: number
  /**
   * Takes the first `length` bytes of `bytes` as a datagram of `exporter`, exported at `exportMs`; `bytes` may be used again at once.
   * Returns a promise when the caller should wait before the next one.
   */
  send(exporter: SimulatedExporter, bytes: Uint8Array, length: number, exportMs: number): Promise<void> | undefined
  /** Waits for everything sent and closes the target. */
  close(): Promise<void>
}

/** Dotted form of an IPv4 address. */
export function dotted(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}
