import { StorageError } from '../../storage/errors.ts'
import type { Lease } from '../../storage/lease.ts'
import { acquireLease, LEASE_MS } from '../../storage/lease.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { RuntimeError } from '../error.ts'

/** A renewal is tried this often; three may fail before the lease expires. */
const RENEW_MS = LEASE_MS / 4

/** Holds the lease of a run while it runs, and stops the run when another coordinator has taken over. */
export class LeaseKeeper {
  readonly #lease: Lease
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #renewing: Promise<void> = Promise.resolve()
  #released: Promise<void> | undefined

  private constructor(lease: Lease) {
    this.#lease = lease
    this.#timer = setInterval(() => {
      this.#renewing = this.#renew()
    }, RENEW_MS)
    this.#timer.unref()
  }

  /** Takes the lease of a run. Throws `lease-held`, naming the holder, when another coordinator works on it. */
  static async take(options: {
    readonly store: ObjectStore
    readonly manifest: Manifest
    readonly system: System
    readonly run: string
    /** Version of the snapshot that the run reads. */
    readonly version: number
    /** True when the run has just been named. */
    readonly isNew?: boolean
  }): Promise<LeaseKeeper> {
    const { run, ...rest } = options
    try {
      return new LeaseKeeper(await acquireLease({ ...rest, name: run }))
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'conflict')) throw error
      const { host, pid } = error.details
      const message = `run ${run}: expected to be free, got process ${pid} on ${host} working on it`
      throw new RuntimeError('lease-held', message, { ...error.details, run }, error)
    }
  }

  get epoch(): number {
    return this.#lease.epoch
  }

  /** Aborted when the lease is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Gives the lease back; once, however often it is called. */
  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#renewing
    await this.#lease.release()
  }

  /** A renewal that fails for any other reason than a new holder is tried again: the fences hold without a lease. */
  async #renew(): Promise<void> {
    try {
      await this.#lease.renew()
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'conflict')) return
      const message = `run ${this.#lease.name}: lease expected to be held, got another coordinator's`
      this.#lost.abort(new RuntimeError('lease-lost', message, { run: this.#lease.name }, error))
    }
  }
}
