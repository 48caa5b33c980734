/** Numbers for people. In JSON and CSV they are never touched. */

/** An integer, or a number with `decimals` decimals, with commas between thousands. */
export function thousands(value: number | bigint, decimals?: number): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  const text = typeof value === 'number' && decimals !== undefined ? value.toFixed(decimals) : plain(value)
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(.*)$/.exec(text) ?? []
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`
}

/** A number without exponent, as long as it takes. */
function plain(value: number | bigint): string {
  const text = String(value)
  if (typeof value === 'bigint' || !text.includes('e')) return text
  return Math.abs(value) < 1 ? value.toFixed(12) : String(BigInt(value))
}

/** A scale that a whole column is shown in, so that its rows can be compared at a glance. */
export interface Scale {
  /** Stands behind the name of the column; empty for plain numbers. */
  readonly unit: string
  readonly divisor: number
  readonly decimals: number
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/**
 * The scale for a column of byte counts: the largest decimal unit in which the greatest value is at least 1 and the least one
 * above 0 still shows a digit with up to three decimals.
 */
export function byteScale(values: readonly (number | bigint)[]): Scale {
  const sizes = values.map(Number).filter((value) => value > 0)
  if (sizes.length === 0) return { unit: 'B', divisor: 1, decimals: 0 }
  const greatest = Math.max(...sizes)
  const least = Math.min(...sizes)
  let power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(greatest) / 3))
  while (power > 0 && least / 1000 ** power < 0.001) power--
  const divisor = 1000 ** power
  const decimals = power === 0 ? 0 : Math.min(3, Math.max(1, Math.ceil(-Math.log10(least / divisor))))
  return { unit: BYTE_UNITS[power]!, divisor, decimals }
}

/** A rate or a count in at most four characters and a unit: `950`, `12.3 k`, `1.8 M`. */
export function shortCount(value: number): string {
  if (value < 1000) return String(Math.round(value))
  const power = Math.min(4, Math.floor(Math.log10(value) / 3))
  return `${(value / 1000 ** power).toFixed(1)} ${['', 'k', 'M', 'G', 'T'][power]}`
}

/** Milliseconds as a person says them: `340 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function humanDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`
}

/** A share as a percentage that never rounds something to nothing or nearly all to all. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '0 %'
  const share = (100 * part) / whole
  if (part > 0 && share < 0.01) return '< 0.01 %'
  if (part < whole && share > 99.99) return '> 99.99 %'
  return `${share.toFixed(share < 10 ? 2 : 1)} %`
}

/** A count with its noun: `1 block`, `2,000 blocks`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${thousands(count)} ${count === 1 ? noun : plural}`
}
