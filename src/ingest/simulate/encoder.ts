import type { FlowBatch } from '../../flow/batch.ts'
import type { SimulatedExporter } from './exporters.ts'
import { IpfixEncoder } from './ipfix.ts'
import { Netflow5Encoder } from './netflow5.ts'
import { Netflow9Encoder } from './netflow9.ts'

/** The exporting process of one session: turns flows into datagrams, one at a time, in a buffer that it uses again for the next. */
export interface DatagramEncoder {
  /** Holds the datagram after `finish`, until the next `add` or `close`. */
  readonly bytes: Uint8Array
  /** Flows in the datagram under construction. */
  readonly flows: number
  /** True when another flow might not fit: `finish` before the next `add`. */
  readonly full: boolean
  /** Adds row `row` of `flows`. */
  add(flows: FlowBatch, row: number): void
  /** Ends the datagram with `exportMs` as its time and returns its length in bytes; there is at least one flow in it. */
  finish(exportMs: number): number
  /**
   * Makes a datagram that carries the sequence number and no flow (a template refresh), so that the receiver sees what was lost before it;
   * returns 0 where the protocol has none: NetFlow v5 datagrams hold at least one flow.
   */
  close(exportMs: number): number
}

/** Starts the exporting process of `exporter`. */
export function createEncoder(exporter: SimulatedExporter): DatagramEncoder {
  switch (exporter.protocol) {
    case 'v5':
      return new Netflow5Encoder(exporter)
    case 'v9':
      return new Netflow9Encoder(exporter)
    case 'ipfix':
      return new IpfixEncoder(exporter)
  }
}
