import type { DatagramMeta } from './decoder.ts'
import type { Origin } from './origin.ts'

/** Octets of the headers of v5, v9 and IPFIX. */
export const HEADER_LENGTH: { readonly [version: number]: number } = { 5: 24, 9: 20, 10: 16 }

/** What the header of a v5, v9 or IPFIX datagram says; the caller has checked its length. */
export function readOrigin(view: DataView, version: 5 | 9 | 10, meta: DatagramMeta): Origin {
  switch (version) {
    case 5:
      return v5Origin(view, meta)
    case 9:
      return v9Origin(view, meta)
    case 10:
      return ipfixOrigin(view, meta)
  }
}

/** Domain is engine type * 256 + engine id. */
function v5Origin(view: DataView, { exporter, sourcePort, receivedMs }: DatagramMeta): Origin {
  const exportMs = view.getUint32(8) * 1000 + Math.floor(view.getUint32(12) / 1e6)
  return {
    exporter,
    sourcePort,
    version: 5,
    domain: view.getUint16(20),
    sequence: view.getUint32(16),
    exportMs,
    sysUptime: view.getUint32(4),
    receivedMs: receivedMs ?? exportMs,
  }
}

/** RFC 3954 section 5.1. */
function v9Origin(view: DataView, { exporter, sourcePort, receivedMs }: DatagramMeta): Origin {
  const exportMs = view.getUint32(8) * 1000
  return {
    exporter,
    sourcePort,
    version: 9,
    domain: view.getUint32(16),
    sequence: view.getUint32(12),
    exportMs,
    sysUptime: view.getUint32(4),
    receivedMs: receivedMs ?? exportMs,
  }
}

/** RFC 7011 section 3.1. */
function ipfixOrigin(view: DataView, { exporter, sourcePort, receivedMs }: DatagramMeta): Origin {
  const exportMs = view.getUint32(4) * 1000
  return {
    exporter,
    sourcePort,
    version: 10,
    domain: view.getUint32(12),
    sequence: view.getUint32(8),
    exportMs,
    sysUptime: 0,
    receivedMs: receivedMs ?? exportMs,
  }
}
