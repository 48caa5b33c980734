import { regionBytes } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { V5Records } from './v5-records.ts'

/** How datagrams stand one behind the other: as packets of a classic pcap file, or as in the chunks of a daemon. */
export interface Framing {
  /** Where the EtherType of a packet stands; below 0 for chunks. */
  readonly etherType: number
  readonly bigEndian: boolean
  /** Units of the fraction of a packet's time per millisecond. */
  readonly fractionPerMs: number
}

/** Datagrams with what stands before them, in `bytes[at .. end)`. */
export interface Frames {
  readonly bytes: Uint8Array
  readonly at: number
  readonly end: number
  readonly framing: Framing
}

/** How many datagrams were taken from the front of frames, and where the next begins. */
export interface Taken {
  readonly datagrams: number
  readonly next: number
}

/** A datagram that was taken: all that is to be known of it beside its records. */
export interface V5Entry {
  /** IPv4 address as an unsigned integer. */
  exporter: number
  sourcePort: number
  domain: number
  sequence: number
  records: number
  /** Octets of the payload, and `hashBytes` of them. */
  length: number
  hash: number
  receivedMs: number
  /** Where its head stands in the records. */
  head: number
}

/**
 * Octets that the kernel `v5Datagrams` notes of a datagram:
 *
 *     0  where the next one begins   4  its head   8  source port   12  sequence   16  octets of the payload   24  their hash (double)   32  where its records end
 */
const ENTRY = 40
const ENTRIES = 512

export interface V5IntakeOptions {
  /** Records that each `V5Records` has room for. */
  readonly capacity: number
  /** Bytes of each piece of memory that frames will be read into. */
  readonly inputs: readonly number[]
}

/** Takes NetFlow v5 datagrams as they come, many by one call of a kernel: frames are read into one part of its memory, records gathered in another. */
export class V5Intake {
  /** For frames, in the order of the options. */
  readonly inputs: readonly Uint8Array[]
  readonly #capacity: number
  readonly #instance: KernelInstance
  readonly #entriesAt: number
  readonly #words: Uint32Array
  readonly #doubles: Float64Array
  readonly #entry: V5Entry = {
    ...{ exporter: 0, sourcePort: 0, domain: 0, sequence: 0, records: 0 },
    ...{ length: 0, hash: 0, receivedMs: 0, head: 0 },
  }

  /** Works in an instance with `bytesNeeded` of free memory. */
  constructor(instance: KernelInstance, { capacity, inputs }: V5IntakeOptions) {
    this.#capacity = capacity
    this.#instance = instance
    const { memory } = instance
    this.#entriesAt = memory.allocate(ENTRIES * ENTRY)
    this.#words = new Uint32Array(memory.memory.buffer, this.#entriesAt, (ENTRIES * ENTRY) / 4)
    this.#doubles = new Float64Array(memory.memory.buffer, this.#entriesAt, (ENTRIES * ENTRY) / 8)
    this.inputs = inputs.map((size) => memory.bytes(memory.allocate(size), size))
  }

  /** Bytes of kernel memory, without those of records. */
  static bytesNeeded(inputs: readonly number[]): number {
    return [ENTRIES * ENTRY, ...inputs].reduce((sum, size) => sum + regionBytes(size), 0)
  }

  /**
   * Appends datagrams from the front of frames to `records`, which lie in the same memory, up to the first that needs a closer look; `visit` is told of each, by an object that is valid
   * during the call. Takes none of frames in other memory.
   */
  take(records: V5Records, { bytes, at, end, framing }: Frames, visit: (entry: V5Entry) => void): Taken {
    const { kernels, memory } = this.#instance
    if (bytes.buffer !== memory.memory.buffer) return { datagrams: 0, next: at }
    const datagrams = kernels.v5Datagrams(
      bytes.byteOffset + at,
      bytes.byteOffset + end,
      records.endAt,
      this.#capacity - records.rows,
      this.#entriesAt,
      ENTRIES,
      framing.etherType,
      framing.bigEndian ? 1 : 0,
      framing.fractionPerMs,
    )
    if (datagrams === 0) return { datagrams, next: at }
    const before = records.length
    const last = ((datagrams - 1) * ENTRY) / 4
    records.length += this.#words[last + 8]!
    for (let i = 0; i < datagrams; i++) visit(this.#read(i, records, before))
    return { datagrams, next: at + this.#words[last]! }
  }

  #read(index: number, records: V5Records, before: number): V5Entry {
    const word = (index * ENTRY) / 4
    const words = this.#words
    const entry = this.#entry
    entry.sourcePort = words[word + 2]!
    entry.sequence = words[word + 3]!
    entry.length = words[word + 4]!
    entry.hash = this.#doubles[word / 2 + 3]!
    records.read(before + words[word + 1]!, entry)
    records.rows += entry.records
    return entry
  }
}
