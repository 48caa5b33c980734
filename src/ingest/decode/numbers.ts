import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { Source } from './plan.ts'
import type { Run } from './run.ts'

/** Unsigned big-endian integers of any length (reduced-size encoding, RFC 7011 section 6.2) into the rows of a run. */

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

export function intoU8(values: Uint8Array, flags: Uint32Array, run: Run, source: Source): void {
  const { bytes, stride, row, count } = run
  if (run.lengthOf(source) !== 1) {
    intoCut(values, flags, run, source, 0xff)
    return
  }
  for (let i = row, at = run.offsetOf(source); i < row + count; i++, at += stride) values[i] = bytes[at]!
}

export function intoU16(values: Uint16Array, flags: Uint32Array, run: Run, source: Source): void {
  const { bytes, stride, row, count } = run
  if (run.lengthOf(source) !== 2) {
    intoCut(values, flags, run, source, 0xffff)
    return
  }
  for (let i = row, at = run.offsetOf(source); i < row + count; i++, at += stride) {
    values[i] = (bytes[at]! << 8) | bytes[at + 1]!
  }
}

export function intoU32(values: Uint32Array, flags: Uint32Array, run: Run, source: Source): void {
  const { view, stride, row, count } = run
  let at = run.offsetOf(source)
  switch (run.lengthOf(source)) {
    case 4:
      for (let i = row; i < row + count; i++, at += stride) values[i] = view.getUint32(at)
      break
    case 2:
      for (let i = row; i < row + count; i++, at += stride) values[i] = view.getUint16(at)
      break
    default:
      intoCut(values, flags, run, source, 0xffffffff)
  }
}

/** Counters and times; the caller sees to those above 2^53 - 1. */
export function intoF64(values: Float64Array, run: Run, source: Source): void {
  const { bytes, view, stride, row, count } = run
  const length = run.lengthOf(source)
  let at = run.offsetOf(source)
  if (length === 4) for (let i = row; i < row + count; i++, at += stride) values[i] = view.getUint32(at)
  else if (length === 8)
    for (let i = row; i < row + count; i++, at += stride) {
      values[i] = view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4)
    }
  else for (let i = row; i < row + count; i++, at += stride) values[i] = readUnsigned(bytes, at, length)
}

/** Values of an unusual length; one that does not fit keeps its low bits and is flagged. */
function intoCut(
  values: Uint8Array | Uint16Array | Uint32Array,
  flags: Uint32Array,
  run: Run,
  source: Source,
  max: number,
): void {
  const { bytes, stride, row, count } = run
  const length = run.lengthOf(source)
  const low = Math.min(length, 4)
  for (let i = row, at = run.offsetOf(source); i < row + count; i++, at += stride) {
    values[i] = readUnsigned(bytes, at + length - low, low)
    if (readUnsigned(bytes, at, length) > max) flags[i]! |= FLOW_FLAGS.valueCut
  }
}

/** Whether the integer at `at` is above 2^53 - 1. */
export function isWide(bytes: Uint8Array, view: DataView, at: number, length: number): boolean {
  if (length === 8) return view.getUint32(at) > 0x1fffff
  return length > 6 && readUnsigned(bytes, at, length) > Number.MAX_SAFE_INTEGER
}
