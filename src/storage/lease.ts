import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { StorageError } from './errors.ts'
import { randomId } from './manifest/commit.ts'
import type { Manifest } from './manifest/manifest.ts'
import { checked, readJson } from './manifest/parse.ts'
import { isRetained } from './manifest/retention.ts'
import { flag, integer, object, orNull, positive, text } from './manifest/shape.ts'
import type { ObjectStore } from './store.ts'
import type { System } from './system.ts'

/**
 * A lease: who works under a name (a run) at the moment, and which snapshot gc must keep for it. One object per holder,
 * `leases/<name>/<epoch>.json`; the highest epoch holds the lease. Epochs are taken with a conditional create, so that of several who
 * find a lease expired one gets it; each holder renews its own object only. Leases rest on clocks that roughly agree, and so do not
 * make anything safe by themselves: what must happen once is fenced by the epoch, by `ifAbsent` or by `setTransaction`.
 */

/** A lease that is not renewed for this long has expired. */
export const LEASE_MS = 15_000

const LEASE_PREFIX = 'leases/'

/** The process that holds a lease. */
export interface Holder {
  readonly host: string
  readonly pid: number
  /** Start of the process in the units of its system, to tell it from a later one with the same pid; null when unknown. */
  readonly started: string | null
}

/** What is stored for one epoch. */
export interface LeaseRecord {
  readonly name: string
  readonly epoch: number
  /** Random, so that a writer recognises its own record after a lost reply. */
  readonly nonce: string
  readonly holder: Holder
  /** Version of the snapshot that the holder reads. */
  readonly version: number
  /** When the lease was first acquired, kept over take-overs, milliseconds. */
  readonly since: number
  readonly renewed: number
  readonly released: boolean
}

/** A lease this process holds. */
export interface Lease {
  readonly name: string
  readonly epoch: number
  readonly version: number
  /** Call well within LEASE_MS of the last time. Throws `conflict` when another holder has taken over. */
  renew(): Promise<void>
  /** Gives the lease back; does nothing when another holder has taken over. */
  release(): Promise<void>
}

export interface AcquireOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** One key part: the run id. */
  readonly name: string
  /** Version of the snapshot to be kept. */
  readonly version: number
  /** True for a name that nobody can have had: earlier holders are not looked for. */
  readonly isNew?: boolean
  readonly holder?: Holder
  /** Whether a holder of this host still runs; it is taken over from at once when not. */
  readonly isRunning?: (holder: Holder) => boolean
}

const leaseShape = object<LeaseRecord>({
  name: text,
  epoch: positive,
  nonce: text,
  holder: object({ host: text, pid: integer, started: orNull(text) }),
  version: positive,
  since: integer,
  renewed: integer,
  released: flag,
})

const leaseKey = (name: string, epoch: number): string =>
  `${LEASE_PREFIX}${name}/${String(epoch).padStart(20, '0')}.json`

/**
 * Takes the lease of a name when it is free, released, expired, or was held by a process of this host that is gone. Throws `conflict`
 * when someone holds it, `behind-horizon` when gc no longer keeps the snapshot.
 */
export async function acquireLease(options: AcquireOptions): Promise<Lease> {
  const { store, manifest, system, name, version, holder = thisProcess(), isRunning = isProcessRunning } = options
  const previous = options.isNew ? undefined : await readLease(store, name)
  if (previous !== undefined && isHeld(previous, system.now())) {
    if (!isGone(previous.holder, { host: holder.host, isRunning })) throw heldBy(previous)
  }
  const now = Math.floor(system.now())
  const epoch = (previous?.epoch ?? 0) + 1
  const since = previous?.since ?? now
  const record = { name, epoch, nonce: randomId(system), holder, version, since, renewed: now, released: false }
  try {
    await store.write(leaseKey(name, epoch), toJson(record), { ifAbsent: true })
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'exists')) throw error
    throw heldBy((await readLease(store, name)) ?? record)
  }
  const lease = new HeldLease(store, system, record)
  // Gc names what it keeps before it looks at the leases: either it has seen this one, or the look at the manifest sees gc.
  if (await isRetained(await manifest.snapshot(), version)) return lease
  await lease.release()
  const message = `storage: snapshot of ${name} expected to be kept, got version ${version}, which gc has let go`
  throw new StorageError('behind-horizon', message, { name, version })
}

class HeldLease implements Lease {
  readonly #store: ObjectStore
  readonly #system: System
  readonly #record: LeaseRecord

  constructor(store: ObjectStore, system: System, record: LeaseRecord) {
    this.#store = store
    this.#system = system
    this.#record = record
  }

  get name(): string {
    return this.#record.name
  }

  get epoch(): number {
    return this.#record.epoch
  }

  get version(): number {
    return this.#record.version
  }

  async renew(): Promise<void> {
    if (!(await this.#isNewest())) {
      const newest = await readLease(this.#store, this.name)
      throw newest === undefined ? lost(this.#record) : heldBy(newest)
    }
    await this.#write(false)
  }

  async release(): Promise<void> {
    if (await this.#isNewest()) await this.#write(true)
  }

  async #isNewest(): Promise<boolean> {
    return (await this.#store.stat(leaseKey(this.name, this.epoch + 1))) === undefined
  }

  #write(released: boolean): Promise<void> {
    const record = { ...this.#record, renewed: Math.floor(this.#system.now()), released }
    return this.#store.write(leaseKey(this.name, this.epoch), toJson(record))
  }
}

/** The newest lease under a name, whether held or not; undefined when there never was one, or gc has cleared it. */
export async function readLease(store: ObjectStore, name: string): Promise<LeaseRecord | undefined> {
  let newest: string | undefined
  for await (const { key } of store.list(`${LEASE_PREFIX}${name}/`)) newest = key
  return newest === undefined ? undefined : readRecord(store, newest)
}

/** The newest lease under every name, in order of name, and the keys of all epochs of it. */
export async function* listLeases(
  store: ObjectStore,
): AsyncGenerator<{ readonly lease: LeaseRecord; readonly keys: readonly string[] }> {
  let keys: string[] = []
  const folder = (key: string): string => key.slice(0, key.lastIndexOf('/'))
  const read = async (): Promise<LeaseRecord | undefined> => readRecord(store, keys.at(-1)!)
  for await (const { key } of store.list(LEASE_PREFIX)) {
    if (keys.length > 0 && folder(keys[0]!) !== folder(key)) {
      const lease = await read()
      if (lease !== undefined) yield { lease, keys }
      keys = []
    }
    keys.push(key)
  }
  const lease = keys.length > 0 ? await read() : undefined
  if (lease !== undefined) yield { lease, keys }
}

async function readRecord(store: ObjectStore, key: string): Promise<LeaseRecord | undefined> {
  try {
    return checked(leaseShape, await readJson(store, key), key)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}

/** Whether a lease still counts at `now`. */
export const isHeld = ({ released, renewed }: LeaseRecord, now: number): boolean =>
  !released && now < renewed + LEASE_MS

/** This process as a holder. */
export const thisProcess = (): Holder => ({
  host: hostname(),
  pid: process.pid,
  started: statOf(process.pid)?.started ?? null,
})

/** Whether a holder was a process of this host that is no more. */
export const isGone = (holder: Holder, { host = hostname(), isRunning = isProcessRunning } = {}): boolean =>
  holder.host === host && !isRunning(holder)

/** Whether a process of this host is there and is the one that was meant. */
export function isProcessRunning({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  const now = statOf(pid)
  if (now === undefined) return started === null
  // A process that has ended and that nobody has waited for still has its number.
  return now.state !== 'Z' && (started === null || now.started === started)
}

/** Of /proc/PID/stat the state (field 3) and the start in clock ticks since boot (field 22); undefined where there is no /proc. */
function statOf(pid: number): { readonly state: string | undefined; readonly started: string | undefined } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0], started: fields[19] }
  } catch {
    return undefined
  }
}

const describe = ({ holder, epoch }: LeaseRecord): string => `process ${holder.pid} on ${holder.host} (epoch ${epoch})`

function heldBy(record: LeaseRecord): StorageError {
  const message = `storage: lease of ${record.name} expected free, got one held by ${describe(record)}`
  const { name, epoch } = record
  return new StorageError('conflict', message, { name, epoch, host: record.holder.host, pid: record.holder.pid })
}

function lost({ name, epoch }: LeaseRecord): StorageError {
  return new StorageError('conflict', `storage: lease of ${name} expected at epoch ${epoch}, got none`, { name, epoch })
}

const toJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
