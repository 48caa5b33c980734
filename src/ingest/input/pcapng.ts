import { IngestError } from '../error.ts'
import { MAX_PACKET_BYTES, type PacketHandler, type Pause } from './packet.ts'
import { type CaptureClock, clockOf } from './pcapng-clock.ts'
import type { FileWindow } from './window.ts'

/** Type of a section header block, the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a
const INTERFACE_DESCRIPTION = 1
const OBSOLETE_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const BLOCK_HEADER_BYTES = 12
/** Block headers and options come on top of the packet. */
const MAX_BLOCK_BYTES = MAX_PACKET_BYTES * 4

interface CaptureInterface {
  readonly linkType: number
  readonly snapLength: number
  readonly clock: CaptureClock
}

/**
 * Reads the packets of a pcapng file (draft-ietf-opsawg-pcapng) in order: any number of sections, of either byte order, with any number of
 * interfaces. A simple packet has no time and takes that of the packet before it. Throws IngestError `truncated` when the file ends inside a block.
 */
export async function readPcapng(window: FileWindow, onPacket: PacketHandler, pause: Pause): Promise<void> {
  const section = new Section(onPacket)
  for (;;) {
    if (window.end - window.at < BLOCK_HEADER_BYTES) {
      await pause()
      if (!(await window.fill(BLOCK_HEADER_BYTES))) break
    }
    const length = section.open(window)
    if (window.end - window.at < length) {
      await pause()
      if (!(await window.fill(length))) break
      continue
    }
    section.block(window, length)
    window.at += length
  }
  if (window.at !== window.end) throw fault(window, 'a whole block', `the end of the file at ${window.sizeBytes}`)
}

class Section {
  readonly #onPacket: PacketHandler
  #littleEndian = true
  #interfaces: CaptureInterface[] = []
  #timeMs = 0

  constructor(onPacket: PacketHandler) {
    this.#onPacket = onPacket
  }

  /** Length of the block at the front of the window; a section header also begins a section and sets its byte order. */
  open(window: FileWindow): number {
    const { view, at } = window
    if (view.getUint32(at) === SECTION_HEADER) {
      const littleEndian = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC
      if (!littleEndian && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC) {
        throw fault(window, 'a byte order magic', view.getUint32(at + 8).toString(16))
      }
      this.#littleEndian = littleEndian
      this.#interfaces = []
    }
    const length = view.getUint32(at + 4, this.#littleEndian)
    if (length < BLOCK_HEADER_BYTES || length % 4 !== 0 || length > MAX_BLOCK_BYTES) {
      throw fault(window, `a block of ${BLOCK_HEADER_BYTES} to ${MAX_BLOCK_BYTES} bytes`, `${length}`)
    }
    return length
  }

  /** Takes the block of `length` bytes at the front of the window. */
  block(window: FileWindow, length: number): void {
    const { view, at } = window
    switch (view.getUint32(at, this.#littleEndian)) {
      case INTERFACE_DESCRIPTION:
        this.#interface(window, length)
        break
      case ENHANCED_PACKET:
        this.#enhanced(window, length, view.getUint32(at + 8, this.#littleEndian))
        break
      case OBSOLETE_PACKET:
        this.#enhanced(window, length, view.getUint16(at + 8, this.#littleEndian))
        break
      case SIMPLE_PACKET:
        this.#simple(window, length)
        break
    }
  }

  #interface(window: FileWindow, length: number): void {
    const { view, at } = window
    if (length < 20) throw fault(window, 'an interface description of 20 bytes', `${length}`)
    this.#interfaces.push({
      linkType: view.getUint16(at + 8, this.#littleEndian),
      snapLength: view.getUint32(at + 12, this.#littleEndian),
      clock: clockOf(view, at + 16, at + length - 4, this.#littleEndian),
    })
  }

  #enhanced(window: FileWindow, length: number, interfaceId: number): void {
    const { view, at, bytes } = window
    if (length < 32) throw fault(window, 'a packet block of 32 bytes', `${length}`)
    const captured = view.getUint32(at + 20, this.#littleEndian)
    if (captured > length - 32) throw fault(window, `a packet of at most ${length - 32} bytes`, `${captured}`)
    const { linkType, clock } = this.#known(window, interfaceId)
    this.#timeMs = clock(view.getUint32(at + 12, this.#littleEndian), view.getUint32(at + 16, this.#littleEndian))
    this.#onPacket(bytes, at + 28, at + 28 + captured, linkType, this.#timeMs)
  }

  #simple(window: FileWindow, length: number): void {
    const { view, at, bytes } = window
    if (length < 16) throw fault(window, 'a packet block of 16 bytes', `${length}`)
    const { linkType, snapLength } = this.#known(window, 0)
    const original = view.getUint32(at + 8, this.#littleEndian)
    const captured = Math.min(original, length - 16, snapLength === 0 ? original : snapLength)
    this.#onPacket(bytes, at + 12, at + 12 + captured, linkType, this.#timeMs)
  }

  #known(window: FileWindow, interfaceId: number): CaptureInterface {
    const found = this.#interfaces[interfaceId]
    if (!found) throw fault(window, 'a packet of a described interface', `interface ${interfaceId}`)
    return found
  }
}

function fault({ path, offset }: FileWindow, expected: string, got: string): IngestError {
  const message = `import: ${path} expected ${expected} at offset ${offset}, got ${got}`
  return new IngestError('truncated', message, { path, offset })
}
