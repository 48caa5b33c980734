import { blockKey } from '../../storage/block/keys.ts'
import { StorageError } from '../../storage/errors.ts'
import type { Action } from '../../storage/manifest/actions.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { ulid } from '../../storage/ulid.ts'
import { IngestError } from '../error.ts'
import { FLOWS_DATASET } from '../flow-output.ts'
import { addLatencies, NO_LATENCIES } from './latency.ts'
import type { Spool } from './spool.ts'
import { type RollUnit, shed, unitBytes, unitRecords } from './unit.ts'

export interface OutboxOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** Name of the collector, in blocks and commits. */
  readonly collector: string
  /** Who makes the transactions. */
  readonly transactions: string
  readonly spool: Spool | undefined
  /** Bytes of blocks that may wait for the store. */
  readonly budgetBytes: number
  readonly onWarning: (message: string) => void
  /** Something that no retry can mend; nothing is sent any more. */
  readonly onFatal: (error: unknown) => void
}

/** What the outbox has done; all numbers but `waiting` and `waitingBytes` only grow. */
export interface OutboxCounters {
  commits: number
  blocks: number
  /** Rolls that wait for the store. */
  waiting: number
  waitingBytes: number
  /** Flows thrown away because the store was gone for longer than the budget lasts. */
  shedFlows: number
  /** Tries that the store refused. */
  failures: number
  /** Commits that came second to another writer's and were made anew. */
  lostRaces: number
}

export const NOTHING_SENT: Readonly<OutboxCounters> = {
  ...{ commits: 0, blocks: 0, waiting: 0, waitingBytes: 0, shedFlows: 0, failures: 0, lostRaces: 0 },
}

/** Rolls in memory at once; with a spool those beyond are set aside on disk. */
const IN_MEMORY = 2
const MAX_BACKOFF_MS = 10_000

/**
 * Sends rolls to the store, in order, each exactly once: blocks first, then one commit with the transaction number of the roll. While
 * the store is not reachable they wait, within a budget.
 */
export class Outbox {
  readonly counters: OutboxCounters = { ...NOTHING_SENT }
  readonly #options: OutboxOptions
  readonly #queue: RollUnit[] = []
  /** Rolls that are on disk. */
  readonly #aside = new WeakSet<RollUnit>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  /** Why the store did not take the last try; undefined when it did. */
  failure: string | undefined
  /** How long datagrams took from their arrival to their commit. */
  latency = NO_LATENCIES
  /** The last roll of an earlier daemon. */
  #resumed = -1
  /** The roll whose commit was tried last. */
  #tried: number | undefined
  #uploaded: { readonly sequence: number; readonly actions: readonly Action[] } | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Queues a roll; over the budget its blocks are thrown away and counted. */
  add(unit: RollUnit): void {
    const { counters } = this
    const { spool, budgetBytes, onWarning } = this.#options
    const isOver = counters.waiting > 0 && counters.waitingBytes + unitBytes(unit) > budgetBytes
    counters.waiting++
    counters.waitingBytes += unitBytes(unit)
    if (isOver) {
      onWarning(
        `ingest: ${unitRecords(unit)} flows thrown away, the store is not reachable and ${budgetBytes} bytes wait already`,
      )
    }
    this.#queue.push(isOver ? this.#shed(unit) : unit)
    if (spool && this.#queue.length > IN_MEMORY) this.#setAside(spool)
    this.#running ??= this.#run()
  }

  /** Queues a roll that was set aside by an earlier daemon. */
  resume(unit: RollUnit): void {
    this.counters.waiting++
    this.counters.waitingBytes += unitBytes(unit)
    this.#queue.push(unit)
    this.#aside.add(unit)
    // Its commit may have been made without the earlier daemon hearing of it.
    this.#resumed = unit.sequence
    this.#running ??= this.#run()
  }

  /** The store takes rolls, but more of them wait than it can take at once: whoever can wait should. */
  get busy(): boolean {
    return this.#queue.length > IN_MEMORY && this.failure === undefined
  }

  /**
   * Rolls are set aside from the oldest on: a new daemon takes all before the newest one on disk for safe. Those that the disk does not take
   * stay in memory, and are thrown away beyond what may be there.
   */
  #setAside(spool: Spool): void {
    for (const [index, unit] of this.#queue.entries()) {
      if (this.#aside.has(unit)) continue
      try {
        this.#queue[index] = spool.setAside(unit)
        this.#aside.add(this.#queue[index]!)
      } catch (error) {
        this.#options.onWarning(`ingest: the spool cannot be written, flows wait in memory: ${String(error)}`)
        this.#shedFrom(index + IN_MEMORY)
        return
      }
    }
  }

  /** Throws away the blocks of the rolls from `first` on. */
  #shedFrom(first: number): void {
    for (let index = first; index < this.#queue.length; index++) this.#queue[index] = this.#shed(this.#queue[index]!)
  }

  #shed(unit: RollUnit): RollUnit {
    const { counters } = this
    if (unitBytes(unit) === 0) return unit
    counters.shedFlows += unitRecords(unit)
    counters.waitingBytes -= unitBytes(unit)
    return shed(unit)
  }

  /** Waits until everything is committed; `patient` false: until that, or until the store has refused the next try. Returns whether all is committed. */
  async drain(patient: boolean): Promise<boolean> {
    if (!patient) this.#stopping.abort()
    await this.#running
    return this.#queue.length === 0
  }

  async #run(): Promise<void> {
    let tries = 0
    for (let unit = this.#queue[0]; unit !== undefined; unit = this.#queue[0]) {
      try {
        await this.#publish(unit)
        tries = 0
        this.failure = undefined
        this.#done(unit)
      } catch (error) {
        if (!(error instanceof StorageError)) return this.#options.onFatal(error)
        this.counters.failures++
        this.failure = error.message
        // gc does not know these blocks any more: they go up once more, under keys of now.
        if (error.code === 'behind-horizon') this.#uploaded = undefined
        this.#wait(error)
        if (this.#stopping.signal.aborted) break
        await this.#backOff(tries++)
      }
    }
    this.#running = undefined
  }

  #done(unit: RollUnit): void {
    this.#queue.shift()
    this.counters.waiting--
    this.counters.waitingBytes -= unitBytes(unit)
    this.counters.commits++
    this.counters.blocks += unit.blocks.length
    this.latency = addLatencies(this.latency, unit.arrivals, this.#options.system.now())
    this.#options.spool?.committed(unit.sequence)
  }

  /** Frees the memory of rolls that the store did not take. */
  #wait(error: StorageError): void {
    this.#options.onWarning(`ingest: the store did not take flows, they wait: ${error.message}`)
    if (this.#options.spool) this.#setAside(this.#options.spool)
  }

  async #backOff(tries: number): Promise<void> {
    const { system } = this.#options
    const ceiling = Math.min(MAX_BACKOFF_MS, 250 * 2 ** Math.min(tries, 10))
    await system.sleep(ceiling * (0.5 + system.random() / 2), this.#stopping.signal).catch(() => undefined)
  }

  /** One try. A commit whose reply was lost is refused as a duplicate the next time: then it had been made. */
  async #publish(unit: RollUnit): Promise<void> {
    const { manifest, collector, transactions } = this.#options
    if (unit.blocks.length === 0 && unit.ledger.length === 0) return
    const blocks = await this.#upload(unit)
    const actions: Action[] = [
      { type: 'addDataset', dataset: FLOWS_DATASET },
      ...blocks,
      { type: 'addLedger', dataset: FLOWS_DATASET, entries: unit.ledger },
      { type: 'setTransaction', writer: transactions, sequence: unit.sequence },
    ]
    try {
      await manifest.commit({ operation: 'ingest', writer: collector, actions })
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'duplicate-transaction') throw error
      if (this.#tried !== unit.sequence && unit.sequence > this.#resumed) throw this.#usurped(unit.sequence, error)
    } finally {
      this.#tried = unit.sequence
      this.counters.lostRaces = manifest.lostRaces
    }
  }

  /** The number was used by a commit that this daemon never tried. */
  #usurped(sequence: number, cause: StorageError): IngestError {
    const message = `ingest: roll ${sequence} of ${this.#options.transactions} expected to be new, got one committed by another process; start again`
    return new IngestError('spool', message, { sequence }, cause)
  }

  /** Blocks that are in the store already, by a try whose commit failed, are not sent again. */
  async #upload({ sequence, blocks }: RollUnit): Promise<readonly Action[]> {
    if (this.#uploaded?.sequence === sequence) return this.#uploaded.actions
    const { store, system, collector } = this.#options
    const actions: Action[] = []
    for (const { dataset, firstReceivedMs, schema, info, body } of blocks) {
      const key = blockKey(dataset, firstReceivedMs, ulid(system))
      await store.write(key, body)
      actions.push(
        { type: 'addDataset', dataset },
        { type: 'addSchema', schemaId: info.schemaId, schema },
        { type: 'addBlock', dataset, block: { ...info, key, collector } },
      )
    }
    this.#uploaded = { sequence, actions }
    return actions
  }
}
