import { totalmem } from 'node:os'
import { join } from 'node:path'
import { thisProcess } from '../../storage/lease.ts'
import type { System } from '../../storage/system.ts'
import { machineFolder } from '../run/scratch.ts'
import type { Claim, Resource } from './claim.ts'
import { grantClaims } from './claim.ts'
import { ClaimRegistry } from './registry.ts'

/** How runs of one user on one machine share it. */
export interface AdmissionOptions {
  /** Attempts that all runs together may run at a time. */
  readonly slots: number
  /** Higher ones are served first; 0 unless given. */
  readonly priority?: number
  /** Where the claims are kept; in the folder for temporary files unless given. */
  readonly folder?: string
}

/** Part of the machine's memory that all runs together may plan to use. */
const MEMORY_SHARE = 0.8
const POLL_MS = 40

/** Folder of the claims on this machine. */
export const admissionFolder = (): string => join(machineFolder(), 'claims')

/** The claims of a run on the machine: it waits for them in line with other runs, and gives them back. A process that dies gives all of its back. */
export class Admission {
  readonly #registry: ClaimRegistry
  readonly #options: AdmissionOptions
  readonly #run: { readonly run: string; readonly store: string }
  readonly #system: System
  readonly #onWaiting: (waiting: { readonly resource: Resource; readonly amount: number }) => void
  readonly #holder = thisProcess()
  #waitingSlots = 0
  /** Slots that attempts of this turn of the event loop are done with: functions that give them back. */
  readonly #kept: (() => void)[] = []

  constructor(
    options: AdmissionOptions,
    context: {
      readonly run: string
      readonly store: string
      readonly system: System
      /** Told how much the run waits for, whenever that changes and now and then while it waits. */
      onWaiting(waiting: { readonly resource: Resource; readonly amount: number }): void
    },
  ) {
    this.#options = options
    this.#registry = new ClaimRegistry(options.folder ?? admissionFolder())
    this.#run = { run: context.run, store: context.store }
    this.#system = context.system
    this.#onWaiting = context.onWaiting
  }

  /**
   * Waits for a slot for one attempt; gives the function that gives it back. Rejects when `signal` is aborted. An attempt that follows another at once takes over its
   * slot, unless another run waits: otherwise each would cost two versions of the claims.
   */
  async slot(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const kept = this.#kept.pop()
    if (kept && !this.#othersWait()) return this.#keeping(kept)
    kept?.()
    return this.#keeping(await this.#claimSlot(signal))
  }

  #othersWait(): boolean {
    const { run } = this.#run
    return this.#registry.claims().some((claim) => claim.resource === 'slots' && !claim.granted && claim.run !== run)
  }

  /** Gives a slot back at the end of this turn, if no attempt has taken it over. */
  #keeping(release: () => void): () => void {
    return () => {
      this.#kept.push(release)
      setImmediate(() => {
        const at = this.#kept.indexOf(release)
        if (at >= 0) this.#kept.splice(at, 1)[0]?.()
      })
    }
  }

  #claimSlot(signal: AbortSignal): Promise<() => void> {
    const waits = (step: number): void => {
      this.#waitingSlots += step
      this.#onWaiting({ resource: 'slots', amount: this.#waitingSlots })
    }
    return this.#claim('slots', 1, this.#options.slots, { signal, waits })
  }

  /** Waits until the memory of this process fits beside that of the others; at once when it is the only one. */
  memory(bytes: number, signal: AbortSignal): Promise<() => void> {
    const waits = (step: number): void => this.#onWaiting({ resource: 'memory', amount: step < 0 ? 0 : bytes })
    return this.#claim('memory', bytes, Math.floor(totalmem() * MEMORY_SHARE), { signal, waits })
  }

  async #claim(
    resource: Resource,
    amount: number,
    capacity: number,
    {
      signal,
      waits,
    }: {
      readonly signal: AbortSignal /** Told of a step into waiting, 1, or out of it, -1, and now and then between. */
      waits(step: number): void
    },
  ): Promise<() => void> {
    signal.throwIfAborted()
    const { priority = 0 } = this.#options
    const id = Math.floor(this.#system.random() * 2 ** 52).toString(36)
    const who = { id, ...this.#run, holder: this.#holder, priority, since: this.#system.now() }
    const claim: Claim = { ...who, resource, amount, capacity, granted: false }
    const release = (): void => {
      this.#registry.change((claims) => claims.filter((other) => other.id !== id))
    }
    const isGranted = (claims: readonly Claim[]): boolean => claims.some((other) => other.id === id && other.granted)
    if (isGranted(this.#registry.change((claims) => [...claims, claim]))) return release
    waits(1)
    try {
      while (!isGranted(this.#registry.claims())) {
        await this.#system.sleep(POLL_MS, signal)
        waits(0)
        const claims = this.#registry.claims()
        // Those of processes that died may have made room; and whoever cleared the folder took this claim along.
        if (!claims.some((other) => other.id === id)) this.#registry.change((others) => [...others, claim])
        else if (!isGranted(claims) && isGranted(grantClaims(claims))) this.#registry.change((others) => others)
      }
      return release
    } catch (error) {
      release()
      throw error
    } finally {
      waits(-1)
    }
  }
}
