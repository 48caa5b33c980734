import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import { SKETCH, SKETCH_DOUBLES } from '../../kernels/sketch.ts'
import type { SketchParts } from '../shuffle/group-writer.ts'
import { countersOf } from '../shuffle/run-file.ts'

/** Heavy entries that are kept. */
const MOST_HEAVY = 4096
/** How many times the mean an entry has that is heavy, as long as there is room for all of those. */
const HEAVY_TIMES = 64

/** What a map task tells of the sums of its entries, so that the reduce side need not read those that cannot be among the first rows of a result; in the memory where kernels keep it (assembly/sketch.ts). */
export class EntrySketch {
  /** Where kernels find it. */
  readonly at: number
  readonly #words: Uint32Array
  /** How many entries there were. */
  readonly #rows: Float64Array
  readonly #counters: Float64Array
  readonly #memory: KernelMemory
  readonly #strideBytes: number

  /** An empty sketch of entries of so many slices; `numberAt` is where in an entry the number stands that matters. */
  constructor(memory: KernelMemory, strideBytes: number, slices: number, numberAt: number) {
    const { counters: head } = SKETCH_DOUBLES
    const sketch = memory.array(Float64Array, head + slices * countersOf(slices))
    const heavyAt = memory.allocate(MOST_HEAVY * strideBytes)
    this.#memory = memory
    this.#strideBytes = strideBytes
    this.#words = new Uint32Array(sketch.buffer, sketch.byteOffset, head * 2)
    this.#rows = sketch.subarray(SKETCH_DOUBLES.rows, SKETCH_DOUBLES.total)
    this.#counters = sketch.subarray(head)
    this.#words.set([Math.log2(countersOf(slices)), numberAt, heavyAt, 0, MOST_HEAVY])
    sketch[SKETCH_DOUBLES.times] = HEAVY_TIMES
    this.at = sketch.byteOffset
  }

  /** Bytes that one takes. */
  static bytes(slices: number, strideBytes: number): number {
    return (SKETCH_DOUBLES.counters + slices * countersOf(slices)) * 8 + MOST_HEAVY * strideBytes + SLACK * 4
  }

  /** What stands in a run file of it, in this memory. */
  get parts(): SketchParts {
    const { shift, heavy, length } = SKETCH
    const bytes = this.#words[length]! * this.#strideBytes
    const counters = this.#rows[0]! < this.#counters.length ? new Float64Array(0) : this.#counters
    return { counters, perSlice: 2 ** this.#words[shift]!, heavy: this.#memory.bytes(this.#words[heavy]!, bytes) }
  }
}
