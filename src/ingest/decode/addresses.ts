import type { AddressColumn } from '../../flow/column.ts'
import { fill, zeroV6 } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import { intoU8, readUnsigned } from './numbers.ts'
import type { AddressStep, MaskStep, Source } from './plan.ts'
import type { Run } from './run.ts'

/** Fills an address column of a run: absent, IPv4, IPv6, or the one of the two that the record means. */
export function writeAddress(column: AddressColumn, run: Run, { v4, v6, version }: AddressStep): void {
  const from4 = v4 && run.lengthOf(v4) === 4 ? v4 : undefined
  const from6 = v6 && run.lengthOf(v6) === 16 ? v6 : undefined
  if (from4 && from6) writeEither(column, run, from4, from6, version)
  else if (from4) writeV4(column, run, from4)
  else if (from6) writeV6(column, run, from6)
  else writeNone(column, run)
}

function writeNone(column: AddressColumn, { row, count }: Run): void {
  zeroV6(column, row, row + count)
  fill(column.family, 0, row, row + count)
  fill(column.v4, 0, row, row + count)
}

function writeV4(column: AddressColumn, run: Run, source: Source): void {
  const { v4 } = column
  const { view, stride, row, count } = run
  zeroV6(column, row, row + count)
  fill(column.family, 4, row, row + count)
  for (let i = row, at = run.offsetOf(source); i < row + count; i++, at += stride) v4[i] = view.getUint32(at)
}

function writeV6({ family, v4, v6 }: AddressColumn, run: Run, source: Source): void {
  const { bytes, stride, row, count } = run
  fill(family, 6, row, row + count)
  fill(v4, 0, row, row + count)
  for (let i = row, at = run.offsetOf(source); i < row + count; i++, at += stride) {
    for (let k = 0; k < 16; k++) v6[i * 16 + k] = bytes[at + k]!
  }
}

/** Both families in one record: ipVersion (60) decides; without it IPv4, unless that is 0.0.0.0 and the IPv6 address is not ::. */
function writeEither(
  { family, v4, v6 }: AddressColumn,
  run: Run,
  from4: Source,
  from6: Source,
  version?: Source,
): void {
  const { bytes, view, stride, row, count } = run
  let at4 = run.offsetOf(from4)
  let at6 = run.offsetOf(from6)
  let atVersion = version ? run.offsetOf(version) : 0
  const versionLength = version ? run.lengthOf(version) : 0
  for (let i = row; i < row + count; i++, at4 += stride, at6 += stride, atVersion += stride) {
    const said = readUnsigned(bytes, atVersion, versionLength)
    const six = said === 6 || (said !== 4 && view.getUint32(at4) === 0 && !isZero16(view, at6))
    family[i] = six ? 6 : 4
    v4[i] = six ? 0 : view.getUint32(at4)
    if (six) for (let k = 0; k < 16; k++) v6[i * 16 + k] = bytes[at6 + k]!
    else v6.fill(0, i * 16, i * 16 + 16)
  }
}

const isZero16 = (view: DataView, at: number): boolean =>
  (view.getUint32(at) | view.getUint32(at + 4) | view.getUint32(at + 8) | view.getUint32(at + 12)) === 0

/** Fills a prefix length: that of the family the address has, else the other. */
export function writeMask(rows: FlowRows, run: Run, { slot, address, v4, v6 }: MaskStep): void {
  const values = rows.u8[slot]
  const from4 = v4 && run.lengthOf(v4) > 0 ? v4 : undefined
  const from6 = v6 && run.lengthOf(v6) > 0 ? v6 : undefined
  const only = from4 ?? from6
  if (!only) fill(values, 0, run.row, run.row + run.count)
  else intoU8(values, rows.flags, run, only)
  if (from4 && from6) overwriteV6Masks(values, rows.address[address].family, run, from6)
}

function overwriteV6Masks(values: Uint8Array, family: Uint8Array, run: Run, source: Source): void {
  const { bytes, stride, row, count } = run
  for (let i = row, last = run.offsetOf(source) + run.lengthOf(source) - 1; i < row + count; i++, last += stride) {
    if (family[i] === 6) values[i] = bytes[last]!
  }
}
