/** Readable bytes behind every kernel input and writable bytes behind every output. */
export const SLACK = 32

/** Budgets larger than this are not used in full: a memory has 4 GB at most, with what lies beside a table. */
export const MOST_BYTES = 3840 * 2 ** 20

const PAGE = 65_536

/** Bytes that a region of `length` takes of a memory: slack is behind it, and it begins at a multiple of 16. No bit operations: a budget may be larger than 2^31. */
export const regionBytes = (length: number): number => Math.ceil((length + SLACK) / 16) * 16

/** Whether threads share a memory. */
export const isShared = ({ buffer }: WebAssembly.Memory): boolean =>
  (buffer as ArrayBufferLike) instanceof SharedArrayBuffer

/** What makes an array over a part of a buffer. */
interface ArrayType<T extends ArrayBufferView> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
}

/**
 * The memory the kernels of one thread work in: a fixed budget, handed out by a bump allocator. It never grows, so views of it stay
 * valid until `release` gives their region to somebody else. The system gives its pages when they are first used.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory
  readonly sizeBytes: number
  readonly #end: number
  #next: number

  private constructor(memory: WebAssembly.Memory, start: number, end: number) {
    this.memory = memory
    this.sizeBytes = memory.buffer.byteLength
    this.#next = start
    this.#end = end
  }

  /** Makes a memory of `sizeBytes`, which other threads may use too when it is shared. */
  static create(sizeBytes: number, { shared = false } = {}): KernelMemory {
    const pages = Math.max(Math.ceil((sizeBytes + PAGE) / PAGE), 16)
    return KernelMemory.over(new WebAssembly.Memory({ initial: pages, maximum: pages, shared }))
  }

  /** Hands out a memory from its start on, but for the page that belongs to the module itself. */
  static over(memory: WebAssembly.Memory): KernelMemory {
    return new KernelMemory(memory, PAGE, memory.buffer.byteLength)
  }

  /** The position to which `release` may go back. */
  get mark(): number {
    return this.#next
  }

  /** Bytes that are still free. */
  get free(): number {
    return this.#end - this.#next
  }

  /** Takes `length` bytes plus slack, aligned to 16; throws a RangeError when the budget is used up. */
  allocate(length: number): number {
    const at = this.#next
    const next = at + regionBytes(length)
    if (next > this.#end) throw new RangeError(`kernel memory: ${length} bytes wanted, ${this.free} free`)
    this.#next = next
    return at
  }

  /** Takes an array of `length` elements. */
  readonly make = <T>(
    type: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBufferLike, byteOffset: number, length: number): T },
    length: number,
  ): T => new type(this.memory.buffer, this.allocate(length * type.BYTES_PER_ELEMENT), length)

  /** Takes `sizeBytes`, slack included, for an allocator of their own. */
  part(sizeBytes: number): KernelMemory {
    const at = this.allocate(sizeBytes - SLACK)
    return new KernelMemory(this.memory, at, at + sizeBytes)
  }

  /** Gives back everything taken since `mark`. */
  release(mark: number): void {
    this.#next = mark
  }

  /** Takes an array of `length` elements, all zero. */
  array<T extends ArrayBufferView>(type: ArrayType<T>, length: number): T {
    const at = this.allocate(length * type.BYTES_PER_ELEMENT)
    this.bytes(at, length * type.BYTES_PER_ELEMENT).fill(0)
    return new type(this.memory.buffer, at, length)
  }

  /** The bytes `[at, at + length)`. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, length)
  }
}
