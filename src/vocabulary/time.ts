import * as z from 'zod'
import { formatInstant as format, parseDuration, parseInstant } from '../flow/time.ts'
import type { ColumnTypeOf } from './column-type.ts'

/** A duration as a column (milliseconds) and as a parameter (`'5m'`, `'1h30m'`, or milliseconds). */
export type DurationType = z.ZodType<number, string | number> & ColumnTypeOf<'duration'>

/** An instant as a column (milliseconds since 1970-01-01T00:00:00Z) and as a parameter (ISO 8601, or milliseconds). */
export type InstantType = z.ZodType<number, string | number> & ColumnTypeOf<'instant'>

/** The type of durations; a parameter of this type must be above zero. */
export function duration(): DurationType {
  const schema = z.union([z.string(), z.number()]).transform((value, context) => {
    const ms = parsed(value, parseDuration)
    if (ms !== undefined && ms > 0) return ms
    context.addIssue({
      code: 'custom',
      message: `expected a duration above zero such as 5m, got ${JSON.stringify(value)}`,
    })
    return z.NEVER
  })
  return Object.assign(schema, { column: 'duration' as const })
}

/** The type of instants. */
export function instant(): InstantType
/** The instant written in ISO 8601; UTC where it names no zone. */
export function instant(text: string): number
export function instant(text?: string): InstantType | number {
  if (text !== undefined) return parseInstant(text)
  const schema = z.union([z.string(), z.number()]).transform((value, context) => {
    const ms = parsed(value, parseInstant)
    if (ms !== undefined) return ms
    context.addIssue({ code: 'custom', message: `expected an ISO 8601 time, got ${JSON.stringify(value)}` })
    return z.NEVER
  })
  return Object.assign(schema, { column: 'instant' as const })
}

/** Milliseconds of text or of a whole number; undefined when it is neither. */
function parsed(value: string | number, parse: (text: string) => number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  try {
    return parse(value)
  } catch {
    return undefined
  }
}

/** An instant as ISO 8601 in UTC with milliseconds. */
export function formatInstant(ms: number): string {
  return format(ms)
}

/** Milliseconds of a duration such as `5m` or `1h30m`. */
export function durationMs(text: string): number {
  return parseDuration(text)
}

/** The start of the UTC-aligned bin of `sizeMs` that an instant lies in. */
export function floorTime(ms: number, sizeMs: number): number {
  return Math.floor(ms / sizeMs) * sizeMs
}
