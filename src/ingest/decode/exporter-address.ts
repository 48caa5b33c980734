import { formatAddressBytes, parseAddress, unmapAddress } from '../../flow/address.ts'
import { copyBytes } from './copy-bytes.ts'

/** Address of the device that sent a datagram. Make it once per sender and reuse it: the decoder keys its caches by `text`. */
export interface ExporterAddress {
  readonly family: 4 | 6
  /** The IPv4 address as an unsigned integer; 0 for IPv6. */
  readonly v4: number
  /** 16 bytes in network order; zero for IPv4. */
  readonly v6: Uint8Array
  /** RFC 5952 form. */
  readonly text: string
}

const NO_V6 = new Uint8Array(16)

/** The exporter address written as text (a zone such as `%eth0` is dropped, IPv4-mapped becomes IPv4); undefined when it is not an address. */
export function parseExporter(text: string): ExporterAddress | undefined {
  const zone = text.indexOf('%')
  try {
    return fromBytes(parseAddress(zone < 0 ? text : text.slice(0, zone)))
  } catch {
    return undefined
  }
}

/** The exporter address held in 4 or 16 bytes of `bytes`; IPv4-mapped becomes IPv4. */
export function exporterFromBytes(bytes: Uint8Array, offset: number, length: 4 | 16): ExporterAddress {
  return fromBytes(unmapAddress(copyBytes(bytes, offset, offset + length)))
}

function fromBytes(bytes: Uint8Array): ExporterAddress {
  const text = formatAddressBytes(bytes)
  if (bytes.length === 16) return { family: 6, v4: 0, v6: bytes, text }
  const v4 = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return { family: 4, v4, v6: NO_V6, text }
}
