import { expect } from 'vitest'
import { StorageError } from '../../../src/storage/errors.ts'
import { fsck } from '../../../src/storage/fsck.ts'
import type { Lease } from '../../../src/storage/lease.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { Manifest } from '../../../src/storage/manifest/manifest.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import type { SeededSystem } from '../../../src/storage/system.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { ulid } from '../../../src/storage/ulid.ts'
import { Crash } from '../faulty-store.ts'
import { collect, exampleBlock, SETUP } from '../manifest/examples.ts'
import { wrapStore } from '../wrapped-store.ts'
import { LogModel } from './log-model.ts'

export const WRITERS = 3
export const RETAIN_MS = 3_600_000
export const GRACE_MS = 600_000

/** What befalls a writer at one of its calls of the store, counted from 0 while it does one work. */
export interface Mishap {
  readonly call: number
  /** Whether the call still takes effect. */
  readonly when: 'before' | 'after'
  /** It dies and is started again; or the store gives no answer, once; or it sleeps while others work and the clock goes on. */
  readonly what: 'death' | 'silence' | 'sleep'
}

type Options = Parameters<Manifest['commit']>[0]

/** A process that may die at any call of the store and be started again. */
export interface Writer {
  readonly name: string
  store: ObjectStore
  manifest: Manifest
  /** Number of the next transaction. */
  sequence: number
  /** The last transaction, when its writer does not know what became of it. */
  doubtful: { readonly sequence: number; readonly options: Options } | undefined
  /** The transaction that was tried again. */
  retried: number
  /** Blocks uploaded and not committed yet. */
  pending: BlockInfo[]
  dead: boolean
}

interface Fate {
  mishap: Mishap | undefined
  readonly others: () => Promise<void>
  crashed: boolean
}

/** One store, several writers, and the model of what they have done. */
export class World {
  readonly store = openMemoryStore()
  readonly system: SeededSystem
  readonly model = new LogModel()
  readonly writers: Writer[] = []
  readonly leases: Lease[] = []
  /** What became of each transaction: `made`, `refused`, or unknown because its writer died. */
  readonly outcomes = new Map<string, 'made' | 'refused' | 'unknown'>()

  #flows = 0

  constructor(seed: number) {
    this.system = seededSystem(seed)
  }

  async start(): Promise<void> {
    const manifest = await openManifest(this.store, { system: this.system, create: true })
    await manifest.commit({ operation: 'setup', writer: 'setup', actions: SETUP })
    for (let i = 0; i < WRITERS; i++) {
      const name = `writer-${i}`
      this.writers.push({
        name,
        store: this.store,
        manifest,
        sequence: 0,
        retried: -1,
        doubtful: undefined,
        pending: [],
        dead: true,
      })
    }
  }

  random(below: number): number {
    return Math.floor(this.system.random() * below)
  }

  /** Runs work as one writer, started again first when it is dead; `others` runs while it sleeps. */
  async as(
    index: number,
    work: (writer: Writer) => Promise<void>,
    { mishap, others = async () => undefined }: { mishap?: Mishap | undefined; others?: () => Promise<void> } = {},
  ): Promise<void> {
    const writer = this.writers[index]!
    const fate: Fate = { mishap, others, crashed: false }
    const store = this.#wrapped(fate)
    try {
      writer.store = store
      if (writer.dead || mishap !== undefined) writer.manifest = await openManifest(store, { system: this.system })
      writer.dead = false
      await work(writer)
      fate.mishap = undefined
    } catch (error) {
      if (error instanceof StorageError && error.code === 'unavailable') fate.mishap = undefined
      else if (error instanceof Crash) {
        writer.dead = true
        writer.pending = []
      } else throw error
    }
  }

  /** The store as one process sees it: each call takes a moment, so that those of others come between. */
  #wrapped(fate: Fate): ObjectStore {
    const pass = async (index: number, when: 'before' | 'after', key: string): Promise<void> => {
      for (let ticks = this.random(6); ticks > 0; ticks--) await Promise.resolve()
      const { mishap } = fate
      if (fate.crashed) throw new Crash(key)
      if (mishap?.call !== index || mishap.when !== when) return
      fate.mishap = undefined
      if (mishap.what === 'sleep') await fate.others()
      if (mishap.what === 'silence')
        throw new StorageError('unavailable', `store: answer expected, got none for ${key}`)
      if (mishap.what === 'death') fate.crashed = true
      if (fate.crashed) throw new Crash(key)
    }
    return wrapStore(this.store, {
      before: ({ index, key }) => pass(index, 'before', key),
      after: ({ index, key }) => pass(index, 'after', key),
    })
  }

  /** Uploads a block of the flows given; where a real one names exporters this one names its flows. */
  async upload(writer: Writer, flows: readonly string[]): Promise<BlockInfo> {
    const example = exampleBlock(0, { start: Math.floor(this.system.now()) })
    const key = example.key.replace(/[^/]*$/, `${ulid(this.system)}.avro`)
    const sizes = { records: flows.length, sizeBytes: 1 + this.random(50) }
    await writer.store.write(key, new Uint8Array(sizes.sizeBytes))
    return { ...example, ...sizes, key, collector: writer.name, exporters: flows }
  }

  newFlows(most: number): string[] {
    return Array.from({ length: this.random(most) }, () => `flow-${this.#flows++}`)
  }

  /** Commits under the next transaction of a writer and notes what became of it. */
  async transact(writer: Writer, options: Options, sequence = writer.sequence++): Promise<void> {
    const name = `${writer.name} ${sequence}`
    const { actions } = options
    const done = { type: 'setTransaction', writer: writer.name, sequence } as const
    const wanted: Options['actions'] =
      typeof actions === 'function' ? async (snapshot) => [...(await actions(snapshot)), done] : [...actions, done]
    writer.doubtful = { sequence, options }
    this.outcomes.set(name, 'unknown')
    try {
      await writer.manifest.commit({ ...options, actions: wanted })
      this.outcomes.set(name, 'made')
      writer.doubtful = undefined
    } catch (error) {
      if (!(error instanceof StorageError) || error.code === 'unavailable') throw error
      expect(['conflict', 'behind-horizon', 'duplicate-transaction']).toContain(error.code)
      this.outcomes.set(name, error.code === 'duplicate-transaction' ? 'made' : 'unknown')
      // What conflicts on the second try may be the first: then the outcome stays unknown.
      if (error.code !== 'duplicate-transaction' && writer.retried !== sequence) this.outcomes.set(name, 'refused')
      writer.doubtful = undefined
    }
  }

  /** Compares everything that can be seen with the model. */
  async check(): Promise<void> {
    await this.model.follow(this.store)
    for (const [name, outcome] of this.outcomes) {
      const times = this.model.made.get(name) ?? 0
      if (outcome === 'made') expect(times, name).toBe(1)
      if (outcome === 'refused') expect(times, name).toBe(0)
      expect(times, name).toBeLessThanOrEqual(1)
    }
    for (const [key, times] of this.model.added) expect(times, key).toBe(1)
    const manifest = await openManifest(this.store, { system: this.system })
    const { newest } = this.model
    expect((await manifest.snapshot()).version).toBe(newest)
    const oldest = Number(this.model.versions[newest]!.properties.get('gc.version') ?? 1)
    const kept = [
      newest,
      oldest,
      oldest + this.random(newest - oldest + 1),
      ...this.leases.map(({ version }) => version),
    ]
    for (const version of new Set(kept)) await this.#checkVersion(manifest, version)
    expect(await fsck({ store: this.store, manifest })).toMatchObject({ exitStatus: 0 })
  }

  async #checkVersion(manifest: Manifest, version: number): Promise<void> {
    const model = this.model.versions[version]!
    const snapshot = await manifest.snapshot({ version })
    if (version === 1) return expect(await snapshot.datasets()).toEqual([])
    const blocks = await collect(snapshot.blocks('flows'))
    expect(blocks).toEqual([...model.live.values()].sort((a, b) => (a.key < b.key ? -1 : 1)))
    const flows = blocks.flatMap(({ exporters }) => exporters)
    expect(new Set(flows).size, `flows of version ${version} that are live twice`).toBe(flows.length)
    const ledger = await collect(snapshot.ledger('flows'))
    expect(ledger.map(({ interval, received }) => [interval, received])).toEqual(
      [...model.received].sort(([a], [b]) => a - b),
    )
    for (const { name } of this.writers) {
      expect(await snapshot.transaction(name)).toBe(model.transactions.get(name) ?? -1)
    }
    const records = flows.length
    expect(await snapshot.datasets()).toMatchObject([{ dataset: 'flows', blocks: model.live.size, records }])
    for (const { key } of blocks) expect(await this.store.stat(key), `${key} of version ${version}`).toBeDefined()
  }
}
