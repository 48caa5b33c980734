import { availableParallelism } from 'node:os'
import { parseSize } from '../../flow/size.ts'
import { blockKey } from '../block/keys.ts'
import { datasetColumns, rewriteSchema } from '../dataset-columns.ts'
import { StorageError } from '../errors.ts'
import type { Action, BlockInfo, RemoveBlock } from '../manifest/actions.ts'
import type { Manifest } from '../manifest/manifest.ts'
import type { ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import { ulid } from '../ulid.ts'
import { writePieces } from '../write-pieces.ts'
import { BlockMaker } from './block-maker.ts'
import { DEFAULT_MEMORY } from './default-memory.ts'
import { partsOf } from './parts.ts'
import { mostLanes, mostRows } from './shared-rows.ts'

/** Fewer flows are not worth the start of threads. */
const FEW_RECORDS = 1 << 17

export interface GroupWriterOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  readonly dataset: string
  /** Who commits. */
  readonly writer: string
  /** All groups that there will be, and the schema of their blocks. */
  readonly groups: readonly (readonly BlockInfo[])[]
  readonly schema: unknown
  /** Threads that read and encode, as far as memory allows; default: one per core. */
  readonly threads?: number
  /** Bound on the memory of the process, about; a group that needs more becomes several blocks. */
  readonly memoryBytes?: number
  /** Told of each group: the blocks that replace it, or undefined when one of its own was removed meanwhile. */
  readonly onCommit: (group: readonly BlockInfo[], made: readonly BlockInfo[] | undefined) => void
}

/** Makes and commits groups one after the other; one is stored and committed while the next is made. */
export class GroupWriter {
  readonly #options: GroupWriterOptions
  readonly #maker: BlockMaker
  readonly #mostRecords: number
  /** The schema of the new blocks. */
  readonly #target: unknown
  #storing: Promise<void> = Promise.resolve()

  constructor(options: GroupWriterOptions) {
    const { store, dataset, schema, groups, memoryBytes = parseSize(DEFAULT_MEMORY) } = options
    const columns = datasetColumns(dataset, [schema])
    const records = groups.flat().reduce((sum, block) => sum + block.records, 0)
    this.#options = options
    this.#mostRecords = mostRows(columns, memoryBytes)
    this.#target = rewriteSchema(dataset, schema)
    const parts = groups.flatMap((group) => partsOf(group, this.#mostRecords))
    const lanes = mostLanes(columns, Math.max(0, ...parts.map((part) => part.records)), memoryBytes)
    const threads = records < FEW_RECORDS ? 1 : Math.min(options.threads ?? availableParallelism(), lanes)
    this.#maker = new BlockMaker({ store, columns, schema, target: this.#target, parts, threads })
  }

  /** Makes the blocks of a group; the last is stored, and all are committed, after this has returned. Throws as `readBlock` does, or what storing the group before has thrown. */
  async write(group: readonly BlockInfo[]): Promise<void> {
    const { store, system, dataset } = this.#options
    const collector = [...new Set(group.map((block) => block.collector))].sort().join('+')
    const made: BlockInfo[] = []
    for (const part of partsOf(group, this.#mostRecords)) {
      const id = ulid(system)
      const { pieces, info, firstReceived, release } = await this.#maker.make(part)
      const block: BlockInfo = { key: blockKey(dataset, firstReceived, id, 'parquet'), collector, ...info }
      made.push(block)
      await this.#storing
      this.#store(() => writePieces(store, block.key, pieces).finally(release))
    }
    this.#store(() => this.#commit(group, made))
  }

  /** Waits until the last group is committed. */
  async drain(): Promise<void> {
    await this.#storing
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#storing])
    await this.#maker.close()
  }

  #store(work: () => Promise<unknown>): void {
    this.#storing = this.#storing.then(async () => void (await work()))
    // `write` and `drain` see the error.
    this.#storing.catch(() => undefined)
  }

  async #commit(group: readonly BlockInfo[], made: readonly BlockInfo[]): Promise<void> {
    const { manifest, dataset, writer, onCommit } = this.#options
    const removals = group.map(({ key }): RemoveBlock => ({ type: 'removeBlock', dataset, key }))
    const schemas = made
      .slice(0, 1)
      .map(({ schemaId }): Action => ({ type: 'addSchema', schemaId, schema: this.#target }))
    const additions = made.map((block): Action => ({ type: 'addBlock', dataset, block }))
    try {
      await manifest.commit({ operation: 'compact', writer, actions: [...removals, ...schemas, ...additions] })
    } catch (error) {
      // The files stay behind as orphans, which gc removes.
      if (error instanceof StorageError && error.code === 'conflict') return onCommit(group, undefined)
      throw error
    }
    onCommit(group, made)
  }
}
