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
import type { CrashPoint } from '../faulty-store.ts'
import { Crash } from '../faulty-store.ts'
import { collect, exampleBlock, SETUP } from '../manifest/examples.ts'
import { wrapStore } from '../wrapped-store.ts'
import { LogModel } from './log-model.ts'

export const WRITERS = 3
export const RETAIN_MS = 3_600_000
export const GRACE_MS = 600_000

/** A process that may die at any call of the store and be started again. */
export interface Writer {
  readonly name: string
  store: ObjectStore
  manifest: Manifest
  /** Transactions are numbered; one whose outcome is unknown is never tried again here. */
  sequence: number
  /** Blocks uploaded and not committed yet. */
  pending: BlockInfo[]
  dead: boolean
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

  constructor(seed: number) {
    this.system = seededSystem(seed)
  }

  async start(): Promise<void> {
    const manifest = await openManifest(this.store, { system: this.system, create: true })
    await manifest.commit({ operation: 'setup', writer: 'setup', actions: SETUP })
    for (let i = 0; i < WRITERS; i++) {
      const name = `writer-${i}`
      this.writers.push({ name, store: this.store, manifest, sequence: 0, pending: [], dead: true })
    }
  }

  random(below: number): number {
    return Math.floor(this.system.random() * below)
  }

  /** Runs work as one writer, which may die at `crash`; started again first when it is dead. Returns whether it survived. */
  async as(index: number, crash: CrashPoint | undefined, work: (writer: Writer) => Promise<void>): Promise<boolean> {
    const writer = this.writers[index]!
    const doom = { point: crash }
    const store = this.#wrapped(doom)
    try {
      if (writer.dead || crash !== undefined) {
        writer.store = store
        writer.manifest = await openManifest(store, { system: this.system })
        writer.dead = false
      }
      await work(writer)
      doom.point = undefined
      return true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      writer.dead = true
      writer.pending = []
      return false
    }
  }

  /** The store as one process sees it: each call takes a moment, so that those of others come between, until it dies. */
  #wrapped(doom: { point: CrashPoint | undefined }): ObjectStore {
    let crashed = false
    const pass = async (index: number, when: 'before' | 'after', name: string): Promise<void> => {
      for (let ticks = this.random(6); ticks > 0; ticks--) await Promise.resolve()
      if (doom.point?.call === index && doom.point.when === when) crashed = true
      if (crashed) throw new Crash(name)
    }
    return wrapStore(this.store, {
      before: ({ index, key }) => pass(index, 'before', key),
      after: ({ index, key }) => pass(index, 'after', key),
    })
  }

  /** Uploads a block of a minute of flows, as data that says nothing. */
  async upload(writer: Writer, records: number): Promise<BlockInfo> {
    const now = Math.floor(this.system.now())
    const example = exampleBlock(0, { start: now })
    const key = example.key.replace(/[^/]*$/, `${ulid(this.system)}.avro`)
    const block = { ...example, key, records, sizeBytes: 1 + this.random(50), collector: writer.name }
    await writer.store.write(key, new Uint8Array(block.sizeBytes))
    return block
  }

  /** Commits under the next transaction of a writer and notes what became of it. */
  async transact(writer: Writer, options: Parameters<Manifest['commit']>[0]): Promise<void> {
    const sequence = writer.sequence++
    const name = `${writer.name} ${sequence}`
    this.outcomes.set(name, 'unknown')
    const { actions } = options
    const done = { type: 'setTransaction', writer: writer.name, sequence } as const
    try {
      await writer.manifest.commit({
        ...options,
        actions:
          typeof actions === 'function' ? async (snapshot) => [...(await actions(snapshot)), done] : [...actions, done],
      })
      this.outcomes.set(name, 'made')
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      expect(['conflict', 'behind-horizon']).toContain(error.code)
      this.outcomes.set(name, 'refused')
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
    expect(blocks.map(({ key, records }) => [key, records])).toEqual(
      [...model.live].sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    const ledger = await collect(snapshot.ledger('flows'))
    expect(ledger.map(({ interval, received }) => [interval, received])).toEqual(
      [...model.received].sort(([a], [b]) => a - b),
    )
    for (const { name } of this.writers) {
      expect(await snapshot.transaction(name)).toBe(model.transactions.get(name) ?? -1)
    }
    const records = [...model.live.values()].reduce((sum, count) => sum + count, 0)
    expect(await snapshot.datasets()).toMatchObject([{ dataset: 'flows', blocks: model.live.size, records }])
    for (const { key } of blocks) expect(await this.store.stat(key), `${key} of version ${version}`).toBeDefined()
  }
}
