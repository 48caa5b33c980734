import type { Action } from '../storage/manifest/actions.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import { type FinishedBlock, storeBlock } from './block-builder.ts'

/** Blocks on their way to the store at once, at most. */
const MAX_IN_FLIGHT = 2

/** Stores blocks beside the work that makes them, and keeps the actions that will make them live. */
export class Uploads {
  /** In the order in which the blocks were handed over. */
  readonly #done: Promise<readonly Action[]>[] = []
  readonly #where: { readonly store: ObjectStore; readonly system: System; readonly collector: string }
  #inFlight = 0
  #wake: (() => void) | undefined

  constructor(where: { readonly store: ObjectStore; readonly system: System; readonly collector: string }) {
    this.#where = where
  }

  get blocks(): number {
    return this.#done.length
  }

  /** Begins to store a block. */
  add(block: FinishedBlock): void {
    this.#inFlight++
    const stored = storeBlock(block, this.#where).finally(() => {
      this.#inFlight--
      this.#wake?.()
    })
    // A failure is reported by `actions`, which waits for all of them.
    stored.catch(() => undefined)
    this.#done.push(stored)
  }

  /** Waits while too many blocks are on their way. */
  async room(): Promise<void> {
    while (this.#inFlight >= MAX_IN_FLIGHT) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Waits for all blocks; throws the first failure. */
  async actions(): Promise<Action[]> {
    await Promise.allSettled(this.#done)
    return (await Promise.all(this.#done)).flat()
  }

  /** Removes what has been stored: the import failed. Best effort, gc finds the rest. */
  async discard(): Promise<void> {
    for (const stored of await Promise.allSettled(this.#done)) {
      if (stored.status === 'rejected') continue
      for (const action of stored.value) {
        if (action.type === 'addBlock') await this.#where.store.remove(action.block.key).catch(() => undefined)
      }
    }
  }
}
