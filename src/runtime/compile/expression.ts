import type { Column, ColumnOf, ColumnSpec } from '../../flow/column.ts'
import { createColumn, isAll4 } from '../../flow/column.ts'
import { reserveBytes } from '../../flow/copy.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { LookupKey, PrefixKey, TimeBinKey } from '../../vocabulary/key.ts'
import type { LookupTable } from '../lookup/table.ts'
import type { KeyPart } from './key.ts'
import { roomIn } from './room.ts'
import { Zone } from './zone.ts'

/** Computes a key column from the column of a batch; the column it gives is reused by the next call. */
export type ColumnFunction = (source: Column, length: number) => Column

/** The function of a key expression, chosen once for its type. With `kernels` its column lies in their memory, and is computed there when its source does too. */
export function expressionFunction(
  { spec, expression }: KeyPart,
  lookups: ReadonlyMap<string, LookupTable>,
  kernels?: KernelInstance,
): ColumnFunction | undefined {
  if (expression === undefined) return undefined
  const make = roomIn(kernels, WORKSHOP_BYTES)
  const compute = computeOf(expression, lookups, make && kernels)
  let capacity = make ? PAGE_ROWS : 0
  let target = createColumn(spec.type, capacity, make ? { ...spec, make } : spec)
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

/** Kernel memory that must be free for a column to be made there: twice what the largest takes. */
const WORKSHOP_BYTES = PAGE_ROWS * 64

type Compute = (source: Column, target: Column, length: number) => void

function computeOf(
  expression: Exclude<KeyPart['expression'], undefined>,
  lookups: ReadonlyMap<string, LookupTable>,
  kernels: KernelInstance | undefined,
): Compute {
  switch (expression.type) {
    case 'prefix':
      return over('address', 'prefix', prefixes(expression, kernels))
    case 'timeBin':
      return over('instant', 'instant', expression.zone === 'UTC' ? utcBins(expression, kernels) : zoneBins(expression))
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

/** The kernels, when both arrays lie in their memory. */
function kernelsOver(
  instance: KernelInstance | undefined,
  a: ArrayBufferView,
  b: ArrayBufferView,
): Kernels | undefined {
  const buffer = instance?.memory.memory.buffer
  return a.buffer === buffer && b.buffer === buffer ? instance?.kernels : undefined
}

function prefixes({ bits4, bits6 }: PrefixKey, instance: KernelInstance | undefined) {
  const mask4 = bits4 === 0 ? 0 : -1 << (32 - bits4)
  /** The target whose rows all say that they are IPv4 networks, so that they need not be told again. */
  let plain: ColumnOf<'prefix'> | undefined
  return (source: ColumnOf<'address'>, target: ColumnOf<'prefix'>, length: number): void => {
    const { v4, family, bits } = target
    const kernels = kernelsOver(instance, source.v4, v4)
    if (kernels) kernels.maskWords(source.v4.byteOffset, mask4, length, v4.byteOffset)
    else for (let row = 0; row < length; row++) v4[row] = source.v4[row]! & mask4
    const isPlain = isAll4(source.family, length)
    if (isPlain && plain === target) return
    // The target of an earlier batch may hold IPv6 networks.
    if (isPlain && !family.includes(6)) {
      family.fill(4)
      bits.fill(bits4)
      plain = target
      return
    }
    plain = undefined
    computeFamilies(source, target, length, bits4, bits6)
  }
}

/** All of a prefix column but the IPv4 networks. */
function computeFamilies(
  source: ColumnOf<'address'>,
  { family, v6, bits }: ColumnOf<'prefix'>,
  length: number,
  bits4: number,
  bits6: number,
): void {
  const whole = bits6 >>> 3
  const mask6 = (0xff00 >> (bits6 & 7)) & 0xff
  for (let row = 0; row < length; row++) {
    const from = source.family[row]!
    if (family[row] === 6) v6.fill(0, row * 16, row * 16 + 16)
    family[row] = from
    bits[row] = from === 4 ? bits4 : from === 6 ? bits6 : 0
    if (from !== 6) continue
    const at = row * 16
    for (let byte = 0; byte < whole; byte++) v6[at + byte] = source.v6[at + byte]!
    if (whole < 16) v6[at + whole] = source.v6[at + whole]! & mask6
  }
}

function utcBins({ sizeMs }: TimeBinKey, instance: KernelInstance | undefined) {
  return (source: ColumnOf<'instant'>, target: ColumnOf<'instant'>, length: number): void => {
    const { values } = target
    const times = source.values
    const kernels = kernelsOver(instance, times, values)
    if (kernels) {
      kernels.timeBins(times.byteOffset, sizeMs, length, values.byteOffset)
      return
    }
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
