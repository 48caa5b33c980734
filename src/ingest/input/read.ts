import type { ExporterAddress } from '../decode/exporter-address.ts'
import { IngestError } from '../error.ts'
import type { DatagramHandler } from './datagram.ts'
import { type FileKind, fileKind, KIND_BYTES } from './filekind.ts'
import { readMessages, readPayload } from './messages.ts'
import type { PacketHandler, PacketRun, Pause } from './packet.ts'
import { readPcap } from './pcap.ts'
import { readPcapng } from './pcapng.ts'
import { UdpPackets } from './udp-packets.ts'
import { FileWindow } from './window.ts'

/** What a file was, beside its datagrams. */
export interface FileFacts {
  readonly kind: FileKind
  /** SHA-256 of the whole file, hexadecimal. */
  readonly sha256: string
  /** Captures: packets without a UDP datagram. */
  readonly skippedPackets: number
  /** Captures: fragmented datagrams that never became whole. */
  readonly abandonedFragments: number
  /** Captures: the first link type that could not be looked into. */
  readonly unknownLink?: number
  /** Bytes after the last whole message. */
  readonly trailingBytes: number
}

export interface ReadOptions {
  /** Who is said to have sent datagrams that carry no address. */
  readonly exporter: ExporterAddress
  readonly onDatagram: DatagramHandler
  /** Takes packets first, those of a classic pcap file that is read into `memory`. */
  readonly onRun?: PacketRun | undefined
  /** Two pieces of `WINDOW_BYTES` to read into; default: others. */
  readonly memory?: readonly Uint8Array[] | undefined
  readonly pause?: Pause
}

/**
 * Reads all datagrams of a file: a classic pcap or pcapng capture, IPFIX messages, or one payload, told by its content. Memory stays at a
 * window of the file. Throws IngestError `unreadable`, `empty`, `truncated` or `unrecognised`, each naming the file.
 */
export async function readDatagrams(path: string, options: ReadOptions): Promise<FileFacts> {
  const { exporter, onDatagram, onRun, memory, pause = () => undefined } = options
  const window = await FileWindow.open(path, memory)
  try {
    await window.fill(KIND_BYTES)
    const { bytes, at, end } = window
    const kind = fileKind(bytes.subarray(at, Math.min(end, at + KIND_BYTES)), window.sizeBytes)
    switch (kind) {
      case 'pcap':
        return await readPackets(kind, window, onDatagram, (onPacket) => readPcap(window, onPacket, pause, onRun))
      case 'pcapng':
        return await readPackets(kind, window, onDatagram, (onPacket) => readPcapng(window, onPacket, pause))
      case 'messages': {
        const trailingBytes = await readMessages(window, exporter, onDatagram, pause)
        return { ...NO_PACKETS, kind, trailingBytes, sha256: await window.hash() }
      }
      case 'datagram':
        await readPayload(window, exporter, onDatagram)
        return { ...NO_PACKETS, kind, sha256: await window.hash() }
      case undefined:
        throw new IngestError(
          'unrecognised',
          `import: ${path} expected pcap, pcapng, IPFIX messages or a NetFlow or sFlow datagram, got something else`,
          { path },
        )
    }
  } finally {
    await window.close()
  }
}

const NO_PACKETS = { skippedPackets: 0, abandonedFragments: 0, trailingBytes: 0 }

async function readPackets(
  kind: FileKind,
  window: FileWindow,
  onDatagram: DatagramHandler,
  read: (onPacket: PacketHandler) => Promise<void>,
): Promise<FileFacts> {
  const packets = new UdpPackets(onDatagram)
  await read(packets.packet)
  packets.finish()
  const { unknownLink, skipped: skippedPackets, abandoned: abandonedFragments } = packets
  if (unknownLink !== undefined && packets.packets === skippedPackets) {
    const message = `import: ${window.path} expected packets with a known link type, got link type ${unknownLink}`
    throw new IngestError('unrecognised', message, { path: window.path })
  }
  const sha256 = await window.hash()
  return {
    kind,
    sha256,
    skippedPackets,
    abandonedFragments,
    trailingBytes: 0,
    ...(unknownLink === undefined ? {} : { unknownLink }),
  }
}
