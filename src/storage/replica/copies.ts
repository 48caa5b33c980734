import { checksumOf } from '../block/checksum.ts'
import { StorageError } from '../errors.ts'
import { joinByKey, type Keyed } from '../key-merge.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import { type BlockCopies, blockCopies, health, type VolumeHealth } from './maintain.ts'
import { isPlaced } from './placement.ts'
import { copyObject } from './reconcile.ts'
import type { ReplicaSet } from './replica-set.ts'
import { isVolumeFailure, type Volume } from './volume.ts'

/** A block and the volumes in reach that have it. */
export interface Copies<Block extends Keyed> {
  readonly block: Block
  readonly volumes: readonly Volume[]
}

/** The copies of blocks, which come in order of key; blocks that were registered where they lay are on every volume and left out. */
export async function* copiesOf<Block extends Keyed>(
  set: ReplicaSet,
  blocks: AsyncIterable<Block>,
): AsyncGenerator<Copies<Block>> {
  const found = async function* (): AsyncGenerator<BlockCopies & Keyed> {
    for await (const copies of blockCopies(set, await set.view())) yield { ...copies, key: copies.entry.key }
  }
  for await (const { key, left, right } of joinByKey(blocks, found()))
    if (left !== undefined && isPlaced(key))
      yield { block: left, volumes: (right?.slots ?? []).map((slot) => set.volume(slot)) }
}

/** Copies of one block, told apart by its checksum; a volume that fails meanwhile is among neither. */
export async function checkCopies({
  block,
  volumes,
}: Copies<BlockInfo>): Promise<{ readonly sound: readonly Volume[]; readonly spoiled: readonly Volume[] }> {
  const [sound, spoiled]: [Volume[], Volume[]] = [[], []]
  for (const volume of volumes) {
    try {
      const entry = await volume.use((store) => store.stat(block.key))
      const isRight =
        entry?.sizeBytes === block.sizeBytes && (await volume.use((store) => checksumOf(store, block))) === block.crc32
      ;(isRight ? sound : spoiled).push(volume)
    } catch (error) {
      if (!isVolumeFailure(error) && !(error instanceof StorageError && error.code === 'not-found')) throw error
    }
  }
  return { sound, spoiled }
}

export interface MendReport {
  /** Copies that were not what the manifest says, and now are. */
  readonly mended: number
  /** Keys of blocks of which no copy is right. */
  readonly lost: readonly string[]
}

/** Reads every copy of blocks, which come in order of key, and puts a right one in the place of each that is wrong. */
export async function mendCopies(set: ReplicaSet, blocks: AsyncIterable<BlockInfo>): Promise<MendReport> {
  const lost: string[] = []
  let mended = 0
  for await (const copies of copiesOf(set, blocks)) {
    const { key } = copies.block
    const { sound, spoiled } = await checkCopies(copies)
    const [from] = sound
    if (from === undefined) lost.push(key)
    else for (const to of spoiled) if (await copyObject(from, to, key)) mended++
  }
  return { mended, lost }
}

export interface Replication {
  readonly factor: number
  readonly quorum: number
  /** 0 for a set that was never made. */
  readonly epoch: number
  readonly volumes: readonly (VolumeHealth & { readonly blocks: number; readonly sizeBytes: number })[]
  /** Blocks that have fewer copies in reach than the factor, and how many of these have none. */
  readonly underReplicated: number
  readonly outOfReach: number
}

/** How some blocks, which come in order of key, are replicated, and how the volumes stand. */
export async function replicationOf(
  set: ReplicaSet,
  blocks: AsyncIterable<Keyed & { readonly sizeBytes: number }>,
): Promise<Replication> {
  const volumes = await health(set)
  const { record } = await set.view()
  const sums = volumes.map(() => ({ blocks: 0, sizeBytes: 0 }))
  let [underReplicated, outOfReach] = [0, 0]
  const { factor } = set.location
  for await (const { block, volumes } of copiesOf(set, blocks)) {
    if (volumes.length < factor) underReplicated++
    if (volumes.length === 0) outOfReach++
    for (const { slot } of volumes) {
      sums[slot]!.blocks++
      sums[slot]!.sizeBytes += block.sizeBytes
    }
  }
  return {
    ...{ factor, quorum: set.quorum, epoch: record?.epoch ?? 0 },
    volumes: volumes.map((volume, slot) => ({ ...volume, ...sums[slot]! })),
    ...{ underReplicated, outOfReach },
  }
}
