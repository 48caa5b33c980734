import type { Column, ColumnOf, ColumnSpec } from '../../flow/column.ts'
import { createColumn, isAll4 } from '../../flow/column.ts'
import { reserveBytes } from '../../flow/copy.ts'
import type { LookupKey, PrefixKey, TimeBinKey } from '../../vocabulary/key.ts'
import type { LookupTable } from '../lookup/table.ts'
import type { KeyPart } from './key.ts'
import { Zone } from './zone.ts'

/** Computes a key column from the column of a batch; the column it gives is reused by the next call. */
export type ColumnFunction = (source: Column, length: number) => Column

/** The function of a key expression, chosen once for its type. */
export function expressionFunction(
  { spec, expression }: KeyPart,
  lookups: ReadonlyMap<string, LookupTable>,
): ColumnFunction | undefined {
  if (expression === undefined) return undefined
  const compute = computeOf(expression, lookups)
  let target = createColumn(spec.type, 0)
  let capacity = 0
  return (source, length) => {
    if (length > capacity) {
      capacity = Math.max(length, capacity * 2, 1024)
      target = createColumn(spec.type, capacity, spec)
    }
    if (source.valid) target.valid?.set(source.valid.subarray(0, length))
    compute(source, target, length)
    return target
  }
}

type Compute = (source: Column, target: Column, length: number) => void

function computeOf(
  expression: Exclude<KeyPart['expression'], undefined>,
  lookups: ReadonlyMap<string, LookupTable>,
): Compute {
  switch (expression.type) {
    case 'prefix':
      return over('address', 'prefix', (source, target, length) => computePrefix(expression, source, target, length))
    case 'timeBin':
      return over('instant', 'instant', expression.zone === 'UTC' ? utcBins(expression) : zoneBins(expression))
    case 'lookup':
      return over('address', 'text', attributes(expression, lookups.get(expression.table)!))
  }
}

/** Checks the types of both columns, once per batch. */
function over<S extends ColumnSpec['type'], T extends ColumnSpec['type']>(
  from: S,
  to: T,
  compute: (source: ColumnOf<S>, target: ColumnOf<T>, length: number) => void,
): Compute {
  return (source, target, length) => {
    if (!isOf(source, from) || !isOf(target, to))
      throw new TypeError(`key: column expected ${from}, got ${source.type}`)
    compute(source, target, length)
  }
}

function isOf<T extends ColumnSpec['type']>(column: Column, type: T): column is ColumnOf<T> & Column {
  return column.type === type
}

function computePrefix(
  { bits4, bits6 }: PrefixKey,
  source: ColumnOf<'address'>,
  target: ColumnOf<'prefix'>,
  length: number,
): void {
  const mask4 = bits4 === 0 ? 0 : (-1 << (32 - bits4)) >>> 0
  const whole = bits6 >>> 3
  const mask6 = (0xff00 >> (bits6 & 7)) & 0xff
  const { family, v4, v6, bits } = target
  const { family: sourceFamily, v4: source4, v6: source6 } = source
  for (let row = 0; row < length; row++) v4[row] = (source4[row]! & mask4) >>> 0
  // The target of an earlier batch may hold IPv6 networks.
  if (isAll4(sourceFamily, length) && !family.includes(6)) {
    family.fill(4)
    bits.fill(bits4)
    return
  }
  for (let row = 0; row < length; row++) {
    const from = sourceFamily[row]!
    if (family[row] === 6) v6.fill(0, row * 16, row * 16 + 16)
    family[row] = from
    bits[row] = from === 4 ? bits4 : from === 6 ? bits6 : 0
    if (from !== 6) continue
    const at = row * 16
    for (let byte = 0; byte < whole; byte++) v6[at + byte] = source6[at + byte]!
    if (whole < 16) v6[at + whole] = source6[at + whole]! & mask6
  }
}

function utcBins({ sizeMs }: TimeBinKey) {
  return (source: ColumnOf<'instant'>, target: ColumnOf<'instant'>, length: number): void => {
    const { values } = target
    const times = source.values
    // Most rows lie in the bin of the row before: blocks are in order of time, more or less.
    let bin = Number.NaN
    let end = Number.NaN
    for (let row = 0; row < length; row++) {
      const time = times[row]!
      if (!(time >= bin && time < end)) {
        bin = Math.floor(time / sizeMs) * sizeMs
        end = bin + sizeMs
      }
      values[row] = bin
    }
  }
}

const QUARTER = 15 * 60_000

function zoneBins({ sizeMs, zone: name }: TimeBinKey) {
  const zone = new Zone(name)
  // Clocks change at quarters of an hour, so all times of a quarter share a bin that is made of quarters.
  const step = sizeMs % QUARTER === 0 ? QUARTER : 1
  return (source: ColumnOf<'instant'>, target: ColumnOf<'instant'>, length: number): void => {
    const { values } = target
    const times = source.values
    let known = Number.NaN
    let bin = 0
    for (let row = 0; row < length; row++) {
      const at = Math.floor(times[row]! / step)
      if (at !== known) {
        bin = zone.floor(times[row]!, sizeMs)
        known = at
      }
      values[row] = bin
    }
  }
}

function attributes({ attribute }: LookupKey, table: LookupTable) {
  const texts = table.attribute(attribute)
  return (source: ColumnOf<'address'>, target: ColumnOf<'text'>, length: number): void => {
    const { offsets } = target
    let end = 0
    for (let row = 0; row < length; row++) {
      const entry = table.find(source, row)
      if (entry >= 0) {
        const text = texts[entry]!
        reserveBytes(target, end, end + text.length)
        target.data.set(text, end)
        end += text.length
      }
      offsets[row + 1] = end
    }
  }
}
