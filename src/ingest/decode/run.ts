import { writeAddress, writeMask } from './addresses.ts'
import { clearExtra, writeExtra } from './extras.ts'
import { fill } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import { intoF64, intoU8, intoU16, intoU32 } from './numbers.ts'
import type { Origin } from './origin.ts'
import type { FlowPlan, Source } from './plan.ts'
import { RecordLayout } from './record.ts'
import { writeSampling } from './record-sampling.ts'
import type { Samplers } from './samplers.ts'
import type { Sampling } from './sampling.ts'
import { fillOrigin } from './shared-columns.ts'
import { writeTimes } from './times.ts'

/**
 * A run: `count` records of one set, `stride` octets apart, that become the rows from `row`. Each step of a plan walks the run for itself,
 * so that a set costs one dispatch per field, not one per value. Records of varying length are runs of one record. One object per decoder, reused.
 */
export class Run {
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** First octet of the first record. */
  at = 0
  stride = 0
  row = 0
  count = 0
  version = 0
  exportMs = 0
  sysUptime = 0
  /** Announced in options of the domain (element 160). */
  systemInitMs: number | undefined
  /** Where values lie when the records vary in length. */
  readonly layout = new RecordLayout()
  variable = false
  /** Flags of all rows beside those of the plan. */
  flags = 0
  samplers: Samplers | undefined
  /** Configured for the exporter. */
  override: Sampling | undefined
  /** Octets kept of a value of varying length. */
  valueBytes = 0

  offsetOf({ field, offset }: Source): number {
    return this.variable ? this.layout.offsets[field]! : this.at + offset
  }

  lengthOf({ field, length }: Source): number {
    return this.variable ? this.layout.lengths[field]! : length
  }
}

/** Writes all columns of the rows of a run. Masks need the addresses, sampling needs the interfaces. */
export function writeRun(rows: FlowRows, run: Run, plan: FlowPlan, origin: Origin): void {
  const from = run.row
  const to = from + run.count
  fillOrigin(rows, from, to, origin)
  fill(rows.flags, plan.flags | run.flags, from, to)
  for (const { slot, source } of plan.u8) intoU8(rows.u8[slot], rows.flags, run, source)
  for (const { slot, source } of plan.u16) intoU16(rows.u16[slot], rows.flags, run, source)
  for (const { slot, source } of plan.u32) intoU32(rows.u32[slot], rows.flags, run, source)
  for (const { slot, value } of plan.absentU8) fill(rows.u8[slot], value, from, to)
  for (const { slot, value } of plan.absentU16) fill(rows.u16[slot], value, from, to)
  for (const { slot, value } of plan.absentU32) fill(rows.u32[slot], value, from, to)
  for (const step of plan.addresses) writeAddress(rows.address[step.slot], run, step)
  for (const step of plan.masks) writeMask(rows, run, step)
  if (plan.octets) intoF64(rows.bytes, run, plan.octets)
  else fill(rows.bytes, 0, from, to)
  if (plan.packets) intoF64(rows.packets, run, plan.packets)
  else fill(rows.packets, 0, from, to)
  writeTimes(rows, run, plan.times)
  writeSampling(rows, run, plan.sampling)
  writeExtras(rows, run, plan)
}

function writeExtras(rows: FlowRows, run: Run, { extras, absentExtras }: FlowPlan): void {
  for (const column of absentExtras) {
    const extra = rows.extras[column]
    if (extra) clearExtra(extra, run.row, run.row + run.count)
  }
  for (const { index, kind, source } of extras) {
    const column = rows.extras[index]
    if (!column) continue
    const length = run.lengthOf(source)
    for (let i = 0, at = run.offsetOf(source); i < run.count; i++, at += run.stride) {
      writeExtra(column, kind, run.row + i, run, at, length, run.valueBytes)
    }
  }
}
