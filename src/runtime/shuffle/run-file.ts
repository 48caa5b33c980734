import type { ColumnSpec } from '../../flow/column.ts'
import type { Mark } from './marks.ts'

/**
 * The run file: what one map attempt leaves for the reduce tasks, one spill of a table, or the sorted rows of a reduce
 * task. Integers are little-endian.
 *
 *     "flowrun\n"  u32 version  u32 length of header  u32 CRC-32 of header  header: JSON `RunHeader`
 *     slices, one per partition, back to back; a slice is frames
 *       frame: u32 length  u32 CRC-32 of the records  records
 *         record: varint length of key, varint length of payload, key, payload; in order of key by memcmp
 *         of content `groups`, version 4: entries of a fold table, all of one length, in any order
 *     footer: JSON `RunFooter`  u32 length of footer  u32 CRC-32 of footer  "flowrun\n"
 *
 * A record never crosses frames, so a frame is checked before anything in it is used. A file of content `groups` has a section for each time that its table
 * was written out: `shares` slices of entries for each partition, by hash, and then a slice of records of content `aggregate` for each, of keys that are no entries. Where only the first rows of a result are wanted, there is a
 * sketch behind all sections: for each partition a slice of `counters` counters, doubles, for each of its shares, which keys share by hash and which have all that their keys have in the number by which the result is ordered, and then a slice of
 * entries that have much of it.
 */
export const RUN_FILE_MAGIC = new TextEncoder().encode('flowrun\n')
export const RUN_FILE_VERSION = 1
/** The version of files of content `groups`. Those before are read too: in version 2 every entry had a count, and no file has a sketch. */
export const GROUPS_VERSION = 4
/** Versions that are read. */
export const RUN_FILE_VERSIONS: readonly number[] = [RUN_FILE_VERSION, 2, 3, GROUPS_VERSION]
/** Counters of a sketch, at most, unless there are more slices. */
const MOST_COUNTERS = 1 << 12
/** Counters of each of so many slices of entries, a power of two. */
export const countersOf = (slices: number): number => 2 ** Math.floor(Math.log2(Math.max(1, MOST_COUNTERS / slices)))
/** Slices of entries that each of so many partitions has: the keys of a slice are so few that they are added up in fast caches, and the slices not so many that listing them takes time. */
export const sharesOf = (partitions: number): number => Math.max(1, Math.min(16, Math.floor(256 / partitions)))
/** Slices of a sketch of so many partitions. */
export const sketchSlices = (partitions: number): number => partitions + 1
/** Bytes before the JSON header. */
export const RUN_FILE_PREFIX = 20
/** Bytes after the JSON footer. */
export const RUN_FILE_SUFFIX = 16
/** Bytes before the records of a frame. */
export const FRAME_PREFIX = 8
/** A frame is closed before it would grow beyond this; a larger record has a frame of its own. */
export const FRAME_BYTES = 32 * 1024

export interface RunHeader {
  /** `aggregate`: payloads are states, keys are unique or have sub-keys; `groups`: entries of fold tables; `values`: keys hold the values too; `rows`: payloads are rows, or what their keys lack of them. */
  readonly content: 'aggregate' | 'groups' | 'values' | 'rows'
  /** What the keys start with. */
  readonly key: readonly ColumnSpec[]
  /** Values that follow the key, or the columns of the rows. */
  readonly value: readonly ColumnSpec[]
  readonly partitions: number
  /** Bytes of an entry of content `groups`, and the slices of them that each partition has. */
  readonly entryBytes?: number
  readonly shares?: number
  /** Counters of a share in the sketch behind the sections of content `groups`, if there is one. */
  readonly counters?: number
}

export interface RunFooter {
  readonly slices: readonly Slice[]
}

/** Where the records of one partition lie. */
export interface Slice {
  readonly offset: number
  readonly length: number
  readonly records: number
  /** CRC-32 of the prefixes of its frames, which hold the checksums of the rest. */
  readonly crc32: number
  /** Length of its largest frame, prefix included. */
  readonly maxFrame: number
  /** Of entries: no sum of theirs is above this, but for rounding. */
  readonly total?: number
  /** Of rows: places to begin at, in order. */
  readonly marks?: readonly Mark[]
  /** Of records beside entries: their keys may be among the entries too. */
  readonly overlaps?: boolean
}

/** A finished run file. */
export interface RunFile {
  readonly path: string
  readonly sizeBytes: number
  readonly records: number
  /** CRC-32 of the footer, which holds those of the slices. */
  readonly checksum: number
}
