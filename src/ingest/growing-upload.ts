import type { EncodedBlock } from '../storage/block/encode.ts'
import { blockKey } from '../storage/block/keys.ts'
import type { Action } from '../storage/manifest/actions.ts'
import type { GrowingObject, ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import { ulid } from '../storage/ulid.ts'
import { blockActions } from './block-builder.ts'

export interface GrowingUploadOptions {
  readonly store: Required<Pick<ObjectStore, 'grow'>>
  readonly system: System
  readonly collector: string
  readonly dataset: string
  /** Arrival of the first row, milliseconds: where the key begins. */
  readonly firstReceivedMs: number
  /** The memory of a piece is free. */
  readonly stored: (memory: Uint8Array) => void
}

/** A block on its way to the store while it grows: its pieces are written one after the other. */
export class GrowingUpload {
  /** What makes the block live, once it is stored; rejects with what the store has against it. */
  readonly actions: Promise<readonly Action[]>
  readonly #options: GrowingUploadOptions
  readonly #key: string
  readonly #object: Promise<GrowingObject>
  /** All that has been appended so far. */
  #written: Promise<unknown>
  #settle!: { resolve: (actions: readonly Action[]) => void; reject: (error: unknown) => void }
  #isOver = false

  constructor(options: GrowingUploadOptions) {
    const { store, system, dataset, firstReceivedMs } = options
    this.#options = options
    this.#key = blockKey(dataset, firstReceivedMs, ulid(system))
    this.#object = store.grow(this.#key)
    this.#written = this.#object
    this.actions = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // A failure is told by who waits for the actions.
    for (const promise of [this.actions, this.#object]) promise.catch(() => undefined)
  }

  /** Writes a piece after those before; its memory is given back. */
  append(piece: Uint8Array): void {
    const written = this.#written.then(async () => (await this.#object).append(piece))
    this.#written = written
    const given = (): void => this.#options.stored(new Uint8Array(piece.buffer))
    written.then(given, given)
  }

  /** Ends the block. */
  end(encoded: EncodedBlock): void {
    this.#isOver = true
    const { dataset, collector } = this.#options
    this.#written
      .then(async () => (await this.#object).finish())
      .then(() => this.#settle.resolve(blockActions(dataset, encoded, this.#key, collector)))
      .catch(async (error: unknown) => {
        await this.#abandon()
        this.#settle.reject(error)
      })
  }

  /** Leaves nothing of a block that has not been ended. */
  async abandon(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    await this.#abandon()
    this.#settle.reject(new Error('import: block expected to be ended, got abandoned'))
  }

  async #abandon(): Promise<void> {
    await this.#written.catch(() => undefined)
    const object = await this.#object.catch(() => undefined)
    await object?.abandon()
  }
}
