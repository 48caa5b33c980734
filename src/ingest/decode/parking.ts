import type { MessageTally, Session } from '../ledger/session.ts'
import type { DecodeCounters } from './counters.ts'
import type { ExporterState } from './exporter-state.ts'
import type { Budgets } from './options.ts'
import type { Origin } from './origin.ts'

/** A message as the sequence ledger sees it, shared by its sets. */
export interface MessageCount {
  readonly session: Session
  /** Records decoded so far. */
  units: number
  /** Sets that wait for a template. */
  waiting: number
  /** Once the ledger has taken the message; an exact duplicate and a message of an earlier life never get one. */
  tally: MessageTally | undefined
}

/** A data set whose template is not there yet: a copy of its records, and the datagram it came in. */
export interface ParkedSet {
  readonly exporter: ExporterState
  readonly templateId: number
  readonly bytes: Uint8Array
  readonly origin: Origin
  readonly message: MessageCount
}

/** Octets a set is counted with beside its records. */
const OVERHEAD = 256

export const parkedSize = ({ bytes }: ParkedSet): number => bytes.length + OVERHEAD

/** Sets that wait for their template, oldest first; over a budget of age or size the oldest are given up. */
export class ParkingLot {
  readonly #budgets: Budgets
  readonly #counters: DecodeCounters
  /** Called for each set given up. */
  readonly #onGiveUp: (set: ParkedSet) => void
  /** In order of arrival. */
  readonly #sets = new Set<ParkedSet>()
  #sizeBytes = 0

  constructor(budgets: Budgets, counters: DecodeCounters, onGiveUp: (set: ParkedSet) => void) {
    this.#budgets = budgets
    this.#counters = counters
    this.#onGiveUp = onGiveUp
  }

  park(set: ParkedSet): void {
    const { parkedBytes, parkedBytesPerExporter, parkedSetsPerExporter } = this.#budgets
    const size = parkedSize(set)
    const { parked } = set.exporter
    if (size > parkedBytes || size > parkedBytesPerExporter || parkedSetsPerExporter < 1) {
      this.#discard(set)
      return
    }
    while (parked.count >= parkedSetsPerExporter || parked.sizeBytes + size > parkedBytesPerExporter) {
      this.#giveUp(parked.oldest()!)
    }
    while (this.#sizeBytes + size > parkedBytes) this.#giveUp(first(this.#sets)!)
    this.#sets.add(set)
    this.#sizeBytes += size
    parked.add(set)
  }

  /** Takes out the sets of a template that has come, in order of arrival. */
  take(exporter: ExporterState, key: number): readonly ParkedSet[] {
    const sets = exporter.parked.take(key)
    for (const set of sets) this.#forget(set)
    return sets
  }

  /** Gives up sets older than the budget. */
  expire(nowMs: number): void {
    for (const set of this.#sets) {
      if (nowMs - set.origin.receivedMs <= this.#budgets.parkedAgeMs) return
      this.#giveUp(set)
    }
  }

  /** Gives up all sets, or those of one exporter. */
  abandon(exporter?: ExporterState): void {
    for (const set of this.#sets) if (!exporter || set.exporter === exporter) this.#giveUp(set)
  }

  /** In order of arrival. */
  all(): Iterable<ParkedSet> {
    return this.#sets
  }

  #giveUp(set: ParkedSet): void {
    set.exporter.parked.remove(set)
    this.#forget(set)
    this.#discard(set)
  }

  #discard(set: ParkedSet): void {
    this.#counters.setsGivenUp++
    this.#onGiveUp(set)
  }

  #forget(set: ParkedSet): void {
    this.#sets.delete(set)
    this.#sizeBytes -= parkedSize(set)
  }
}

/** The parked sets of one exporter: in order of arrival, and by template. */
export class ExporterParking {
  sizeBytes = 0
  readonly #sets = new Set<ParkedSet>()
  readonly #byTemplate = new Map<number, Set<ParkedSet>>()
  readonly #keyOf: (set: ParkedSet) => number

  constructor(keyOf: (set: ParkedSet) => number) {
    this.#keyOf = keyOf
  }

  get count(): number {
    return this.#sets.size
  }

  oldest(): ParkedSet | undefined {
    return first(this.#sets)
  }

  add(set: ParkedSet): void {
    this.#sets.add(set)
    this.sizeBytes += parkedSize(set)
    const key = this.#keyOf(set)
    const waiting = this.#byTemplate.get(key)
    if (waiting) waiting.add(set)
    else this.#byTemplate.set(key, new Set([set]))
  }

  remove(set: ParkedSet): void {
    this.#sets.delete(set)
    this.sizeBytes -= parkedSize(set)
    const key = this.#keyOf(set)
    const waiting = this.#byTemplate.get(key)
    waiting?.delete(set)
    if (waiting?.size === 0) this.#byTemplate.delete(key)
  }

  take(key: number): readonly ParkedSet[] {
    const waiting = this.#byTemplate.get(key)
    if (!waiting) return []
    const sets = [...waiting]
    for (const set of sets) this.remove(set)
    return sets
  }
}

function first<T>(set: Set<T>): T | undefined {
  for (const value of set) return value
  return undefined
}
