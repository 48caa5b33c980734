const MAX_DATAGRAM_BYTES = 65_535
const MAX_OPEN = 256
/** RFC 1122 section 3.3.2 and RFC 8200 section 4.5: give up after a minute. */
const MAX_AGE_MS = 60_000

interface Open {
  readonly timeMs: number
  readonly parts: { readonly offset: number; readonly bytes: Uint8Array }[]
  bytes: number
  /** Length of the whole payload, once its last part is here. */
  total: number | undefined
}

/** Puts fragmented IP packets together again, within a budget: the oldest is given up when too many are open. */
export class Reassembly {
  /** Packets given up: a part missing, overlapping (RFC 5722) or beyond 65,535 bytes. */
  abandoned = 0
  readonly #open = new Map<string, Open>()

  /** Adds the part `bytes` that begins at `offset` of the packet `key`; returns the payload when it is whole. Copies what it keeps. */
  add(key: string, offset: number, bytes: Uint8Array, more: boolean, timeMs: number): Uint8Array | undefined {
    const open = this.#find(key, timeMs)
    const end = offset + bytes.length
    const overlaps = open.parts.some((part) => offset < part.offset + part.bytes.length && part.offset < end)
    if (overlaps || end > MAX_DATAGRAM_BYTES || end > (open.total ?? MAX_DATAGRAM_BYTES)) {
      this.#open.delete(key)
      this.abandoned++
      return undefined
    }
    open.parts.push({ offset, bytes: bytes.slice() })
    open.bytes += bytes.length
    if (!more) open.total = end
    if (open.bytes !== open.total) return undefined
    this.#open.delete(key)
    return join(open.parts, open.bytes)
  }

  /** Gives up what is still open: the capture is over. */
  finish(): void {
    this.abandoned += this.#open.size
    this.#open.clear()
  }

  #find(key: string, timeMs: number): Open {
    const found = this.#open.get(key)
    if (found && timeMs - found.timeMs <= MAX_AGE_MS) return found
    if (found) {
      this.#open.delete(key)
      this.abandoned++
    }
    const [oldest] = this.#open.keys()
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) {
      this.#open.delete(oldest)
      this.abandoned++
    }
    const open: Open = { timeMs, parts: [], bytes: 0, total: undefined }
    this.#open.set(key, open)
    return open
  }
}

function join(parts: Open['parts'], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  for (const { offset, bytes } of parts) whole.set(bytes, offset)
  return whole
}
