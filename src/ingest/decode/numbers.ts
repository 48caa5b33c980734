import { FLOW_FLAGS } from '../../flow/fields.ts'

/** Unsigned big-endian integers of any length (reduced-size encoding, RFC 7011 section 6.2) into columns, `count` records `stride` octets apart. */

/** The octets of one field over the records of a run. */
export interface FieldRun {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Of the value in the first record. */
  readonly at: number
  readonly stride: number
  readonly length: number
  /** First row and number of rows. */
  readonly row: number
  readonly count: number
}

/** The integer at `at`; above 2^53 it is rounded, but never to a safe integer. */
export function readUnsigned(bytes: Uint8Array, at: number, length: number): number {
  let value = 0
  for (let i = at; i < at + length; i++) value = value * 256 + bytes[i]!
  return value
}

export function readBigUnsigned(bytes: Uint8Array, at: number, length: number): bigint {
  let value = 0n
  for (let i = at; i < at + length; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

export function intoU8(values: Uint8Array, flags: Uint32Array, run: FieldRun): void {
  const { bytes, at, stride, length, row, count } = run
  if (length !== 1) return intoCut(values, flags, run, 0xff)
  for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = bytes[from]!
}

export function intoU16(values: Uint16Array, flags: Uint32Array, run: FieldRun): void {
  const { bytes, view, at, stride, length, row, count } = run
  if (length === 2) for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = view.getUint16(from)
  else if (length === 1) for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = bytes[from]!
  else intoCut(values, flags, run, 0xffff)
}

export function intoU32(values: Uint32Array, flags: Uint32Array, run: FieldRun): void {
  const { view, at, stride, length, row, count } = run
  if (length === 4) for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = view.getUint32(from)
  else if (length === 2)
    for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = view.getUint16(from)
  else intoCut(values, flags, run, 0xffffffff)
}

/** Counters; the caller has set those above 2^53 - 1 apart (`firstWide`). */
export function intoU53(values: Float64Array, run: FieldRun): void {
  const { bytes, view, at, stride, length, row, count } = run
  if (length === 4) for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = view.getUint32(from)
  else if (length === 8)
    for (let i = 0, from = at; i < count; i++, from += stride)
      values[row + i] = view.getUint32(from) * 0x1_0000_0000 + view.getUint32(from + 4)
  else for (let i = 0, from = at; i < count; i++, from += stride) values[row + i] = readUnsigned(bytes, from, length)
}

/** Values of an unusual length; one that does not fit keeps its low bits and is flagged. */
function intoCut(
  values: Uint8Array | Uint16Array | Uint32Array,
  flags: Uint32Array,
  { bytes, at, stride, length, row, count }: FieldRun,
  max: number,
): void {
  const low = Math.min(length, 4)
  for (let i = 0, from = at; i < count; i++, from += stride) {
    values[row + i] = readUnsigned(bytes, from + length - low, low)
    if (readUnsigned(bytes, from, length) > max) flags[row + i]! |= FLOW_FLAGS.valueCut
  }
}

/** Whether the counter at `at` is above 2^53 - 1. */
export const isWide = (bytes: Uint8Array, at: number, length: number): boolean =>
  length > 6 && readUnsigned(bytes, at, length) > Number.MAX_SAFE_INTEGER
