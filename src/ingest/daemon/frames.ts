import { crc32 } from 'node:zlib'

/**
 * Frames of a spool segment: 16 bytes of header (magic, kind, length, CRC-32 of the body; big-endian), then the body. A frame that was being
 * written when the process died is recognised by its length or checksum and ends the segment.
 */
export const FRAME_HEADER_BYTES = 16
const MAGIC = 0x46525350 // 'FRSP'

/** `state`: what the decoder knew when the segment began, JSON. `chunk`: datagrams. */
export type FrameKind = 'state' | 'chunk'

const KINDS: readonly FrameKind[] = ['state', 'chunk']

/** The header of a frame with this body. */
export function frameHeader(kind: FrameKind, body: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(FRAME_HEADER_BYTES))
  view.setUint32(0, MAGIC)
  view.setUint32(4, KINDS.indexOf(kind))
  view.setUint32(8, body.length)
  view.setUint32(12, crc32(body))
  return new Uint8Array(view.buffer)
}

export interface Frame {
  readonly kind: FrameKind
  readonly body: Uint8Array
}

/** The whole frames of a segment, in order; what follows the last one is left out. */
export function* readFrames(bytes: Uint8Array): Generator<Frame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    const kind = KINDS[view.getUint32(at + 4)]
    const start = at + FRAME_HEADER_BYTES
    const end = start + view.getUint32(at + 8)
    if (view.getUint32(at) !== MAGIC || kind === undefined || end > bytes.length) return
    const body = bytes.subarray(start, end)
    if (crc32(body) !== view.getUint32(at + 12)) return
    yield { kind, body }
    at = end
  }
}
