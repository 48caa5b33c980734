import { StorageError } from './errors.ts'
import { checkBlockContent, checkBlockSchema } from './fsck-block.ts'
import type { Keyed } from './key-merge.ts'
import { joinByKey, mergeByKey } from './key-merge.ts'
import type { BlockInfo } from './manifest/actions.ts'
import { COMMIT_PREFIX, commitKey, versionOfKey } from './manifest/layout.ts'
import type { Manifest, StoreSnapshot } from './manifest/manifest.ts'
import { readRetention } from './manifest/retention.ts'
import { neededKeys } from './needed.ts'
import { checkCopies, copiesOf } from './replica/copies.ts'
import type { ReplicaSet } from './replica/replica-set.ts'
import { ReplicaStore } from './replica/replica-store.ts'
import type { ObjectEntry, ObjectStore } from './store.ts'

/** Compares the manifest with the store, both ways. It changes nothing and may run beside everything else. */
export interface FsckOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  /** Reads every block whole: its checksums, its records, and its statistics. */
  readonly deep?: boolean
  /** Told of each problem as it is found. */
  readonly onProblem?: (problem: FsckProblem) => void
}

/**
 * `missing`: a block that a kept snapshot needs is not there. `orphaned`: data that no kept snapshot needs, left by a writer that died or
 * awaiting gc, or an upload under way; not damage. `corrupt`: a block, a page or a commit that is not what was written. `schema`: a
 * schema that is missing or unreadable. `statistics`: a block that differs from what the manifest says of it. `under-replicated`: a block of a replica set
 * that has fewer right copies than its factor, but one at least.
 */
export type FsckKind = 'missing' | 'orphaned' | 'corrupt' | 'schema' | 'statistics' | 'under-replicated'

export interface FsckProblem {
  readonly kind: FsckKind
  readonly key: string
  readonly dataset: string | null
  /** One line. */
  readonly detail: string
}

export interface FsckReport {
  readonly version: number
  readonly deep: boolean
  /** Live blocks that were checked. */
  readonly blocks: number
  readonly records: number
  readonly sizeBytes: number
  /** Blocks that only snapshots before the newest need. */
  readonly retained: number
  readonly problems: readonly FsckProblem[]
  readonly counts: { readonly [K in FsckKind]: number }
  /** 0 when there is no damage (orphans are none), else 1. */
  readonly exitStatus: 0 | 1
}

export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const { manifest, deep = false, onProblem } = options
  const problems: FsckProblem[] = []
  const seen = new Set<string>()
  const report = (problem: FsckProblem): void => {
    // Both passes over the log meet the same broken commit.
    const name = `${problem.kind} ${problem.key}`
    if (problem.dataset === null && seen.has(name)) return
    seen.add(name)
    problems.push(problem)
    onProblem?.(problem)
  }
  const totals = { blocks: 0, records: 0, sizeBytes: 0, retained: 0 }
  const head = await manifest.snapshot()
  await checkLog(options, head.version, report)
  try {
    await checkBlocks(options, head, totals, report)
    if (options.store instanceof ReplicaStore) await checkReplication(options.store.set, options, head, report)
  } catch (error) {
    // The comparison cannot go on without a page or a commit that it needs.
    report(unreadable(error))
  }
  const counts = { missing: 0, orphaned: 0, corrupt: 0, schema: 0, statistics: 0, 'under-replicated': 0 }
  for (const { kind } of problems) counts[kind]++
  const isSound = problems.length === counts.orphaned
  return { version: head.version, deep, ...totals, problems, counts, exitStatus: isSound ? 0 : 1 }
}

type Report = (problem: FsckProblem) => void

/** Turns an error about an object of the manifest into a problem; any other error is passed on. */
function unreadable(error: unknown): FsckProblem {
  const key = error instanceof StorageError ? error.details.key : undefined
  if (!(error instanceof StorageError) || typeof key !== 'string') throw error
  const kind = error.code === 'not-found' ? 'missing' : 'corrupt'
  return { kind, key, dataset: null, detail: error.message }
}

/** Every version has its commit; with `deep` each of them is read. */
async function checkLog({ store, manifest, deep = false }: FsckOptions, newest: number, report: Report): Promise<void> {
  let next = 1
  for await (const { key } of store.list(COMMIT_PREFIX)) {
    const version = versionOfKey(key)
    if (version === undefined || version > newest) continue
    for (; next < version; next++) report(missingCommit(next))
    next = version + 1
  }
  for (; next <= newest; next++) report(missingCommit(next))
  if (!deep) return
  try {
    for await (const _ of manifest.history({ before: newest + 1 }));
  } catch (error) {
    report(unreadable(error))
  }
}

const missingCommit = (version: number): FsckProblem => ({
  kind: 'missing',
  key: commitKey(version),
  dataset: null,
  detail: `commit expected for version ${version}, got none`,
})

interface Live extends Keyed {
  readonly dataset: string
  readonly block: BlockInfo
}

interface Totals {
  blocks: number
  records: number
  sizeBytes: number
  retained: number
}

async function checkBlocks(options: FsckOptions, head: StoreSnapshot, totals: Totals, report: Report): Promise<void> {
  const { store, manifest } = options
  const { version, leased } = await readRetention(head)
  const datasets = (await head.datasets()).map(({ dataset }) => dataset)
  const live = mergeByKey(datasets.map((dataset) => liveBlocks(head, dataset)))
  const needed = withoutRepetition(await neededKeys(manifest, { head, version, leased }))
  const schemas = new Map<string, boolean>()
  for await (const { key, left, right } of joinByKey(joinByKey(store.list('data/'), needed), live)) {
    if (right === undefined) {
      if (left?.right !== undefined) totals.retained++
      checkOther(key, left?.left, left?.right !== undefined, report)
      continue
    }
    totals.blocks++
    totals.records += right.block.records
    totals.sizeBytes += right.block.sizeBytes
    await checkLive(options, head, right, left?.left, schemas, report)
  }
}

/** Every live block has as many copies as the factor says; with `deep` each copy is read. */
async function checkReplication(
  set: ReplicaSet,
  { deep = false }: FsckOptions,
  head: StoreSnapshot,
  report: Report,
): Promise<void> {
  const { factor } = set.location
  const datasets = (await head.datasets()).map(({ dataset }) => dataset)
  const live = mergeByKey(datasets.map((dataset) => liveBlocks(head, dataset)))
  for await (const { block: found, volumes } of copiesOf(set, live)) {
    const { key, dataset, block } = found
    const { sound, spoiled } = deep ? await checkCopies({ block, volumes }) : { sound: volumes, spoiled: [] }
    if (sound.length === 0 || sound.length >= factor) continue
    const wrong = spoiled.length === 0 ? '' : `, wrong ones on ${spoiled.map(({ url }) => url).join(', ')}`
    const detail = `${factor} copies expected, got ${sound.length} on ${sound.map(({ url }) => url).join(', ')}${wrong}`
    report({ kind: 'under-replicated', key, dataset, detail })
  }
}

async function* liveBlocks(snapshot: StoreSnapshot, dataset: string): AsyncGenerator<Live> {
  for await (const block of snapshot.blocks(dataset)) yield { key: block.key, dataset, block }
}

async function* withoutRepetition(keys: AsyncIterable<Keyed>): AsyncGenerator<Keyed> {
  let last: string | undefined
  for await (const { key } of keys) {
    if (key !== last) yield { key }
    last = key
  }
}

/** An object or a key that the newest snapshot does not show. */
function checkOther(key: string, object: ObjectEntry | undefined, isNeeded: boolean, report: Report): void {
  if (object === undefined) {
    report({ kind: 'missing', key, dataset: null, detail: 'block of an older snapshot expected, got none' })
  } else if (!isNeeded) {
    report({ kind: 'orphaned', key, dataset: null, detail: `${object.sizeBytes} bytes that no kept snapshot needs` })
  }
}

async function checkLive(
  { store, deep = false }: FsckOptions,
  head: StoreSnapshot,
  { key, dataset, block }: Live,
  listed: ObjectEntry | undefined,
  schemas: Map<string, boolean>,
  report: Report,
): Promise<void> {
  const found = (kind: FsckKind, detail: string): void => report({ kind, key, dataset, detail })
  // A block that was registered where it lay is not in the listing.
  const object = listed ?? (key.startsWith('data/') ? undefined : await store.stat(key))
  if (object === undefined) return found('missing', `block of ${block.records} records expected, got none`)
  if (object.sizeBytes !== block.sizeBytes) {
    return found('corrupt', `size expected ${block.sizeBytes} bytes, got ${object.sizeBytes}`)
  }
  const known = schemas.get(block.schemaId)
  const problem = known === undefined ? await checkBlockSchema(head, block.schemaId) : undefined
  if (problem !== undefined) found('schema', problem)
  schemas.set(block.schemaId, known ?? problem === undefined)
  if (!deep || schemas.get(block.schemaId) !== true) return
  const source = store instanceof ReplicaStore ? await rightCopy(store, block) : store
  for await (const { kind, detail } of checkBlockContent(source, block, await head.schema(block.schemaId), dataset)) {
    found(kind, detail)
  }
}

/** A volume whose copy of a block has the right checksum, or the set when there is none. */
async function rightCopy(store: ReplicaStore, block: BlockInfo): Promise<ObjectStore> {
  const { sound } = await checkCopies({ block, volumes: store.set.volumes })
  return sound[0]?.store ?? store
}
