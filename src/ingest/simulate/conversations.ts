/**
 * Conversations between a client and a server, as columns. A row is taken when one begins and returned when its last flow has been
 * exported; those longer than the active timeout wait in a queue, which is in order of time because all wait equally long.
 * Addresses are four big-endian words; an IPv4 address is the last word and `ipv6` is 0.
 */
export class Conversations {
  readonly capacity: number
  readonly ipv6: Uint8Array
  readonly client: Uint32Array
  readonly server: Uint32Array
  readonly clientPort: Uint16Array
  readonly serverPort: Uint16Array
  readonly service: Uint8Array
  readonly exporter: Uint16Array
  /** Index of the server's prefix, from which AS, mask and interface follow. */
  readonly prefix: Uint16Array
  readonly answered: Uint8Array
  readonly tos: Uint8Array
  /** Packets from the client still to be exported. */
  readonly packetsLeft: Float64Array
  readonly gapMs: Float64Array
  readonly #free: Uint32Array
  #freeCount: number
  readonly #queue: Uint32Array
  readonly #due: Float64Array
  #head = 0
  #waiting = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.ipv6 = new Uint8Array(capacity)
    this.client = new Uint32Array(capacity * 4)
    this.server = new Uint32Array(capacity * 4)
    this.clientPort = new Uint16Array(capacity)
    this.serverPort = new Uint16Array(capacity)
    this.service = new Uint8Array(capacity)
    this.exporter = new Uint16Array(capacity)
    this.prefix = new Uint16Array(capacity)
    this.answered = new Uint8Array(capacity)
    this.tos = new Uint8Array(capacity)
    this.packetsLeft = new Float64Array(capacity)
    this.gapMs = new Float64Array(capacity)
    this.#free = Uint32Array.from({ length: capacity }, (_, row) => capacity - 1 - row)
    this.#freeCount = capacity
    this.#queue = new Uint32Array(capacity)
    this.#due = new Float64Array(capacity)
  }

  /** Takes a row; its columns hold what an earlier conversation left. The caller keeps at most one row out of the queue, so one is always free. */
  take(): number {
    return this.#free[--this.#freeCount] ?? 0
  }

  /** Returns a row. */
  release(row: number): void {
    this.#free[this.#freeCount++] = row
  }

  /** True when another conversation can wait without using up the last free row. */
  get hasRoom(): boolean {
    return this.#waiting < this.capacity - 1
  }

  /** Queues a row until `dueMs`, which is never before that of a row queued earlier. */
  wait(row: number, dueMs: number): void {
    const place = (this.#head + this.#waiting++) % this.capacity
    this.#queue[place] = row
    this.#due[place] = dueMs
  }

  /** Takes the row whose time has come at `nowMs` from the queue, or -1. */
  due(nowMs: number): number {
    if (this.#waiting === 0 || (this.#due[this.#head] ?? 0) > nowMs) return -1
    const row = this.#queue[this.#head] ?? 0
    this.#head = (this.#head + 1) % this.capacity
    this.#waiting--
    return row
  }
}
