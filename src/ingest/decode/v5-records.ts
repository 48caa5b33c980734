import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { BlockStatistics } from '../../storage/block/statistics.ts'
import type { Origin } from './origin.ts'
import type { Sampling } from './sampling.ts'
import type { V5Entry } from './v5-intake.ts'

/** Octets of a record of NetFlow v5. */
export const V5_RECORD = 48

/**
 * Octets of the head before the records of a datagram, in the order of bytes of the machine; the kernel `v5Rows` reads it and works in its end:
 *
 *     0  records   4  sysUptime   8  export time, ms (double, as all below up to 40)   16  arrival, ms   24  sample size   32  sample population
 *    44  domain   48  flags of every row   52  family of the exporter   56  its IPv4 address   64  its IPv6 address
 */
const HEAD = 112

/**
 * Records of NetFlow v5 as they came, with what their datagrams say of them all. They become rows of a block without ever being
 * columns.
 */
export class V5Records {
  /** Records held. */
  rows = 0
  /** Bytes in use. */
  length = 0
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #doubles: Float64Array
  readonly #instance: KernelInstance | undefined

  /** Has room for `capacity` records of as many datagrams, in the memory of an instance or of its own. */
  constructor(capacity: number, instance?: KernelInstance) {
    const sizeBytes = V5Records.sizeBytes(capacity)
    const buffer = instance?.memory.memory.buffer ?? new ArrayBuffer(sizeBytes)
    const offset = instance?.memory.allocate(sizeBytes) ?? 0
    this.#instance = instance
    this.#bytes = new Uint8Array(buffer, offset, sizeBytes)
    this.#words = new Uint32Array(buffer, offset, sizeBytes / 4)
    this.#doubles = new Float64Array(buffer, offset, sizeBytes / 8)
  }

  static sizeBytes(capacity: number): number {
    return capacity * (HEAD + V5_RECORD)
  }

  /** Heads and records, for the kernel. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Where what is appended goes, in the memory that they lie in. */
  get endAt(): number {
    return this.#bytes.byteOffset + this.length
  }

  /** Reads the head at `head`. */
  read(head: number, entry: V5Entry): void {
    const words = this.#words
    entry.head = head
    entry.records = words[head >>> 2]!
    entry.receivedMs = this.#doubles[(head >>> 3) + 2]!
    entry.domain = words[(head >>> 2) + 11]!
    entry.exporter = words[(head >>> 2) + 14]!
  }

  /** Appends `count` records that begin at `from`. Arrival and sampling are safe integers. */
  add(datagram: Uint8Array, from: number, count: number, origin: Origin, sampling: Sampling): void {
    const { exporter } = origin
    const words = this.#words
    const word = this.length >>> 2
    const double = this.length >>> 3
    words[word] = count
    words[word + 1] = origin.sysUptime
    this.#doubles[double + 1] = origin.exportMs
    this.#doubles[double + 2] = origin.receivedMs
    this.sample(this.length, sampling)
    words[word + 11] = origin.domain
    words[word + 13] = exporter.family
    words[word + 14] = exporter.v4
    if (exporter.family === 6) this.#bytes.set(exporter.v6, this.length + 64)
    const at = this.length + HEAD
    const size = count * V5_RECORD
    this.#put(datagram.subarray(from, from + size), at)
    this.length = at + size
    this.rows += count
  }

  /** Copies bytes to `at`; those of the same memory by its kernel, because typed arrays copy within shared memory byte by byte. */
  #put(bytes: Uint8Array, at: number): void {
    const to = this.#bytes
    if (this.#instance && bytes.buffer === to.buffer)
      this.#instance.kernels.copyBytes(bytes.byteOffset, bytes.length, to.byteOffset + at)
    else to.set(bytes, at)
  }

  /** Sets the sampling of the datagram whose head is at `head`. */
  sample(head: number, { size, population, assumed }: Sampling): void {
    this.#doubles[(head >>> 3) + 3] = size
    this.#doubles[(head >>> 3) + 4] = population
    this.#words[(head >>> 2) + 12] = assumed ? FLOW_FLAGS.samplingAssumed : 0
  }

  clear(): void {
    this.rows = 0
    this.length = 0
  }

  /** Tells the statistics of a block all about these rows but their times. */
  describe(statistics: BlockStatistics): void {
    for (let at = 0; at < this.length; ) {
      const records = this.#words[at >>> 2]!
      const [family, v4] = [this.#words[(at >>> 2) + 13], this.#words[(at >>> 2) + 14]!]
      if (family === 4) statistics.addExporter4(v4)
      else statistics.addExporter6(this.#bytes.subarray(at + 64, at + 80))
      if (this.#doubles[(at >>> 3) + 3] === 0 && this.#doubles[(at >>> 3) + 4] === 0)
        statistics.samplingUnknown += records
      at += HEAD + records * V5_RECORD
    }
  }

  /** Arrival of the first record. */
  get firstReceivedMs(): number {
    return this.#doubles[2]!
  }
}
