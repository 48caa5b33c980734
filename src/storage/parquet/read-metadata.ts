import { StorageError } from '../errors.ts'
import type { Codec, ColumnChunk, PageHeader, Physical, RowGroup, SchemaLeaf } from './metadata.ts'
import { PAGE } from './metadata.ts'
import { ThriftReader } from './thrift.ts'

/** The opposite of metadata.ts: every field is found by its number in parquet.thrift, and what a reader of flow blocks has no use for, such as statistics, is stepped over. */

const NAMES = new TextDecoder()

/** A number that no field holds: it has not been read. */
const ABSENT = Number.NaN

/** The header of a page as it is read. */
export interface ReadPage extends PageHeader {
  /** Bytes of levels in front of the values of a data page V2, which are never packed; 0 in other pages, whose levels are packed with the values. */
  readonly levelBytes: number
  /** False where the values of a data page V2 are not packed, whatever the codec of the chunk. */
  readonly isPacked: boolean
}

/** Reads the page header at `offset`; `next` is where the packed bytes start. Throws StorageError `corrupt` when a part is missing or has another type. */
export function readPageHeader(bytes: Uint8Array, offset: number): { page: ReadPage; next: number } {
  const reader = new ThriftReader(bytes, offset)
  const outer = reader.enter()
  let type = ABSENT
  let plainBytes = ABSENT
  let packedBytes = ABSENT
  let crc32 = ABSENT
  let data: PageValues | undefined
  let dictionary: PageValues | undefined
  let dataV2: PageValues | undefined
  while (reader.next()) {
    if (reader.id === 1) type = reader.integer()
    else if (reader.id === 2) plainBytes = reader.integer()
    else if (reader.id === 3) packedBytes = reader.integer()
    else if (reader.id === 4) crc32 = reader.integer()
    else if (reader.id === 5) data = readPageValues(reader)
    else if (reader.id === 7) dictionary = readPageValues(reader)
    else if (reader.id === 8) dataV2 = readPageV2(reader)
    else reader.skip()
  }
  reader.leave(outer)
  const inner = type === PAGE.DICTIONARY ? dictionary : type === PAGE.DATA_V2 ? dataV2 : data
  if (!inner || Number.isNaN(type + plainBytes + packedBytes + crc32)) throw missing('a whole page header')
  return { page: { type, plainBytes, packedBytes, crc32: crc32 >>> 0, ...inner }, next: reader.at }
}

type PageValues = Pick<ReadPage, 'values' | 'encoding' | 'levelBytes' | 'isPacked'>

function readPageValues(reader: ThriftReader): PageValues {
  const outer = reader.enter()
  let values = ABSENT
  let encoding = ABSENT
  while (reader.next()) {
    if (reader.id === 1) values = reader.integer()
    else if (reader.id === 2) encoding = reader.integer()
    else reader.skip()
  }
  reader.leave(outer)
  if (Number.isNaN(values + encoding)) throw missing('values and encoding of a page')
  return { values, encoding, levelBytes: 0, isPacked: true }
}

/** The values of a data page V2, and how its bytes are divided. */
function readPageV2(reader: ThriftReader): PageValues {
  const outer = reader.enter()
  let values = ABSENT
  let encoding = ABSENT
  let definitionBytes = ABSENT
  let repetitionBytes = ABSENT
  let isPacked = true
  while (reader.next()) {
    if (reader.id === 1) values = reader.integer()
    else if (reader.id === 4) encoding = reader.integer()
    else if (reader.id === 5) definitionBytes = reader.integer()
    else if (reader.id === 6) repetitionBytes = reader.integer()
    else if (reader.id === 7) isPacked = reader.boolean()
    else reader.skip()
  }
  reader.leave(outer)
  const levelBytes = definitionBytes + repetitionBytes
  if (Number.isNaN(values + encoding + levelBytes)) throw missing('a whole header of a data page V2')
  return { values, encoding, levelBytes, isPacked }
}

/** Reads a footer written by `writeFooter`. Throws StorageError `corrupt` when a part is missing or has another type. */
export function readFooter(bytes: Uint8Array): { leaves: SchemaLeaf[]; groups: RowGroup[] } {
  const reader = new ThriftReader(bytes)
  const leaves: SchemaLeaf[] = []
  const groups: RowGroup[] = []
  let hasGroups = false
  const outer = reader.enter()
  while (reader.next()) {
    if (reader.id === 2) {
      const count = reader.structs()
      for (let i = 0; i < count; i++) {
        if (i === 0) reader.skip()
        else leaves.push(readLeaf(reader))
      }
    } else if (reader.id === 4) {
      hasGroups = true
      const count = reader.structs()
      for (let i = 0; i < count; i++) groups.push(readGroup(reader, leaves))
    } else reader.skip()
  }
  reader.leave(outer)
  if (leaves.length === 0 || !hasGroups) throw missing('schema and row groups')
  return { leaves, groups }
}

function readLeaf(reader: ThriftReader): SchemaLeaf {
  const outer = reader.enter()
  let name: string | undefined
  let physical = ABSENT
  let repetition = ABSENT
  const rest: { width?: number; converted?: number } = {}
  while (reader.next()) {
    if (reader.id === 1) physical = reader.integer()
    else if (reader.id === 2) rest.width = reader.integer()
    else if (reader.id === 3) repetition = reader.integer()
    else if (reader.id === 4) name = NAMES.decode(reader.binary())
    else if (reader.id === 6) rest.converted = reader.integer()
    else reader.skip()
  }
  reader.leave(outer)
  if (name === undefined || Number.isNaN(physical + repetition)) throw missing('a whole schema element')
  return { name, physical: physical as Physical, ...rest, optional: repetition === 1 } // an unknown type matches no leaf that is asked for
}

function readGroup(reader: ThriftReader, leaves: readonly SchemaLeaf[]): RowGroup {
  const outer = reader.enter()
  const columns: ColumnChunk[] = []
  let rows = ABSENT
  while (reader.next()) {
    if (reader.id === 1) {
      const count = reader.structs()
      for (let i = 0; i < count; i++) columns.push(readChunk(reader, leaves[i]))
    } else if (reader.id === 3) rows = reader.integer()
    else reader.skip()
  }
  reader.leave(outer)
  if (Number.isNaN(rows)) throw missing('rows of a row group')
  return { rows, columns }
}

/** Of a column chunk the metadata alone, field 3. */
function readChunk(reader: ThriftReader, leaf: SchemaLeaf | undefined): ColumnChunk {
  if (!leaf) throw missing('schema element')
  const outer = reader.enter()
  let chunk: ColumnChunk | undefined
  while (reader.next()) {
    if (reader.id === 3) chunk = readColumn(reader, leaf)
    else reader.skip()
  }
  reader.leave(outer)
  if (!chunk) throw missing('metadata of a column chunk')
  return chunk
}

function readColumn(reader: ThriftReader, leaf: SchemaLeaf): ColumnChunk {
  const outer = reader.enter()
  let codec = ABSENT
  let values = ABSENT
  let plainBytes = ABSENT
  let sizeBytes = ABSENT
  let dataOffset = ABSENT
  let dictionaryOffset = ABSENT
  while (reader.next()) {
    if (reader.id === 4) codec = reader.integer()
    else if (reader.id === 5) values = reader.integer()
    else if (reader.id === 6) plainBytes = reader.integer()
    else if (reader.id === 7) sizeBytes = reader.integer()
    else if (reader.id === 9) dataOffset = reader.integer()
    else if (reader.id === 11) dictionaryOffset = reader.integer()
    else reader.skip()
  }
  reader.leave(outer)
  if (Number.isNaN(codec + values + plainBytes + sizeBytes + dataOffset)) throw missing('a whole column chunk')
  const hasDictionary = !Number.isNaN(dictionaryOffset)
  const offset = hasDictionary ? dictionaryOffset : dataOffset
  // The codec is checked where a page is unpacked.
  return {
    leaf,
    encodings: [],
    codec: codec as Codec,
    values,
    plainBytes,
    sizeBytes,
    offset,
    dataOffset,
    hasDictionary,
  }
}

const missing = (what: string): StorageError =>
  new StorageError('corrupt', `parquet: metadata expected ${what}, got none`)
