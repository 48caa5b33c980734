import { FlowError } from './errors.ts'

const INSTANT =
  /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/i

/** Largest distance from 1970 that a date can have, in milliseconds (ECMA-262). */
export const MAX_INSTANT = 8.64e15

/**
 * Reads an ISO 8601 date or date and time as milliseconds since 1970-01-01T00:00:00Z: `2026-11-21`, `2026-11-21T08:30`, `2026-11-21T08:30:15.250+01:00`.
 * UTC where no zone is given; digits below the millisecond are cut. Throws `bad-time`.
 */
export function parseInstant(text: string): number {
  const match = INSTANT.exec(text)
  const ms = match ? instantOf(match) : undefined
  if (ms === undefined) {
    throw new FlowError('bad-time', `flow: time expected ISO 8601 such as 2026-01-31T08:30:00Z, got ${quote(text)}`, {
      text,
    })
  }
  return ms
}

function instantOf(match: RegExpExecArray): number | undefined {
  const field = (i: number): number => Number(match[i] ?? 0)
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (hour > 23 || minute > 59 || second > 59 || field(10) > 23 || field(11) > 59) return undefined
  const offset = (field(10) * 60 + field(11)) * (match[9] === '-' ? -1 : 1)
  const fraction = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction
}

/** ISO 8601 in UTC with milliseconds: `2026-11-21T08:30:15.250Z`. Throws `bad-time` beyond the years that ISO 8601 can write. */
export function formatInstant(ms: number): string {
  if (!Number.isInteger(ms) || Math.abs(ms) > MAX_INSTANT) {
    throw new FlowError('bad-time', `flow: time expected whole milliseconds within 8.64e15 of 1970, got ${ms}`, { ms })
  }
  return new Date(ms).toISOString()
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/** Reads a duration as milliseconds: a number with `ms`, `s`, `m`, `h`, `d` or `w`, also several in a row (`1h30m`). Throws `bad-duration`. */
export function parseDuration(text: string): number {
  let ms = 0
  if (DURATION.test(text)) {
    for (const [, amount, unit] of text.matchAll(DURATION_PART))
      ms += Number(amount) * UNITS[unit as keyof typeof UNITS]
    const whole = Math.round(ms)
    if (Math.abs(ms - whole) < 1e-6 && Number.isSafeInteger(whole)) return whole
  }
  throw new FlowError('bad-duration', `flow: duration expected a number with ms, s, m, h, d or w, got ${quote(text)}`, {
    text,
  })
}

/** A duration in the largest unit that leaves a whole number: `90s`, `5m`, `0s`. Takes whole milliseconds, not negative. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  for (const unit of ['w', 'd', 'h', 'm', 's'] as const) if (ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`
  return `${ms}ms`
}

/** Reads the value of `--from`, `--to` and the like: an instant, or a duration, which means that long before `now`. Throws `bad-time`. */
export function parseTimeOption(text: string, now: number): number {
  if (DURATION.test(text)) return now - parseDuration(text)
  if (INSTANT.test(text)) return parseInstant(text)
  throw new FlowError('bad-time', `flow: time expected ISO 8601 or a duration such as 24h, got ${quote(text)}`, {
    text,
  })
}

const quote = (text: string): string => JSON.stringify(text)
