import { ThriftWriter } from './thrift.ts'

/** The structs of parquet.thrift (apache/parquet-format) that flow blocks use, with the specification's numbers. */
export const PHYSICAL = { INT32: 1, INT64: 2, BYTE_ARRAY: 6, FIXED_LEN_BYTE_ARRAY: 7 } as const
export type Physical = (typeof PHYSICAL)[keyof typeof PHYSICAL]

export const CONVERTED = { UTF8: 0, TIMESTAMP_MILLIS: 9, UINT_8: 11, UINT_16: 12, UINT_32: 13 } as const
export const ENCODING = { PLAIN: 0, RLE: 3, DELTA_BINARY_PACKED: 5, RLE_DICTIONARY: 8 } as const
export type Encoding = (typeof ENCODING)[keyof typeof ENCODING]
export const CODEC = { UNCOMPRESSED: 0, SNAPPY: 1 } as const
export type Codec = (typeof CODEC)[keyof typeof CODEC]
export const PAGE = { DATA: 0, DICTIONARY: 2, DATA_V2: 3 } as const

/** A leaf of the file's schema. */
export interface SchemaLeaf {
  readonly name: string
  readonly physical: Physical
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly width?: number
  readonly converted?: number
  readonly optional: boolean
}

export interface ColumnChunk {
  readonly leaf: SchemaLeaf
  readonly encodings: readonly Encoding[]
  readonly codec: Codec
  readonly values: number
  readonly plainBytes: number
  readonly sizeBytes: number
  /** Byte position of the first page: the dictionary's, when there is one. */
  readonly offset: number
  readonly dataOffset: number
  readonly hasDictionary: boolean
  readonly min?: Uint8Array
  readonly max?: Uint8Array
}

export interface RowGroup {
  readonly rows: number
  readonly columns: readonly ColumnChunk[]
}

export interface PageHeader {
  readonly type: number
  readonly plainBytes: number
  readonly packedBytes: number
  /** CRC-32 of the packed bytes, unsigned. */
  readonly crc32: number
  readonly values: number
  readonly encoding: number
}

/** Serialises the file's footer, without the length and magic behind it. */
export function writeFooter(
  leaves: readonly SchemaLeaf[],
  groups: readonly RowGroup[],
  properties: { [key: string]: string },
): Uint8Array {
  const out = new ThriftWriter()
  out.i32(1, 1)
  out.structs(2, [undefined, ...leaves], (leaf) => (leaf ? writeLeaf(out, leaf) : writeRoot(out, leaves.length)))
  out.i64(
    3,
    groups.reduce((rows, group) => rows + group.rows, 0),
  )
  out.structs(4, groups, (group) => writeRowGroup(out, group))
  out.structs(5, Object.entries(properties), ([key, value]) => {
    out.binary(1, key)
    out.binary(2, value)
  })
  out.binary(6, 'flowreduce')
  // Statistics of every column are in the order that its type defines.
  out.structs(7, leaves, () => out.struct(1, () => undefined))
  out.stop()
  return out.bytes()
}

function writeRoot(out: ThriftWriter, children: number): void {
  out.binary(4, 'flow')
  out.i32(5, children)
}

function writeLeaf(out: ThriftWriter, leaf: SchemaLeaf): void {
  out.i32(1, leaf.physical)
  if (leaf.width !== undefined) out.i32(2, leaf.width)
  out.i32(3, leaf.optional ? 1 : 0)
  out.binary(4, leaf.name)
  if (leaf.converted === undefined) return
  out.i32(6, leaf.converted)
  out.struct(10, () => writeLogical(out, leaf.converted as number))
}

/** The logical type that says the same as the converted type, which newer readers prefer. */
function writeLogical(out: ThriftWriter, converted: number): void {
  if (converted === CONVERTED.UTF8) out.struct(1, () => undefined)
  else if (converted === CONVERTED.TIMESTAMP_MILLIS) {
    out.struct(8, () => {
      out.bool(1, true)
      out.struct(2, () => out.struct(1, () => undefined))
    })
  } else {
    out.struct(10, () => {
      out.byte(1, converted === CONVERTED.UINT_8 ? 8 : converted === CONVERTED.UINT_16 ? 16 : 32)
      out.bool(2, false)
    })
  }
}

function writeRowGroup(out: ThriftWriter, group: RowGroup): void {
  out.structs(1, group.columns, (column) => {
    out.i64(2, column.offset)
    out.struct(3, () => writeColumn(out, column))
  })
  out.i64(
    2,
    group.columns.reduce((sum, column) => sum + column.plainBytes, 0),
  )
  out.i64(3, group.rows)
  out.i64(5, group.columns[0]?.offset ?? 0)
  out.i64(
    6,
    group.columns.reduce((sum, column) => sum + column.sizeBytes, 0),
  )
}

function writeColumn(out: ThriftWriter, column: ColumnChunk): void {
  out.i32(1, column.leaf.physical)
  out.i32s(2, column.encodings)
  out.strings(3, [column.leaf.name])
  out.i32(4, column.codec)
  out.i64(5, column.values)
  out.i64(6, column.plainBytes)
  out.i64(7, column.sizeBytes)
  out.i64(9, column.dataOffset)
  if (column.hasDictionary) out.i64(11, column.offset)
  const { min, max } = column
  if (min && max) {
    out.struct(12, () => {
      out.i64(3, 0)
      out.binary(5, max)
      out.binary(6, min)
    })
  }
}

/** Field headers of Thrift's compact protocol: an i32 or a struct, so many ids behind the field before. */
const NEXT_I32 = 0x15
const STRUCT = 0x0c
/** Two structs of ten numbers of at most 5 bytes. */
export const MOST_HEADER_BYTES = 80

/** Serialises the header in front of a page's packed bytes. A block has thousands, so this is what `ThriftWriter` would make, without a call for each field. */
export function writePageHeader({ type, plainBytes, packedBytes, crc32, values, encoding }: PageHeader): Uint8Array {
  const bytes = new Uint8Array(MOST_HEADER_BYTES)
  let at = 0
  at = putI32(bytes, at, type)
  at = putI32(bytes, at, plainBytes)
  at = putI32(bytes, at, packedBytes)
  at = putI32(bytes, at, crc32 | 0)
  const id = type === PAGE.DICTIONARY ? 7 : 5
  bytes[at++] = ((id - 4) << 4) | STRUCT
  at = putI32(bytes, at, values)
  at = putI32(bytes, at, encoding)
  if (type !== PAGE.DICTIONARY) at = putI32(bytes, putI32(bytes, at, ENCODING.RLE), ENCODING.RLE)
  // Each struct ends with a zero.
  return bytes.subarray(0, at + 2)
}

/** Puts the field behind the one before, and returns its end. */
function putI32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at++] = NEXT_I32
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128
  bytes[at++] = rest
  return at
}
