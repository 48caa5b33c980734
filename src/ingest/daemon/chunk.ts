import type { ExporterAddress } from '../decode/exporter-address.ts'
import { ExporterAddresses } from '../decode/exporter-addresses.ts'
import type { Frames, Framing, Taken } from '../decode/v5-intake.ts'

/**
 * A chunk: datagrams one after the other, each behind a header of 32 bytes. What the receiving thread hands on, and what lies in the log of the
 * spool, where 8 bytes stand before it: a magic number and its length.
 *
 *     0  bytes of padding behind the payload (8 bits, big-endian as all numbers)      2  length of the payload (16)
 *     4  source port (16)   6  address family, 4 or 6   7  socket      8  arrival, milliseconds (64-bit float)
 *    16  address, 4 or 16 bytes, then the payload at 32
 *
 * A payload is padded to a multiple of 8 bytes, because shared memory is copied byte by byte between addresses that differ in their last three bits. Daemons
 * of earlier versions left no padding.
 */
export const HEADER_BYTES = 32

/** Magic number and length, before the datagrams of a chunk. */
export const FRAME_BYTES = 8
const MAGIC = 0x46525350 // 'FRSP'

/** Size of a chunk. Holds any datagram. */
export const CHUNK_BYTES = 512 << 10

/** A chunk being filled. */
export class ChunkWriter {
  readonly bytes: Uint8Array
  /** Bytes in use, frame included. */
  length = FRAME_BYTES
  datagrams = 0
  readonly #view: DataView

  constructor(bytes: Uint8Array = new Uint8Array(CHUNK_BYTES)) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** The chunk as it is written to the log. */
  frame(): Uint8Array {
    this.#view.setUint32(0, MAGIC)
    this.#view.setUint32(4, this.length - FRAME_BYTES)
    return this.bytes.subarray(0, this.length)
  }

  hasRoom(payloadBytes: number): boolean {
    return this.length + HEADER_BYTES + payloadBytes + 7 <= this.bytes.length
  }

  /** Where the payload of the next datagram goes. */
  get payloadAt(): number {
    return this.length + HEADER_BYTES
  }

  /** Appends a datagram; there is room for it. `address` is 4 or 16 bytes. */
  add(payload: Uint8Array, address: Uint8Array, sourcePort: number, socket: number, receivedMs: number): void {
    this.bytes.set(payload, this.payloadAt)
    this.added(payload.length, address, sourcePort, socket, receivedMs)
  }

  /** Appends a datagram whose payload is in its place already. */
  added(payloadBytes: number, address: Uint8Array, sourcePort: number, socket: number, receivedMs: number): void {
    const at = this.length
    const view = this.#view
    const padding = -payloadBytes & 7
    view.setUint32(at, (padding << 24) | payloadBytes)
    view.setUint16(at + 4, sourcePort)
    view.setUint8(at + 6, address.length === 4 ? 4 : 6)
    view.setUint8(at + 7, socket)
    view.setFloat64(at + 8, receivedMs)
    this.bytes.set(address, at + 16)
    this.length = at + HEADER_BYTES + payloadBytes + padding
    this.datagrams++
  }
}

/** Length of the datagrams behind the 8 bytes of frame in `bytes`; undefined when these are none. */
export function frameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FRAME_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES)
  return view.getUint32(0) === MAGIC ? view.getUint32(4) : undefined
}

/** Takes a datagram of a chunk; `payload` is valid as long as the chunk. */
export type ChunkVisitor = (
  payload: Uint8Array,
  exporter: ExporterAddress,
  sourcePort: number,
  receivedMs: number,
) => void

/** Takes datagrams from the front of a chunk, all at once, as far as it can; returns how many, and where the next begins. */
export type ChunkRun = (frames: Frames) => Taken

const FRAMING: Framing = { etherType: -1, bigEndian: true, fractionPerMs: 1 }

/** Reads chunks; remembers the exporters in them, so that each is made once. */
export class ChunkReader {
  readonly #exporters = new ExporterAddresses()

  /** Visits the datagrams of `bytes` in order, those apart that `run` takes, and returns how many there are; one that does not fit into `bytes` ends the chunk. */
  read(bytes: Uint8Array, visit: ChunkVisitor, run?: ChunkRun): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    let datagrams = 0
    for (;;) {
      const taken = run?.({ bytes, at, end: bytes.length, framing: FRAMING })
      if (taken) {
        at = taken.next
        datagrams += taken.datagrams
      }
      if (at + HEADER_BYTES > bytes.length) break
      const end = at + HEADER_BYTES + view.getUint16(at + 2)
      const next = end + view.getUint8(at)
      if (next > bytes.length) break
      const isV4 = view.getUint8(at + 6) === 4
      const exporter = isV4 ? this.#exporters.v4(view.getUint32(at + 16)) : this.#exporters.v6(bytes, at + 16)
      visit(bytes.subarray(at + HEADER_BYTES, end), exporter, view.getUint16(at + 4), view.getFloat64(at + 8))
      at = next
      datagrams++
    }
    return datagrams
  }
}
