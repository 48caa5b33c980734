import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { ChunkInfo } from '../manifest/actions.ts'
import type { Codec, ColumnChunk, SchemaLeaf } from './metadata.ts'
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
  /** Numbers of the leaves asked for. */
  indexesOf(leaves: readonly SchemaLeaf[]): readonly number[]
  /** Whose memory is used when it has room. */
  readonly kernels?: KernelInstance | undefined
}

/** Doubles of an entry of `footerGroups`: of a row group before its column chunks, and of each of those; and of what it is told of a row group. */
const GROUP_VALUES = 1
const CHUNK_VALUES = 6
const RANGE_VALUES = 3

/** A schema as bytes, and what they say. */
interface KnownSchema {
  readonly bytes: Uint8Array
  readonly leaves: readonly SchemaLeaf[]
}

/** The schema of a footer that was read before in this thread: blocks of a dataset have the same. */
let known: KnownSchema | undefined

/**
 * What a footer says; undefined when its row groups are not where the manifest says. Those with the schema of one before are read by a kernel, the others as `parseAnyFooter` does, whose result is the same. Throws
 * StorageError `corrupt`.
 */
export function parseFooter(bytes: Uint8Array, options: FooterOptions): ParquetFooter | undefined {
  const { chunks, kernels } = options
  const entry = GROUP_VALUES + (known?.leaves.length ?? 0) * CHUNK_VALUES
  const room = (entry + RANGE_VALUES) * chunks.length * 8
  const instance = borrowKernels(bytes.length + room + 256, kernels)
  try {
    return parseKnown(bytes, options, instance) ?? parseAnyFooter(bytes, options)
  } finally {
    returnKernels(instance)
  }
}

/** `parseFooter` for any schema. */
export function parseAnyFooter(
  bytes: Uint8Array,
  { chunks, indexesOf }: Omit<FooterOptions, 'kernels'>,
): ParquetFooter | undefined {
  const { leaves, groups } = readFooter(bytes)
  if (!isConsistent(groups, leaves.length, chunks)) return undefined
  const indexes = indexesOf(leaves)
  return { leaves, groups: groups.map(({ rows, columns }) => ({ rows, chunks: indexes.map((i) => columns[i]!) })) }
}

/** What a footer says, read by a kernel when its schema is known, as it is afterwards; undefined when the kernel finds something that is not as expected. */
function parseKnown(
  bytes: Uint8Array,
  { chunks, indexesOf }: FooterOptions,
  { memory, kernels }: KernelInstance,
): ParquetFooter | undefined {
  const columns = known?.leaves.length ?? 0
  const at = memory.allocate(bytes.length)
  memory.bytes(at, bytes.length).set(bytes)
  const schema = memory.make(Uint32Array, 2)
  const ranges = memory.make(Float64Array, RANGE_VALUES * chunks.length)
  for (const [i, [offset, length, rows]] of chunks.entries()) {
    ranges[i * RANGE_VALUES] = offset
    ranges[i * RANGE_VALUES + 1] = length
    ranges[i * RANGE_VALUES + 2] = rows
  }
  const entries = memory.make(Float64Array, (GROUP_VALUES + columns * CHUNK_VALUES) * chunks.length)
  const places = [entries.byteOffset, schema.byteOffset, ranges.byteOffset] as const
  const count = kernels.footerGroups(at, at + bytes.length, columns, chunks.length, ...places)
  const [from = 0, to = 0] = schema
  const read = bytes.subarray(from - at, to - at)
  if (!known || Buffer.compare(read, known.bytes) !== 0) {
    known = from === 0 ? undefined : { bytes: read.slice(), leaves: readFooter(bytes).leaves }
    return undefined
  }
  if (count !== chunks.length) return undefined
  return { leaves: known.leaves, groups: groupsOf(entries, count, known.leaves, indexesOf(known.leaves)) }
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
