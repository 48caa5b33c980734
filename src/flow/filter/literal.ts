import { formatAddressBytes, parseAddressExact } from '../address.ts'
import type { ColumnType } from '../column.ts'
import { FlowError } from '../errors.ts'
import { formatPrefixBytes, parsePrefix } from '../prefix.ts'
import { protocolName, protocolNumber } from '../protocol.ts'
import { formatDuration, formatInstant, parseDuration, parseInstant } from '../time.ts'
import { NUMBER_RANGE } from '../value.ts'
import type { Literal } from './ast.ts'
import { tcpFlagMask } from './flags.ts'
import type { Token } from './tokens.ts'
import { describeToken, filterError } from './tokens.ts'

/** What a value of a column can look like, for errors. */
const EXPECTED: { readonly [T in ColumnType]: string } = {
  u8: 'a number',
  u16: 'a number',
  u32: 'a number',
  u53: 'a number such as 1500, 64k or 1.5m',
  i53: 'a number such as 1500, 64k or 1.5m',
  u64: 'a whole number',
  i64: 'a whole number',
  instant: 'a time such as 2026-01-31T08:30:00Z',
  duration: 'a duration such as 90s',
  boolean: 'true or false',
  address: 'an address',
  prefix: 'a prefix',
  text: 'text in quotes',
  bytes: 'bytes such as 0x00ff',
}

const NUMBER = /^(-?\d+(?:\.\d+)?)([kmgt])?$/i
const HEX = /^0x[0-9a-f]+$/i
const SCALE: { readonly [suffix: string]: number } = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 }
const SCALE_DIGITS: { readonly [suffix: string]: string } = { k: '000', m: '000000', g: '000000000', t: '000000000000' }

/** The value that a token stands for in a column. Throws `bad-filter`, naming position and what would be right. */
export function parseLiteral(token: Token, column: string, type: ColumnType): Literal {
  const value = token.kind === 'word' || token.kind === 'quoted' ? literalOf(token, column, type) : undefined
  if (value === undefined && token.text.includes('/')) checkHostBits(token, column)
  if (value === undefined) throw filterError(token.position, `${EXPECTED[type]} for ${column}`, describeToken(token))
  return value
}

function literalOf({ kind, text }: Token, column: string, type: ColumnType): Literal | undefined {
  if (type === 'text') return text
  if (kind === 'quoted') return undefined
  switch (type) {
    case 'instant':
      return orUndefined(() => parseInstant(text))
    case 'duration':
      return orUndefined(() => parseDuration(text))
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : undefined
    case 'address':
      return orUndefined(() => (text.includes('/') ? prefixText(text) : formatAddressBytes(parseAddressExact(text))))
    case 'prefix':
      return orUndefined(() => prefixText(text))
    case 'bytes':
      return /^0x(?:[0-9a-f]{2})*$/i.test(text) ? text.slice(2).toLowerCase() : undefined
    case 'u64':
    case 'i64':
      return parseWide(text, type)
    default:
      return parseNumber(text, type) ?? nameOf(text, column)
  }
}

/** Numbers that have names in a column: protocols, and sets of TCP flags. */
function nameOf(text: string, column: string): number | undefined {
  return column === 'proto' ? protocolNumber(text) : column === 'tcpFlags' ? tcpFlagMask(text) : undefined
}

function prefixText(text: string): string {
  const { bytes, bits } = parsePrefix(text)
  return formatPrefixBytes(bytes, bits)
}

/** A prefix with host bits set is a likely slip: says which one it would be without. */
function checkHostBits(token: Token, column: string): void {
  try {
    parsePrefix(token.text)
  } catch (error) {
    const network = error instanceof FlowError ? error.details.expected : undefined
    if (typeof network !== 'string') return
    throw filterError(token.position, `a prefix with zero host bits for ${column}`, describeToken(token), network)
  }
}

/** A number within the range of its type; `k`, `m`, `g`, `t` are powers of 1,000. */
function parseNumber(text: string, type: Exclude<ColumnType, 'u64' | 'i64'>): number | undefined {
  const match = NUMBER.exec(text)
  if (!match && !HEX.test(text)) return undefined
  const value = match ? Number(match[1]) * (SCALE[match[2]?.toLowerCase() ?? ''] ?? 1) : Number(text)
  const whole = Math.round(value)
  const [min, max] = NUMBER_RANGE[type as keyof typeof NUMBER_RANGE]
  return Math.abs(value - whole) < 1e-6 && whole >= min && whole <= max ? whole + 0 : undefined
}

function parseWide(text: string, type: 'u64' | 'i64'): string | undefined {
  const match = /^(-?\d+)([kmgt])?$/i.exec(text)
  if (!match && !HEX.test(text)) return undefined
  const value = match ? BigInt(match[1]! + (SCALE_DIGITS[match[2]?.toLowerCase() ?? ''] ?? '')) : BigInt(text)
  const fits = (type === 'u64' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) === value
  return fits ? String(value) : undefined
}

/** The message of the inner error says less than the filter's own. */
function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FlowError) return undefined
    throw error
  }
}

/** The canonical text of a literal; reads back as the same value. */
export function formatLiteral(value: Literal, column: string, type: ColumnType): string {
  switch (type) {
    case 'text':
      return JSON.stringify(value)
    case 'bytes':
      return `0x${value}`
    case 'instant':
      return formatInstant(Number(value))
    case 'duration':
      return formatDuration(Number(value))
    default:
      return (column === 'proto' ? protocolName(Number(value)) : undefined) ?? String(value)
  }
}
