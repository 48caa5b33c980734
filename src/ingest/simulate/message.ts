import type { Column } from '../../flow/column.ts'

/** A field of a template: element, length in bytes (65535: variable), and enterprise number where it has one. */
export type TemplateField = readonly [element: number, lengthBytes: number, enterprise?: number]

export const VARIABLE = 0xffff

/** Datagrams stay below the usual MTU of 1500 less IP and UDP headers. */
export const MAX_DATAGRAM_BYTES = 1440

/**
 * A NetFlow v9 or IPFIX message under construction. Sets are opened and closed in front; the records of the second data set
 * gather at the side and are appended at the end, so that records of both families can arrive in any order.
 */
export class MessageWriter {
  readonly bytes = new Uint8Array(2048)
  readonly view = new DataView(this.bytes.buffer)
  readonly side = new DataView(new ArrayBuffer(2048))
  readonly #sideBytes = new Uint8Array(this.side.buffer)
  at = 0
  sideAt = 0
  #setAt = 0

  /** Forgets everything and leaves `headerBytes` for the header. */
  reset(headerBytes: number): void {
    this.at = headerBytes
    this.sideAt = 0
  }

  openSet(id: number): void {
    this.#setAt = this.at
    this.view.setUint16(this.at, id)
    this.at += 4
  }

  /** Pads the open set to a multiple of four bytes and writes its length. */
  closeSet(): void {
    while (this.at % 4 !== 0) this.view.setUint8(this.at++, 0)
    this.view.setUint16(this.#setAt + 2, this.at - this.#setAt)
  }

  /** Appends the records at the side as a set of their own. */
  appendSide(id: number): void {
    this.openSet(id)
    this.bytes.set(this.#sideBytes.subarray(0, this.sideAt), this.at)
    this.at += this.sideAt
    this.sideAt = 0
    this.closeSet()
  }

  u8(value: number): void {
    this.view.setUint8(this.at++, value)
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value)
    this.at += 2
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value)
    this.at += 4
  }

  u64(value: number): void {
    setUint64(this.view, this.at, value)
    this.at += 8
  }

  /** Field specifiers; an enterprise element has the high bit of its number set (RFC 7011 section 3.2). */
  fields(fields: readonly TemplateField[]): void {
    for (const [element, lengthBytes, enterprise] of fields) {
      this.u16(enterprise === undefined ? element : element | 0x8000)
      this.u16(lengthBytes)
      if (enterprise !== undefined) this.u32(enterprise)
    }
  }
}

/** Writes an integer of up to 53 bits as eight bytes. */
export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32))
  view.setUint32(at + 4, value % 2 ** 32)
}

/** Writes the IPv6 address of a row. */
export function setIPv6(view: DataView, at: number, column: Extract<Column, { type: 'address' }>, row: number): void {
  const { v6 } = column
  for (let i = 0; i < 16; i++) view.setUint8(at + i, v6[row * 16 + i]!)
}

/** Length of a record of these fields; a variable-length one counts as one byte. */
export function recordBytes(fields: readonly TemplateField[]): number {
  return fields.reduce((sum, [, lengthBytes]) => sum + (lengthBytes === VARIABLE ? 1 : lengthBytes), 0)
}

/** When the templates of a session are due: at first, and then by datagrams and by time, as over UDP they can be lost (RFC 7011 section 8.4). */
export class TemplateTimer {
  #datagrams = 0
  #sentMs = Number.NEGATIVE_INFINITY

  due(nowMs: number): boolean {
    return this.#datagrams === 0 || this.#datagrams >= 500 || nowMs - this.#sentMs >= 60_000
  }

  sent(nowMs: number): void {
    this.#datagrams = 0
    this.#sentMs = nowMs
  }

  tick(): void {
    this.#datagrams++
  }
}
