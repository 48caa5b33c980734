import { FlowError } from './errors.ts'

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?$/i
const POWERS = { k: 1, m: 2, g: 3, t: 4 } as const

/**
 * Reads a size in bytes: `64MB`, `1.5GiB`, `512k`, `1000`. `k`, `m`, `g`, `t` are powers of 1,000, with an `i` (`KiB`) of 1,024; case does not count.
 * Throws `bad-size`.
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text.trim())
  if (match) {
    const unit = match[2]?.toLowerCase() as keyof typeof POWERS | undefined
    const bytes = Number(match[1]) * (match[3] ? 1024 : 1000) ** (unit ? POWERS[unit] : 0)
    const whole = Math.round(bytes)
    if (Math.abs(bytes - whole) < 1e-6 && Number.isSafeInteger(whole)) return whole
  }
  throw new FlowError('bad-size', `flow: size expected bytes such as 64MB or 1GiB, got ${JSON.stringify(text)}`, {
    text,
  })
}

const NAMES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/** A number of bytes for people, in powers of 1,000 with three digits: `999 B`, `1.50 kB`, `64.0 MB`. */
export function formatBytes(bytes: number | bigint): string {
  let value = Number(bytes)
  let power = 0
  // 999.5 would round to four digits.
  while (Math.abs(value) >= 999.5 && power < NAMES.length - 1) {
    value /= 1000
    power++
  }
  if (power === 0) return `${value} B`
  return `${value.toFixed(Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2)} ${NAMES[power]}`
}
