import { writeAddress, writeMask } from './addresses.ts'
import { clearExtra, writeExtra } from './extras.ts'
import type { FlowRows } from './flow-rows.ts'
import { intoF64, intoU8, intoU16, intoU32 } from './numbers.ts'
import type { Origin } from './origin.ts'
import type { FlowPlan, Source, Step } from './plan.ts'
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

/** Writes all columns of the rows of a run. */
export function writeRun(rows: FlowRows, run: Run, plan: FlowPlan, origin: Origin): void {
  const from = run.row
  const to = from + run.count
  fillOrigin(rows, from, to, origin)
  rows.flags.fill(plan.flags | run.flags, from, to)
  for (const column of plan.absentExtras) {
    const extra = rows.extras[column]
    if (extra) clearExtra(extra, from, to)
  }
  const { steps } = plan
  for (let i = 0; i < steps.length; i++) writeStep(rows, run, steps[i]!)
}

function writeStep(rows: FlowRows, run: Run, step: Step): void {
  const { row } = run
  const to = row + run.count
  switch (step.type) {
    case 'u8':
      intoU8(rows.u8[step.slot], rows.flags, run, step.source)
      break
    case 'u16':
      intoU16(rows.u16[step.slot], rows.flags, run, step.source)
      break
    case 'u32':
      intoU32(rows.u32[step.slot], rows.flags, run, step.source)
      break
    case 'bytes':
      intoF64(rows.bytes, run, step.source)
      break
    case 'packets':
      intoF64(rows.packets, run, step.source)
      break
    case 'address':
      writeAddress(rows.address[step.slot], run, step)
      break
    case 'mask':
      writeMask(rows, run, step)
      break
    case 'times':
      writeTimes(rows, run, step)
      break
    case 'sampling':
      writeSampling(rows, run, step)
      break
    case 'extra':
      writeExtras(rows, run, step)
      break
    case 'absent-u8':
      rows.u8[step.slot].fill(step.value, row, to)
      break
    case 'absent-u16':
      rows.u16[step.slot].fill(0, row, to)
      break
    case 'absent-u32':
      rows.u32[step.slot].fill(0, row, to)
      break
    case 'absent-bytes':
      rows.bytes.fill(0, row, to)
      break
    case 'absent-packets':
      rows.packets.fill(0, row, to)
      break
  }
}

function writeExtras(rows: FlowRows, run: Run, { index, kind, source }: Extract<Step, { type: 'extra' }>): void {
  const column = rows.extras[index]
  if (!column) return
  const length = run.lengthOf(source)
  for (let i = 0, at = run.offsetOf(source); i < run.count; i++, at += run.stride) {
    writeExtra(column, kind, run.row + i, run, at, length, run.valueBytes)
  }
}
