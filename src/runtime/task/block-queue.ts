import { createHash } from 'node:crypto'
import type { BlockEncoder, EncodedBlock } from '../../storage/block/encode.ts'
import { resultBlockKey } from '../../storage/block/keys.ts'
import { StorageError } from '../../storage/errors.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { ResultTask } from './description.ts'
import type { TaskEnvironment } from './map-task.ts'

/** Stores blocks one after the other. The disk is slow to say that it has one, so that is not waited for before the next is at hand: two are in memory at most. */
export class BlockQueue {
  readonly #task: ResultTask
  readonly #environment: TaskEnvironment
  readonly #firstBlock: number
  readonly #blocks: BlockInfo[] = []
  /** Never rejects. */
  #storing: Promise<PromiseSettledResult<BlockInfo> | undefined> = Promise.resolve(undefined)

  constructor(task: ResultTask, environment: TaskEnvironment, firstBlock: number) {
    this.#task = task
    this.#environment = environment
    this.#firstBlock = firstBlock
  }

  /** Begins to store a block, once the one before is stored; throws what has kept that from being. */
  async add(encoder: BlockEncoder): Promise<void> {
    const block = encoder.finish()
    await this.#wait()
    const number = this.#firstBlock + this.#blocks.length
    this.#storing = Promise.allSettled([storeBlock(this.#task, this.#environment, number, block)]).then(([it]) => it)
  }

  async finish(): Promise<readonly BlockInfo[]> {
    await this.#wait()
    return this.#blocks
  }

  /** Waits for what is on its way, after a failure. */
  async settle(): Promise<void> {
    await this.#storing
  }

  async #wait(): Promise<void> {
    const stored = await this.#storing
    this.#storing = Promise.resolve(undefined)
    if (stored?.status === 'rejected') throw stored.reason
    if (stored) this.#blocks.push(stored.value)
  }
}

async function storeBlock(
  task: ResultTask,
  { program, store }: TaskEnvironment,
  number: number,
  { bytes, info }: EncodedBlock,
): Promise<BlockInfo> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const key = resultBlockKey(program.name, task.run, number, hash)
  try {
    await store.write(key, bytes, { ifAbsent: true })
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'exists')) throw error
  }
  return { key, collector: task.run, ...info }
}
