import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { ChunkInfo } from '../manifest/actions.ts'
import type { Codec, ColumnChunk, SchemaLeaf } from './metadata.ts'
import { writeFooter } from './metadata.ts'
import { readFooter } from './read-metadata.ts'

/** No row group of a flow block comes near this; a footer that says so is corrupt. */
export const MAX_MEMORY = 1 << 30

/** What a footer says of its block. */
export interface ParquetFooter {
  readonly leaves: readonly SchemaLeaf[]
  readonly groups: readonly GroupChunks[]
}

/** A row group, and its chunks of the columns asked for. */
export interface GroupChunks {
  readonly rows: number
  readonly chunks: readonly ColumnChunk[]
}

export interface FooterOptions {
  /** The row groups that the manifest says. */
  readonly chunks: readonly ChunkInfo[]
  /** The leaves that the manifest says, the same object for the same schema. */
  readonly expected: readonly SchemaLeaf[]
  /** Numbers of the leaves asked for. */
  indexesOf(leaves: readonly SchemaLeaf[]): readonly number[]
  /** Whose memory is used when it has room. */
  readonly kernels?: KernelInstance | undefined
}

/** Doubles of an entry of `footerGroups`: of a row group before its column chunks, and of each of those; and of what it is told of a row group. */
const GROUP_VALUES = 1
const CHUNK_VALUES = 6
const RANGE_VALUES = 3

/**
 * What a footer says; undefined when its row groups are not where the manifest says. Those whose schema has the bytes that our writer gives it are read by a kernel, the others as `parseAnyFooter` does, whose
 * result is the same. Throws StorageError `corrupt`.
 */
export function parseFooter(bytes: Uint8Array, options: FooterOptions): ParquetFooter | undefined {
  return parseExpected(bytes, options) ?? parseAnyFooter(bytes, options)
}

/** `parseFooter` for any schema. */
export function parseAnyFooter(
  bytes: Uint8Array,
  { chunks, indexesOf }: Pick<FooterOptions, 'chunks' | 'indexesOf'>,
): ParquetFooter | undefined {
  const { leaves, groups } = readFooter(bytes)
  if (!isConsistent(groups, leaves.length, chunks)) return undefined
  const indexes = indexesOf(leaves)
  return { leaves, groups: groups.map(({ rows, columns }) => ({ rows, chunks: indexes.map((i) => columns[i]!) })) }
}

/** What a footer says, read by a kernel; undefined when that finds something that is not as expected. */
function parseExpected(
  bytes: Uint8Array,
  { chunks, expected, indexesOf, kernels }: FooterOptions,
): ParquetFooter | undefined {
  const schema = schemaOf(expected, kernels)
  const entry = GROUP_VALUES + expected.length * CHUNK_VALUES
  const instance = borrowKernels(bytes.length + (entry + RANGE_VALUES) * chunks.length * 8 + 256, kernels)
  try {
    const read = readByKernel(bytes, expected.length, chunks, instance)
    if (read.count !== chunks.length || Buffer.compare(read.schema, schema) !== 0) return undefined
    return { leaves: expected, groups: groupsOf(read.entries, read.count, expected, indexesOf(expected)) }
  } finally {
    returnKernels(instance)
  }
}

/** The bytes of schemas in footers, which are made once for the leaves of each. */
const schemas = new WeakMap<readonly SchemaLeaf[], Uint8Array>()

function schemaOf(leaves: readonly SchemaLeaf[], kernels: KernelInstance | undefined): Uint8Array {
  const known = schemas.get(leaves)
  if (known) return known
  const bytes = writeFooter(leaves, [], {})
  const instance = borrowKernels(bytes.length + 256, kernels)
  const schema = readByKernel(bytes, leaves.length, [], instance).schema.slice()
  returnKernels(instance)
  schemas.set(leaves, schema)
  return schema
}

/** What `footerGroups` reads: how many row groups, or a code, their entries, and the bytes of the schema. */
function readByKernel(
  bytes: Uint8Array,
  columns: number,
  chunks: readonly ChunkInfo[],
  { memory, kernels }: KernelInstance,
): { count: number; entries: Float64Array; schema: Uint8Array } {
  const at = memory.allocate(bytes.length)
  memory.bytes(at, bytes.length).set(bytes)
  const found = memory.make(Uint32Array, 2)
  const ranges = memory.make(Float64Array, RANGE_VALUES * chunks.length)
  for (const [i, [offset, length, rows]] of chunks.entries()) {
    ranges[i * RANGE_VALUES] = offset
    ranges[i * RANGE_VALUES + 1] = length
    ranges[i * RANGE_VALUES + 2] = rows
  }
  const entries = memory.make(Float64Array, (GROUP_VALUES + columns * CHUNK_VALUES) * chunks.length)
  const places = [entries.byteOffset, found.byteOffset, ranges.byteOffset] as const
  const count = kernels.footerGroups(at, at + bytes.length, columns, chunks.length, ...places)
  const [from = at, to = at] = found
  return { count, entries, schema: bytes.subarray(from - at, to - at) }
}

function groupsOf(
  entries: Float64Array,
  count: number,
  leaves: readonly SchemaLeaf[],
  indexes: readonly number[],
): GroupChunks[] {
  const groups: GroupChunks[] = []
  const size = GROUP_VALUES + leaves.length * CHUNK_VALUES
  for (let at = 0; groups.length < count; at += size) {
    const chunks: ColumnChunk[] = []
    for (const i of indexes) chunks.push(chunkOf(leaves[i]!, entries, at + GROUP_VALUES + i * CHUNK_VALUES))
    groups.push({ rows: entries[at]!, chunks })
  }
  return groups
}

function chunkOf(leaf: SchemaLeaf, entries: Float64Array, at: number): ColumnChunk {
  const dataOffset = entries[at + 4]!
  const dictionaryOffset = entries[at + 5]!
  const hasDictionary = !Number.isNaN(dictionaryOffset)
  return {
    leaf,
    encodings: [],
    codec: entries[at]! as Codec, // checked where a page is unpacked
    values: entries[at + 1]!,
    plainBytes: entries[at + 2]!,
    sizeBytes: entries[at + 3]!,
    offset: hasDictionary ? dictionaryOffset : dataOffset,
    dataOffset,
    hasDictionary,
  }
}

/** Whether the footer's row groups and column chunks lie where the manifest says that the chunks are. */
function isConsistent(
  groups: ReturnType<typeof readFooter>['groups'],
  leaves: number,
  chunks: readonly ChunkInfo[],
): boolean {
  if (groups.length !== chunks.length) return false
  return groups.every(({ rows, columns }, i) => {
    const [offset = 0, length = 0, records = 0] = chunks[i] ?? []
    if (rows !== records || columns.length !== leaves) return false
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
