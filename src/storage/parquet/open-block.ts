import { columnSpecs } from '../../flow/schema.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { ByteRange, OpenObject } from '../store.ts'
import type { FooterOptions, ParquetFooter } from './footer.ts'
import { MAX_MEMORY, parseFooter } from './footer.ts'
import type { Leaf } from './leaves.ts'
import { leavesOf } from './leaves.ts'
import type { SchemaLeaf } from './metadata.ts'

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

/** What the manifest says that a footer must say, which of its leaves are asked for, and memory that kernels may read it in. */
export interface Expected extends Pick<FooterOptions, 'indexesOf' | 'kernels'> {
  readonly block: BlockInfo
  readonly schema: unknown
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

async function openFooter(object: OpenObject, { block, schema, ...rest }: Expected): Promise<ParquetFooter> {
  const { offset, length: sizeBytes } = footerRange(block)
  const room = new Uint8Array(Math.max(0, Math.min(sizeBytes, MAX_MEMORY)))
  const bytes = room.subarray(0, object.readNow?.(room, offset) ?? (await object.readInto(room, offset)))
  const length = bytes.length < 8 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const magic = new TextDecoder('latin1').decode(bytes.subarray(-4))
  if (magic !== 'PAR1' || length !== bytes.length - 8) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected a footer at byte ${offset}, got other bytes`,
      { key: block.key, offset },
    )
  }
  const expected = leavesIn(schema)
  const footer = parseFooter(bytes.subarray(0, length), { chunks: block.chunks, expected, ...rest })
  if (!footer || (footer.leaves !== expected && !areSame(footer.leaves, expected))) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected the columns and row groups that the manifest says, got others`,
      { key: block.key },
    )
  }
  return footer
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
