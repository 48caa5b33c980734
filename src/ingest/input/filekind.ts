import { PCAP_MAGICS } from './pcap.ts'
import { SECTION_HEADER } from './pcapng.ts'

/** What a file holds: packets, IPFIX messages back to back (RFC 5655), or the payload of one datagram. */
export type FileKind = 'pcap' | 'pcapng' | 'messages' | 'datagram'

/** Bytes from the start of a file that tell its kind. */
export const KIND_BYTES = 4

/** Largest payload of a UDP datagram over IPv4 or IPv6. */
export const MAX_PAYLOAD_BYTES = 65_527

/** Tells the kind of a file from its first bytes, never from its name; undefined when it is none. */
export function fileKind(first: Uint8Array, sizeBytes: number): FileKind | undefined {
  if (first.length < 2) return undefined
  const version = (first[0]! << 8) | first[1]!
  if (version === 10) return 'messages'
  if (first.length >= 4) {
    const word = new DataView(first.buffer, first.byteOffset).getUint32(0)
    if (word === SECTION_HEADER) return 'pcapng'
    if (PCAP_MAGICS.has(word)) return 'pcap'
  }
  // NetFlow v5 and v9 begin with their version; sFlow v5 with its version in four bytes, which are 0 and 5 for a NetFlow reader.
  const payload = version === 5 || version === 9 || (version === 0 && first[2] === 0 && first[3] === 5)
  return payload && sizeBytes <= MAX_PAYLOAD_BYTES ? 'datagram' : undefined
}
