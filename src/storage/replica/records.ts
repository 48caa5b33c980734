import { StorageError } from '../errors.ts'

/**
 * The objects by which a volume knows what it is. They lie under `replica/` on the volume itself, where no other key may be, and are no part of what
 * the store shows.
 */

/** Prefix of all keys of the replica set itself. */
export const REPLICA_PREFIX = 'replica/'

/** Written once, when a volume joins a set; its absence tells an emptied or foreign folder or bucket from a volume. */
export const VOLUME_KEY = 'replica/volume.json'

/**
 * An empty object beside the record, named after the volume's id: so that one listing tells which volume this is. A writer that slept while the volume was
 * emptied can forge one of the two, not both.
 */
export function markKey(volume: string): string {
  return `replica/volume/${volume}`
}

/** `epochs/<number, 10 digits>.json`: the epochs that this volume has taken part in. */
export const EPOCHS_PREFIX = 'replica/epochs/'

/** The last epoch whose objects this volume was compared with, byte by byte. */
export const RECONCILED_KEY = 'replica/reconciled.json'

/** When each volume last took and gave back a heartbeat, as far as this volume was told. */
export const HEARTBEATS_KEY = 'replica/heartbeats.json'

/** The heartbeat of the volume itself. */
export const HEARTBEAT_KEY = 'replica/heartbeat.json'

const FORMAT = 1

export interface VolumeRecord {
  /** Id of the replica set. */
  readonly set: string
  /** Id of this volume. */
  readonly volume: string
}

/** Who was primary from this epoch on. */
export interface EpochRecord {
  readonly set: string
  readonly epoch: number
  /** Id of the primary; null while a promotion is under way, in which nobody may commit. */
  readonly primary: string | null
  /** Number of volumes in the set. */
  readonly volumes: number
  /** Volumes that must have a commit before it counts. */
  readonly quorum: number
  /** Milliseconds. */
  readonly time: number
  /** Random: two records of one epoch with different nonces are two promotions at a time. */
  readonly nonce: string
}

/** Last heartbeat by id of the volume, milliseconds. */
export type Heartbeats = { readonly [volume: string]: number }

export function epochKey(epoch: number): string {
  return `${EPOCHS_PREFIX}${String(epoch).padStart(10, '0')}.json`
}

/** The epoch of a key that `epochKey` made, or undefined. */
export function epochOfKey(key: string): number | undefined {
  const match = /^replica\/epochs\/(\d{10})\.json$/.exec(key)
  return match ? Number(match[1]) : undefined
}

export function encodeRecord(record: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ formatVersion: FORMAT, ...record })}\n`)
}

export function parseVolumeRecord(bytes: Uint8Array, url: string): VolumeRecord {
  const { set, volume } = parse(bytes, VOLUME_KEY, url)
  if (typeof set !== 'string' || typeof volume !== 'string') throw bad(VOLUME_KEY, url)
  return { set, volume }
}

export function parseEpochRecord(bytes: Uint8Array, key: string, url: string): EpochRecord {
  const { set, epoch, primary, volumes, quorum, time, nonce } = parse(bytes, key, url)
  const valid =
    typeof set === 'string' &&
    typeof epoch === 'number' &&
    (typeof primary === 'string' || primary === null) &&
    typeof volumes === 'number' &&
    typeof quorum === 'number' &&
    typeof time === 'number' &&
    typeof nonce === 'string'
  if (!valid) throw bad(key, url)
  return { set, epoch, primary, volumes, quorum, time, nonce }
}

export function parseHeartbeats(bytes: Uint8Array, url: string): Heartbeats {
  const { volumes } = parse(bytes, HEARTBEATS_KEY, url)
  if (typeof volumes !== 'object' || volumes === null) throw bad(HEARTBEATS_KEY, url)
  return Object.fromEntries(Object.entries(volumes).filter(([, time]) => typeof time === 'number'))
}

/** The epoch in `reconciled.json`. */
export function parseReconciled(bytes: Uint8Array, url: string): number {
  const { epoch } = parse(bytes, RECONCILED_KEY, url)
  if (typeof epoch !== 'number') throw bad(RECONCILED_KEY, url)
  return epoch
}

function parse(bytes: Uint8Array, key: string, url: string): { readonly [name: string]: unknown } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw bad(key, url)
  }
  if (typeof value !== 'object' || value === null) throw bad(key, url)
  const record: { readonly [name: string]: unknown } = { ...value }
  if (record.formatVersion !== FORMAT)
    throw new StorageError(
      'unknown-feature',
      `store: ${key} expected format ${FORMAT}, got ${String(record.formatVersion)} in ${url}`,
    )
  return record
}

function bad(key: string, url: string): StorageError {
  return new StorageError('corrupt', `store: ${key} expected a record of a replica set, got other content in ${url}`, {
    key,
  })
}
