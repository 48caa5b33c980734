import type { AddressColumn, PrefixColumn } from '../column.ts'
import type { Prefix } from '../prefix.ts'
import { parsePrefix } from '../prefix.ts'
import type { Comparison, Literal, Membership } from './ast.ts'
import type { ColumnSelector } from './leaf.ts'

/** Tests of addresses: in one of some prefixes, an address alone being a prefix of all its bits. */
export function selectAddresses(filter: Comparison | Membership): ColumnSelector {
  const prefixes = prefixesOf(filter)
  const ranges = mergeRanges(prefixes.filter(({ bytes }) => bytes.length === 4).map(rangeOf))
  const prefixes6 = prefixes.filter(({ bytes }) => bytes.length === 16)
  const keepsInside = filter.type === 'in' || filter.operator === '='
  const [only] = ranges
  if (keepsInside && only && ranges.length === 1 && prefixes6.length === 0) return selectRange(only)
  const lows = Float64Array.from(ranges, ({ low }) => low)
  const highs = Float64Array.from(ranges, ({ high }) => high)
  return (column, selection, count) => {
    const { family, v4, v6 } = column as AddressColumn
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const isInside = family[row] === 4 ? isInRanges(v4[row]!, lows, highs) : isInPrefixes(v6, row * 16, prefixes6)
      if (isInside === keepsInside) selection[kept++] = row
    }
    return kept
  }
}

/** The IPv4 addresses that a test takes; undefined when it also takes others. */
export function rangesOf(filter: Comparison | Membership): Range[] | undefined {
  const prefixes = prefixesOf(filter)
  const isOnly4 = prefixes.every(({ bytes }) => bytes.length === 4)
  return isOnly4 && (filter.type === 'in' || filter.operator === '=') ? mergeRanges(prefixes.map(rangeOf)) : undefined
}

function prefixesOf(filter: Comparison | Membership): Prefix[] {
  const values: readonly Literal[] = filter.type === 'in' ? filter.values : [filter.value]
  return values.map((value) => parsePrefix(String(value)))
}

/** IPv4 addresses from `low` to `high`, inclusive. */
interface Range {
  readonly low: number
  readonly high: number
}

function rangeOf({ bytes, bits }: Prefix): Range {
  const low = Buffer.from(bytes).readUInt32BE()
  return { low, high: low + 2 ** (32 - bits) - 1 }
}

/** Sorted ranges that do not touch, covering the same addresses. */
function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: { low: number; high: number }[] = []
  for (const { low, high } of [...ranges].sort((a, b) => a.low - b.low)) {
    const last = merged.at(-1)
    if (last && low <= last.high + 1) last.high = Math.max(last.high, high)
    else merged.push({ low, high })
  }
  return merged
}

function selectRange({ low, high }: Range): ColumnSelector {
  return (column, selection, count) => {
    const { family, v4 } = column as AddressColumn
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const value = v4[row]!
      selection[kept] = row
      kept += family[row] === 4 && value >= low && value <= high ? 1 : 0
    }
    return kept
  }
}

function isInRanges(value: number, lows: Float64Array, highs: Float64Array): boolean {
  let from = 0
  let to = lows.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (highs[middle]! < value) from = middle + 1
    else to = middle
  }
  return from < lows.length && lows[from]! <= value
}

function isInPrefixes(v6: Uint8Array, at: number, prefixes: readonly Prefix[]): boolean {
  for (let p = 0; p < prefixes.length; p++) {
    const { bytes, bits } = prefixes[p]!
    const whole = bits >>> 3
    let i = 0
    while (i < whole && v6[at + i] === bytes[i]) i++
    const rest = 0xff & (0xff00 >>> (bits & 7))
    if (i === whole && (rest === 0 || (v6[at + i]! & rest) === bytes[i])) return true
  }
  return false
}

/** Tests of prefix columns: the same network and the same length. */
export function selectPrefixes(filter: Comparison | Membership): ColumnSelector {
  const wanted = prefixesOf(filter).map((prefix) => ({
    bits: prefix.bits,
    family: prefix.bytes.length === 4 ? 4 : 6,
    v4: prefix.bytes.length === 4 ? rangeOf(prefix).low : 0,
    v6: [prefix],
  }))
  const keepsEqual = filter.type === 'in' || filter.operator === '='
  return (column, selection, count) => {
    const { family, v4, v6, bits } = column as PrefixColumn
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      let isEqual = false
      for (let w = 0; w < wanted.length && !isEqual; w++) {
        const other = wanted[w]!
        const isSameShape = bits[row] === other.bits && family[row] === other.family
        isEqual = isSameShape && (other.family === 4 ? v4[row] === other.v4 : isInPrefixes(v6, row * 16, other.v6))
      }
      if (isEqual === keepsEqual) selection[kept++] = row
    }
    return kept
  }
}
