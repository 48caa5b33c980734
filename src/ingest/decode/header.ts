import type { DatagramMeta } from './decoder.ts'
import type { Origin } from './origin.ts'

/** Octets of the headers of v5, v9 and IPFIX. */
export const HEADER_LENGTH: { readonly [version: number]: number } = { 5: 24, 9: 20, 10: 16 }

/** What the header of a v5, v9 or IPFIX datagram says; the caller has checked its length. */
export function readOrigin(
  view: DataView,
  version: 5 | 9 | 10,
  { exporter, sourcePort, receivedMs }: DatagramMeta,
): Origin {
  const header = version === 5 ? v5Header(view) : version === 9 ? v9Header(view) : ipfixHeader(view)
  return { exporter, sourcePort, version, ...header, receivedMs: receivedMs ?? header.exportMs }
}

type Header = Pick<Origin, 'domain' | 'sequence' | 'exportMs' | 'sysUptime'>

/** Domain is engine type * 256 + engine id. */
function v5Header(view: DataView): Header {
  return {
    sysUptime: view.getUint32(4),
    exportMs: view.getUint32(8) * 1000 + Math.floor(view.getUint32(12) / 1e6),
    sequence: view.getUint32(16),
    domain: view.getUint16(20),
  }
}

/** RFC 3954 section 5.1. */
function v9Header(view: DataView): Header {
  return {
    sysUptime: view.getUint32(4),
    exportMs: view.getUint32(8) * 1000,
    sequence: view.getUint32(12),
    domain: view.getUint32(16),
  }
}

/** RFC 7011 section 3.1. */
function ipfixHeader(view: DataView): Header {
  return { sysUptime: 0, exportMs: view.getUint32(4) * 1000, sequence: view.getUint32(8), domain: view.getUint32(12) }
}
