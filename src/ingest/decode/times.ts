import { FLOW_FLAGS } from '../../flow/fields.ts'
import { fill } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import { intoF64, readUnsigned } from './numbers.ts'
import type { Clock, Source, TimesStep } from './plan.ts'
import type { Run } from './run.ts'

/** Seconds from 1900, where NTP counts from, to 1970. */
const NTP_EPOCH = 2_208_988_800

/** Milliseconds of the 32 bits of sysUptime. */
const WRAP_MS = 0x1_0000_0000

const DAY_MS = 86_400_000

/** 2036-02-07T06:28:16Z, where the 32 bits of NTP seconds start again. */
const NTP_ERA_1_MS = (0x1_0000_0000 - NTP_EPOCH) * 1000

/**
 * An NTP timestamp of 64 bits in milliseconds since 1970, rounded down; `micro` ignores the 11 low bits (RFC 7011 section 6.1.9).
 * Of a message exported after 2036, seconds with the high bit clear belong to the second era (section 5.2).
 */
export function ntpMs(view: DataView, at: number, micro: boolean, exportMs = 0): number {
  const fraction = micro ? view.getUint32(at + 4) & 0xfffff800 : view.getUint32(at + 4)
  const seconds = view.getUint32(at)
  const era = exportMs >= NTP_ERA_1_MS && seconds < 0x8000_0000 ? 0x1_0000_0000 : 0
  return (seconds + era - NTP_EPOCH) * 1000 + Math.floor(((fraction >>> 0) * 1000) / 0x1_0000_0000)
}

/** Fills `start` and `end` of the rows of a run, with the flags that go with them. */
export function writeTimes(rows: FlowRows, run: Run, step: TimesStep): void {
  const started = writeClock(rows.start, run, step.start, step.systemInit)
  const ended = writeClock(rows.end, run, step.end, step.systemInit)
  if (!started && !ended) writeUnknown(rows, run, step)
  else if (!started || !ended) copyOne(rows, run, started)
  checkTimes(rows, run, started || ended ? latestOf(run, step) : Number.POSITIVE_INFINITY)
}

/** The last millisecond a time may have: headers tell whole seconds, so that only v9 uptimes, which are relative to it, are held to the millisecond. */
function latestOf({ version, exportMs }: Run, { start, end }: TimesStep): number {
  return version === 9 && (start ?? end)?.type === 'uptime' ? exportMs : exportMs + 999
}

/** Neither time: the time of the observation when the record has one, else the export time; flagged either way. */
function writeUnknown(rows: FlowRows, run: Run, { observation, systemInit }: TimesStep): void {
  const { row, count } = run
  if (!writeClock(rows.start, run, observation, systemInit)) fill(rows.start, run.exportMs, row, row + count)
  rows.end.set(rows.start.subarray(row, row + count), row)
  addFlag(rows, run, FLOW_FLAGS.timesUnknown)
}

function copyOne(rows: FlowRows, run: Run, started: boolean): void {
  const { row, count } = run
  const [from, to] = started ? [rows.start, rows.end] : [rows.end, rows.start]
  to.set(from.subarray(row, row + count), row)
  addFlag(rows, run, FLOW_FLAGS.oneTimeCopied)
}

/** Notes what is odd about the times as exported. A time that no 53-bit integer holds counts as absent. */
function checkTimes({ start, end, flags }: FlowRows, { row, count, exportMs }: Run, latestMs: number): void {
  for (let i = row; i < row + count; i++) {
    if (!Number.isSafeInteger(start[i]!) || !Number.isSafeInteger(end[i]!)) mendUnsafe(start, end, flags, i, exportMs)
    if (end[i]! < start[i]!) flags[i]! |= FLOW_FLAGS.endBeforeStart
    if (start[i]! > latestMs || end[i]! > latestMs) flags[i]! |= FLOW_FLAGS.timeAfterExport
  }
}

function mendUnsafe(start: Float64Array, end: Float64Array, flags: Uint32Array, row: number, exportMs: number): void {
  const [hasStart, hasEnd] = [Number.isSafeInteger(start[row]), Number.isSafeInteger(end[row])]
  if (!hasStart) start[row] = hasEnd ? end[row]! : exportMs
  if (!hasEnd) end[row] = start[row]!
  flags[row]! |= hasStart || hasEnd ? FLOW_FLAGS.oneTimeCopied : FLOW_FLAGS.timesUnknown
}

function addFlag({ flags }: FlowRows, { row, count }: Run, flag: number): void {
  for (let i = row; i < row + count; i++) flags[i]! |= flag
}

/** Fills one time column; false when the records have no such time. */
function writeClock(values: Float64Array, run: Run, clock: Clock | undefined, systemInit: Source | undefined): boolean {
  if (!clock || run.lengthOf(clock.source) === 0) return false
  const { type, source } = clock
  const length = run.lengthOf(source)
  const { view, row, count, stride } = run
  let at = run.offsetOf(source)
  switch (type) {
    case 'uptime':
      return writeUptime(values, run, source, systemInit)
    case 'microseconds':
    case 'nanoseconds':
      if (length !== 8) return false
      for (let i = row; i < row + count; i++, at += stride) {
        values[i] = ntpMs(view, at, type === 'microseconds', run.exportMs)
      }
      return true
    case 'seconds':
      intoF64(values, run, source)
      for (let i = row; i < row + count; i++) values[i]! *= 1000
      return true
    case 'milliseconds':
      intoF64(values, run, source)
      return true
    case 'before-export':
      intoF64(values, run, source)
      for (let i = row; i < row + count; i++) values[i] = run.exportMs - Math.ceil(values[i]! / 1000)
      return true
  }
}

/**
 * Milliseconds of sysUptime. v9: header time less the signed 32-bit difference to the header's sysUptime, so that a wrap does not matter.
 * IPFIX: counted from systemInitTimeMilliseconds, of the record or announced in options; unknown without it.
 */
function writeUptime(values: Float64Array, run: Run, source: Source, systemInit: Source | undefined): boolean {
  const { bytes, row, count, stride, exportMs, sysUptime } = run
  if (run.version === 9) {
    intoF64(values, run, source)
    for (let i = row; i < row + count; i++) values[i] = exportMs - ((sysUptime - values[i]!) | 0)
    return true
  }
  let initAt = systemInit ? run.offsetOf(systemInit) : 0
  const initLength = systemInit ? run.lengthOf(systemInit) : 0
  if (initLength === 0 && run.systemInitMs === undefined) return false
  intoF64(values, run, source)
  for (let i = row; i < row + count; i++, initAt += stride) {
    const initMs = initLength > 0 ? readUnsigned(bytes, initAt, initLength) : run.systemInitMs!
    values[i] = unwrapUptime(initMs + values[i]!, exportMs)
  }
  return true
}

/** Adds the wraps of a 32-bit uptime when that brings the time to within a day of the export; else it stays as exported. */
function unwrapUptime(ms: number, exportMs: number): number {
  const wraps = Math.round((exportMs - ms) / WRAP_MS)
  if (wraps < 1) return ms
  const unwrapped = ms + wraps * WRAP_MS
  return Math.abs(exportMs - unwrapped) < DAY_MS ? unwrapped : ms
}
