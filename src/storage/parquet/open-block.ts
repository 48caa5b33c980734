import { columnSpecs } from '../../flow/schema.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { ByteRange, OpenObject } from '../store.ts'
import type { ParquetFooter } from './footer.ts'
import { parseFooter } from './footer.ts'
import type { Leaf } from './leaves.ts'
import { leavesOf } from './leaves.ts'
import type { SchemaLeaf } from './metadata.ts'

/** No row group of a flow block comes near this; a footer that says so is corrupt. */
export const MAX_MEMORY = 1 << 30

/** Reads the footer of a block and checks it against what the manifest says, its schema included. Throws StorageError `corrupt`. */
export async function openBlock(object: OpenObject, expected: Expected): Promise<ParquetFooter> {
  const { block } = expected
  try {
    return await openFooter(object, expected)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'corrupt') throw error
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected a readable footer, got a fault`,
      { key: block.key },
      error,
    )
  }
}

/** What the manifest says that a footer must say, and memory that kernels may read it in. */
export interface Expected {
  readonly block: BlockInfo
  readonly schema: unknown
  readonly kernels?: KernelInstance | undefined
}

/** The leaves of the schemas of a snapshot: many blocks have the same. */
const leaves = new WeakMap<object, readonly Leaf[]>()

function leavesIn(schema: unknown): readonly Leaf[] {
  if (typeof schema !== 'object' || schema === null) return leavesOf(columnSpecs(schema))
  const found = leaves.get(schema) ?? leavesOf(columnSpecs(schema))
  leaves.set(schema, found)
  return found
}

/** Where the footer stands: behind the last row group. */
export function footerRange({ chunks, sizeBytes }: BlockInfo): ByteRange {
  const last = chunks.at(-1)
  const offset = last ? last[0] + last[1] : 4
  return { offset, length: sizeBytes - offset }
}

async function openFooter(object: OpenObject, { block, schema, kernels }: Expected): Promise<ParquetFooter> {
  const { offset, length: expected } = footerRange(block)
  const room = new Uint8Array(Math.max(0, Math.min(expected, MAX_MEMORY)))
  const bytes = room.subarray(0, await object.readInto(room, offset))
  const length = bytes.length < 8 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const magic = new TextDecoder('latin1').decode(bytes.subarray(-4))
  if (magic !== 'PAR1' || length !== bytes.length - 8) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected a footer at byte ${offset}, got other bytes`,
      { key: block.key, offset },
    )
  }
  const footer = parseFooter(bytes.subarray(0, length), block.chunks.length, kernels)
  if (!isConsistent(footer, block) || !areSame(footer.leaves, leavesIn(schema))) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected the columns and row groups that the manifest says, got others`,
      { key: block.key },
    )
  }
  return footer
}

/** Whether the footer's row groups and column chunks lie where the manifest says that the chunks are. */
function isConsistent({ groups, leaves }: ParquetFooter, block: BlockInfo): boolean {
  if (groups.length !== block.chunks.length) return false
  return groups.every(({ rows, columns }, i) => {
    const [offset = 0, length = 0, records = 0] = block.chunks[i] ?? []
    if (rows !== records || columns.length !== leaves.length) return false
    return columns.every(
      (chunk) =>
        chunk.offset >= offset &&
        chunk.sizeBytes >= 0 &&
        chunk.offset + chunk.sizeBytes <= offset + length &&
        chunk.plainBytes >= 0 &&
        chunk.plainBytes < MAX_MEMORY,
    )
  })
}

/** No checksum guards the footer: a column under another name would be read as one that is not there. */
function areSame(leaves: readonly SchemaLeaf[], expected: readonly SchemaLeaf[]): boolean {
  return (
    leaves.length === expected.length &&
    leaves.every(({ name, physical, optional }, i) => {
      const leaf = expected[i]
      return name === leaf?.name && physical === leaf.physical && optional === leaf.optional
    })
  )
}
