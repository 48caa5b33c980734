/**
 * A program that walks Avro rows and picks out the wanted fields: a list of operations, each a code and its operands. `storage/avro/program.ts` compiles it from the
 * writer's schema; a kernel, code compiled from it, and a TypeScript twin carry it out.
 */
export const OP = {
  /** End of the row (of the top level), or return from a called program. */
  end: 0,
  /** n, wanted, (skip, slot) * wanted: walks n varints, of which some are stored as numbers, each after so many that are skipped; beyond 2^53 they are rounded, and lie outside the range of every number column. */
  varints: 1,
  /** Skips a varint length and that many bytes. */
  skipBytes: 2,
  /** n: skips n bytes. */
  skipFixed: 3,
  /** slot: stores where a varint begins. */
  wideInt: 5,
  /** slot: stores where bytes begin, and their length. */
  bytes: 6,
  /** slot, n: stores where n bytes begin. */
  fixed: 7,
  /** slot: stores 0 or 1. */
  boolean: 8,
  /** slot: stores that the row has no value. */
  absent: 9,
  /** n, target * n: goes on at the target of the branch that the row has. */
  union: 10,
  /** target: goes on there. */
  jump: 11,
  /** target: runs the program there, then goes on. */
  call: 12,
  /** target, item size: skips an array; the program at target skips one item, all of them `item size` bytes long unless that is -1. */
  skipArray: 13,
  /** The branch of a union that no wanted column can hold. */
  refuse: 14,
} as const

/** What went wrong, as the negative result of `decodeRows`. */
export const FAULT = {
  /** Bytes end before the row does. */
  end: -1,
  /** A varint of more than 64 bits. */
  varint: -2,
  /** A length below 0 or past the end. */
  length: -3,
  /** A boolean that is neither 0 nor 1. */
  boolean: -4,
  /** A union branch that does not exist. */
  branch: -5,
  /** A union branch that the wanted column cannot hold. */
  refused: -6,
  /** Values nested deeper than 200 levels. */
  depth: -7,
  /** A value outside the range of its column; told by the kernel alone, which stores columns. */
  value: -8,
} as const

/** What `decodeRows` fills: for slot `s` and row `i` the entry `s * stride + i`. */
export interface RowSlots {
  readonly stride: number
  readonly numbers: Float64Array
  /** Where a value begins in the bytes. */
  readonly positions: Int32Array
  readonly lengths: Int32Array
  /** Set to 1 by the caller, 0 where the row has no value. */
  readonly present: Uint8Array
}

/** How the kernel stores a slot, and the words of what it is told about each. */
export const TARGET = { words: 8, place: 0, address: 1, u8: 2, u16: 3, u32: 4 } as const

/** Where the kernel stores a slot, addresses relative to a place of the caller's: a column, or where the twin has entries, numbers or positions and lengths. */
export interface SlotTarget {
  /** `TARGET.place` for doubles, or for positions. */
  readonly kind: number
  readonly at: number
  /** Lengths, where positions are stored. */
  readonly familyAt: number
  readonly v6At: number
  /** What numbers may be. */
  readonly least: bigint
  readonly most: bigint
}

/** Tells the kernel about a slot. */
export function writeTarget(buffer: ArrayBufferLike, to: number, target: SlotTarget, base: number): void {
  const { kind, at, familyAt, v6At, least, most } = target
  new Uint32Array(buffer, to, 4).set([kind, base + at, base + familyAt, base + v6At])
  new BigInt64Array(buffer, to + 16, 2).set([least, most - least])
}

/** Zero bytes that the kernel needs behind the rows. */
export const ROW_SLACK = 64
