import { createHash } from 'node:crypto'
import { valueAt } from '../../../src/flow/value.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import type { KernelInstance } from '../../../src/kernels/pool.ts'
import { snappyDecompress } from '../../../src/kernels/snappy.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import { readFooter, readPageHeader } from '../../../src/storage/parquet/read-metadata.ts'
import { runKernel } from '../../kernels/harness.ts'
import { seededRandom } from '../../seeded-random.ts'
import { OneObject } from '../block/blocks.ts'
import type { RealBlock } from './corpus.ts'
import { COLUMNS, realBlocks, syncBlocks, withRows } from './corpus.ts'
import { mutate } from './mutate.ts'
import type { RealPage } from './pages.ts'
import { comparePage, footerOf, pagesOf, withPage } from './pages.ts'

/**
 * Decoders of blocks over changed bytes of real ones: every kernel says what its twin says, readers give rows or a `StorageError`, and nothing is written beside the memory that a
 * decoder was given.
 */

const GUARD = 0x5c
const GUARD_BYTES = 4096
const PART_BYTES = 24 << 20

/** Kernel memory with guards on both sides. */
class GuardedKernels {
  readonly instance: KernelInstance
  readonly #guards: readonly Uint8Array[]

  constructor() {
    const whole = KernelMemory.create(PART_BYTES + 4 * GUARD_BYTES)
    const before = whole.bytes(whole.allocate(GUARD_BYTES), GUARD_BYTES)
    const memory = whole.part(PART_BYTES)
    const after = whole.bytes(whole.allocate(GUARD_BYTES), GUARD_BYTES)
    this.#guards = [before.fill(GUARD), after.fill(GUARD)]
    this.instance = { memory, kernels: loadKernels(whole), base: memory.mark, isPart: false }
  }

  check(): void {
    for (const guard of this.#guards)
      if (!guard.every((byte) => byte === GUARD)) throw new Error('a decoder wrote beside its memory')
  }
}

export interface FuzzCounts {
  cases: number
  /** Changed bytes that were decoded all the same. */
  decoded: number
  refused: number
}

export class BlockFuzz {
  readonly #guarded = new GuardedKernels()
  readonly #pages: readonly RealPage[]
  readonly #rows: readonly Uint8Array[]
  readonly #packed: readonly Uint8Array[]
  readonly counts: FuzzCounts = { cases: 0, decoded: 0, refused: 0 }

  constructor() {
    const { avro, parquet } = realBlocks()
    this.#pages = pagesOf(parquet)
    this.#packed = syncBlocks(avro)
    this.#rows = this.#packed.map((packed) => {
      const plain = new Uint8Array(1 << 17)
      return plain.slice(0, snappyDecompress(packed, plain))
    })
  }

  /** One case of each kind. Throws what is wrong. */
  async run(seed: number): Promise<void> {
    const random = seededRandom(seed)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
    const { avro, parquet } = realBlocks()
    const page = pick(this.#pages)
    if (page.leaf.layout !== 'nullable') comparePage(page, mutate(page.plain, random, { mayCut: true }))
    this.#compareSnappy(mutate(pick(this.#packed), random, { mayCut: true }))
    this.#metadata(() => readFooter(mutate(footerOf(parquet), random, { mayCut: true })))
    this.#metadata(() =>
      readPageHeader(mutate(parquet.bytes.subarray(page.at, page.body), random, { mayCut: true }), 0),
    )
    await this.#read(withRows(avro, mutate(pick(this.#rows), random, { mayCut: true })))
    const changed = withPage(parquet, page, mutate(parquet.bytes.subarray(page.body, page.end), random))
    if (changed) await this.#read(changed)
    await this.#read({ ...parquet, bytes: mutate(parquet.bytes, random) })
    await this.#read({ ...avro, bytes: mutate(avro.bytes, random) })
  }

  /** That the blocks as they are can still be read. Returns a hash of the rows of each. */
  async whole(): Promise<string[]> {
    const { avro, parquet } = realBlocks()
    return [await this.#rowsOf(avro), await this.#rowsOf(parquet)]
  }

  async #rowsOf(real: RealBlock): Promise<string> {
    const hash = createHash('sha256')
    for await (const { batch, firstRecord } of this.#readAll(real))
      for (let row = (97 - (firstRecord % 97)) % 97; row < batch.length; row += 97)
        hash.update(COLUMNS.map(({ name }) => String(valueAt(batch.columns[name]!, row))).join())
    return hash.digest('hex')
  }

  #readAll({ block, schema, bytes }: RealBlock) {
    const store = new OneObject(bytes)
    return readBlock({ store, block, schema, columns: COLUMNS, kernels: this.#guarded.instance })
  }

  async #read(real: RealBlock): Promise<void> {
    this.counts.cases++
    try {
      let rows = 0
      for await (const { batch } of this.#readAll(real)) rows += batch.length
      if (rows !== real.block.records) throw new Error(`${real.block.records} rows expected, got ${rows}`)
      this.counts.decoded++
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.counts.refused++
    }
    this.#guarded.check()
  }

  #metadata(read: () => unknown): void {
    this.counts.cases++
    try {
      read()
      this.counts.decoded++
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.counts.refused++
    }
  }

  #compareSnappy(packed: Uint8Array): void {
    this.counts.cases++
    const capacity = 1 << 17
    const twin = new Uint8Array(capacity)
    const expected = snappyDecompress(packed, twin)
    const { result, output } = runKernel(packed, capacity, (kernels, src, dst) =>
      kernels.snappyDecompress(src, packed.length, dst, capacity),
    )
    const isSame = expected < 0 || Buffer.compare(output.subarray(0, expected), twin.subarray(0, expected)) === 0
    if (result !== expected || !isSame) throw new Error(`snappy: twin says ${expected}, kernel ${result}`)
    if (expected < 0) this.counts.refused++
    else this.counts.decoded++
  }
}
