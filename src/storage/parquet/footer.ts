import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { Codec, ColumnChunk, RowGroup, SchemaLeaf } from './metadata.ts'
import { readFooter } from './read-metadata.ts'

/** What a footer says of its block. */
export interface ParquetFooter {
  readonly leaves: readonly SchemaLeaf[]
  readonly groups: readonly RowGroup[]
}

/** Doubles of an entry of `footerGroups`: of a row group before its column chunks, and of each of those. */
const GROUP_VALUES = 1
const CHUNK_VALUES = 6

/** A schema as bytes, and what they say. */
interface KnownSchema {
  readonly bytes: Uint8Array
  readonly leaves: readonly SchemaLeaf[]
}

/** The schema of a footer that was read before in this thread: blocks of a dataset have the same. */
let known: KnownSchema | undefined

/**
 * Reads footers as `readFooter` does. Those with the schema of one before are read by a kernel, in memory of `kernels` when it has room; `groups` is how many row groups are expected, of which
 * a kernel reads no more. Throws StorageError `corrupt`.
 */
export function parseFooter(bytes: Uint8Array, groups: number, kernels?: KernelInstance): ParquetFooter {
  const room = (GROUP_VALUES + (known?.leaves.length ?? 0) * CHUNK_VALUES) * groups * 8
  const instance = borrowKernels(bytes.length + room + 256, kernels)
  try {
    return readKnown(bytes, groups, instance) ?? readFooter(bytes)
  } finally {
    returnKernels(instance)
  }
}

/** What a footer says, read by a kernel when its schema is known, as it is afterwards; undefined when the kernel finds something that is not as expected. */
function readKnown(bytes: Uint8Array, most: number, { memory, kernels }: KernelInstance): ParquetFooter | undefined {
  const columns = known?.leaves.length ?? 0
  const at = memory.allocate(bytes.length)
  memory.bytes(at, bytes.length).set(bytes)
  const schemaAt = memory.allocate(8)
  const values = (GROUP_VALUES + columns * CHUNK_VALUES) * most
  const entriesAt = memory.allocate(values * 8)
  const count = kernels.footerGroups(at, at + bytes.length, columns, most, entriesAt, schemaAt)
  const [from = 0, to = 0] = new Uint32Array(memory.memory.buffer, schemaAt, 2)
  const schema = bytes.subarray(from - at, to - at)
  if (!known || Buffer.compare(schema, known.bytes) !== 0) {
    const footer = readFooter(bytes)
    known = from === 0 ? undefined : { bytes: schema.slice(), leaves: footer.leaves }
    return footer
  }
  if (count < 0) return undefined
  return { leaves: known.leaves, groups: groupsOf(new Float64Array(memory.memory.buffer, entriesAt, values), count) }
}

function groupsOf(entries: Float64Array, count: number): RowGroup[] {
  const { leaves } = known!
  const groups: RowGroup[] = []
  for (let group = 0, at = 0; group < count; group++) {
    const rows = entries[at]!
    const columns: ColumnChunk[] = []
    at += GROUP_VALUES
    for (let i = 0; i < leaves.length; i++, at += CHUNK_VALUES) columns.push(chunkOf(leaves[i]!, entries, at))
    groups.push({ rows, columns })
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
