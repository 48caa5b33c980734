/** Readable bytes behind every kernel input and writable bytes behind every output. */
export const SLACK = 32

const PAGE = 65_536

/**
 * The memory the kernels of one thread work in: a fixed budget, handed out by a bump allocator. It never grows, so views of it stay
 * valid until `release` gives their region to somebody else.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory
  readonly sizeBytes: number
  #next: number

  /** `reserved` bytes at the start belong to the module itself. */
  constructor(sizeBytes: number, reserved = PAGE) {
    const pages = Math.ceil((sizeBytes + reserved) / PAGE)
    this.memory = new WebAssembly.Memory({ initial: Math.max(pages, 16), maximum: Math.max(pages, 16) })
    this.sizeBytes = this.memory.buffer.byteLength
    this.#next = reserved
  }

  /** The position to which `release` may go back. */
  get mark(): number {
    return this.#next
  }

  /** Bytes that are still free. */
  get free(): number {
    return this.sizeBytes - this.#next
  }

  /** Takes `length` bytes plus slack, aligned to 16; throws a RangeError when the budget is used up. */
  allocate(length: number): number {
    const at = this.#next
    const next = at + ((length + SLACK + 15) & ~15)
    if (next > this.sizeBytes) throw new RangeError(`kernel memory: ${length} bytes wanted, ${this.free} free`)
    this.#next = next
    return at
  }

  /** Gives back everything taken since `mark`. */
  release(mark: number): void {
    this.#next = mark
  }

  /** The bytes `[at, at + length)`. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, length)
  }
}
