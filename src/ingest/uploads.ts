import { PIECE_BYTES } from '../storage/block/encode.ts'
import type { Action } from '../storage/manifest/actions.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import { type BeginBlock, type FinishedBlock, storeBlock } from './block-builder.ts'
import { GrowingUpload } from './growing-upload.ts'

/** Whole blocks on their way to the store at once, at most. */
const MAX_BLOCKS = 2
/** Pieces of growing blocks on their way at once, at most. */
const MAX_PIECES = 8

/** Stores blocks beside the work that makes them, and keeps the actions that will make them live. */
export class Uploads {
  /** In the order in which the blocks were handed over, or begun. */
  readonly #done: Promise<readonly Action[]>[] = []
  readonly #where: { readonly store: ObjectStore; readonly system: System; readonly collector: string }
  readonly #growing: GrowingUpload[] = []
  /** Memory of pieces that have been stored. */
  readonly #spare: Uint8Array[] = []
  #inFlight = 0
  #pieces = 0
  #wake: (() => void) | undefined

  constructor(where: { readonly store: ObjectStore; readonly system: System; readonly collector: string }) {
    this.#where = where
  }

  get blocks(): number {
    return this.#done.length
  }

  /** Begins to store a block that grows; undefined where the store takes whole blocks only. */
  get begin(): BeginBlock | undefined {
    const { store, system, collector } = this.#where
    if (!store.grow) return undefined
    const growing = { grow: (key: string) => store.grow!(key) }
    return (dataset, firstReceivedMs) => {
      const stored = (memory: Uint8Array): void => {
        this.#pieces--
        this.#spare.push(memory)
        this.#wake?.()
      }
      const upload = new GrowingUpload({ store: growing, system, collector, dataset, firstReceivedMs, stored })
      this.#growing.push(upload)
      this.#done.push(upload.actions)
      return {
        piece: (bytes) => {
          if (bytes.length > 0) {
            this.#pieces++
            upload.append(bytes)
          }
          return this.#spare.pop() ?? new Uint8Array(PIECE_BYTES)
        },
        end: (encoded) => upload.end(encoded),
      }
    }
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

  /** Waits while too much is on its way. */
  async room(): Promise<void> {
    while (this.#inFlight >= MAX_BLOCKS || this.#pieces >= MAX_PIECES) {
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
    await Promise.all(this.#growing.map((upload) => upload.abandon()))
    for (const stored of await Promise.allSettled(this.#done)) {
      if (stored.status === 'rejected') continue
      for (const action of stored.value) {
        if (action.type === 'addBlock') await this.#where.store.remove(action.block.key).catch(() => undefined)
      }
    }
  }
}
