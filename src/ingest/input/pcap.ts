import { IngestError } from '../error.ts'
import { etherTypeOffset } from './link.ts'
import { MAX_PACKET_BYTES, type PacketHandler, type PacketRun, type Pause } from './packet.ts'
import type { FileWindow } from './window.ts'

interface Magic {
  readonly littleEndian: boolean
  /** Units of the fraction per millisecond. */
  readonly fractionPerMs: number
}

/** First four bytes of a classic pcap file, read big-endian: both byte orders, microseconds and nanoseconds. */
export const PCAP_MAGICS: ReadonlyMap<number, Magic> = new Map([
  [0xa1b2c3d4, { littleEndian: false, fractionPerMs: 1000 }],
  [0xd4c3b2a1, { littleEndian: true, fractionPerMs: 1000 }],
  [0xa1b23c4d, { littleEndian: false, fractionPerMs: 1_000_000 }],
  [0x4d3cb2a1, { littleEndian: true, fractionPerMs: 1_000_000 }],
])

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16

/** Reads the packets of a classic pcap file in order, many at once where `onRun` takes them. Throws IngestError `truncated` when the file ends inside a packet. */
export async function readPcap(
  window: FileWindow,
  onPacket: PacketHandler,
  pause: Pause,
  onRun?: PacketRun,
): Promise<void> {
  if (!(await window.fill(FILE_HEADER_BYTES))) throw cut(window, 'a file header')
  const magic = PCAP_MAGICS.get(window.view.getUint32(window.at))
  if (!magic)
    throw new IngestError('unrecognised', `import: ${window.path} expected a pcap file, got another magic number`)
  const { littleEndian, fractionPerMs } = magic
  // The high bits of the link type field hold the length of a frame check sequence (pcap-linktype).
  const linkType = window.view.getUint32(window.at + 20, littleEndian) & 0xffff
  window.at += FILE_HEADER_BYTES
  const framing = { etherType: etherTypeOffset(linkType), bigEndian: !littleEndian, fractionPerMs }
  const takes = framing.etherType < 0 ? undefined : onRun
  for (;;) {
    const taken = takes?.({ bytes: window.bytes, at: window.at, end: window.end, framing })
    if (taken) window.at = taken.next
    if (window.end - window.at < RECORD_HEADER_BYTES) {
      await pause()
      if (!(await window.fill(RECORD_HEADER_BYTES))) break
    }
    const { view, at } = window
    const captured = view.getUint32(at + 8, littleEndian)
    if (captured > MAX_PACKET_BYTES) throw damaged(window, captured)
    const length = RECORD_HEADER_BYTES + captured
    if (window.end - at < length) {
      await pause()
      if (!(await window.fill(length))) break
      continue
    }
    const timeMs =
      view.getUint32(at, littleEndian) * 1000 + Math.floor(view.getUint32(at + 4, littleEndian) / fractionPerMs)
    onPacket(window.bytes, at + RECORD_HEADER_BYTES, at + length, linkType, timeMs)
    window.at = at + length
  }
  if (window.at !== window.end) throw cut(window, 'a packet')
}

function cut(window: FileWindow, part: string): IngestError {
  const { path, offset, sizeBytes } = window
  const message = `import: ${path} expected ${part} at offset ${offset}, got the end of the file at ${sizeBytes}`
  return new IngestError('truncated', message, { path, offset })
}

function damaged(window: FileWindow, length: number): IngestError {
  const { path, offset } = window
  const message = `import: ${path} expected a packet of at most ${MAX_PACKET_BYTES} bytes at offset ${offset}, got ${length}`
  return new IngestError('truncated', message, { path, offset })
}
