import { describe, expect, it } from 'vitest'
import { formatAddressBytes } from '../../../src/flow/address.ts'
import { fc } from '../../kit/fast-check.ts'
import { Bench, EXPORT_MS, ipfix, type Row, set, template, u, v9, variable } from './wire.ts'

/** The field rules of docs/decoding.md read the slow way: a record is a list of values, a field the first element of a list that has one. */

interface Field {
  readonly id: number
  readonly pen?: number
  /** Octets of the value in each record; undefined for a variable length. */
  readonly length: number | undefined
}

interface Message {
  readonly version: 9 | 10
  readonly fields: readonly Field[]
  /** A value for each field of each record. */
  readonly records: readonly (readonly Uint8Array[])[]
  /** The template comes after the data. */
  readonly late: boolean
}

const BYTES = [1, 85, 23, 171, 231]
const PACKETS = [2, 86, 24, 172, 298]
/** Fields of a flow, the elements that fill them, the largest value and that of none. */
const NUMBERS: readonly (readonly [string, readonly number[], number, number])[] = [
  ['bytes', BYTES, Number.MAX_SAFE_INTEGER, 0],
  ['packets', PACKETS, Number.MAX_SAFE_INTEGER, 0],
  ['srcPort', [7, 180, 182], 0xffff, 0],
  ['dstPort', [11, 181, 183], 0xffff, 0],
  ['proto', [4], 255, 0],
  ['tos', [5], 255, 0],
  ['tcpFlags', [6], 0xffff, 0],
  ['direction', [61], 255, 255],
  ['vlan', [58, 243], 0xffff, 0],
  ['inputIf', [10, 252], 0xffffffff, 0],
  ['outputIf', [14, 253], 0xffffffff, 0],
  ['srcAs', [16], 0xffffffff, 0],
  ['dstAs', [17], 0xffffffff, 0],
  ['samplePopulation', [34, 50], 0xffffffff, 0],
]
const MASKS = [9, 13, 29, 30]
const MILLISECONDS = [152, 153]
const ADDRESSES = [8, 12, 15, 27, 28, 62]
/** Elements that fill no field: an interface name, a MAC address, a basicList. */
const OTHERS = [82, 56, 291]

const limitOf = (id: number): number => {
  if (MASKS.includes(id)) return 128
  if (id === 60) return 255
  if (MILLISECONDS.includes(id)) return EXPORT_MS
  return NUMBERS.find(([, ids]) => ids.includes(id))?.[2] ?? Number.MAX_SAFE_INTEGER
}

const numbers = [...NUMBERS.flatMap(([, ids]) => ids), ...MASKS, ...MILLISECONDS, 60]
const field: fc.Arbitrary<Field> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      id: fc.constantFrom(...numbers),
      length: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ id: fc.constantFrom(...ADDRESSES), length: fc.constantFrom(4, 16, 16, 4, 3, undefined) }),
  },
  { weight: 1, arbitrary: fc.record({ id: fc.constantFrom(...OTHERS), length: fc.constantFrom(1, 300, undefined) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      id: fc.constantFrom(1, 2, 8, 34),
      pen: fc.constantFrom(9, 293051),
      length: fc.constantFrom(4, undefined),
    }),
  },
)

function octetsOf({ id, pen, length }: Field): fc.Arbitrary<Uint8Array> {
  if (pen !== undefined || OTHERS.includes(id)) {
    return fc.uint8Array({ minLength: length ?? 0, maxLength: length ?? 400 })
  }
  if (ADDRESSES.includes(id)) {
    const lengths = length === undefined ? fc.constantFrom(0, 4, 16) : fc.constant(length)
    const filled = (size: number) =>
      fc.oneof(fc.uint8Array({ minLength: size, maxLength: size }), fc.constant(new Uint8Array(size)))
    return lengths.chain(filled)
  }
  return (length === undefined ? fc.integer({ min: 0, max: 8 }) : fc.constant(length)).chain((size) =>
    fc
      .integer({ min: 0, max: Math.min(limitOf(id), 2 ** (8 * size) - 1) })
      .map((value) => Uint8Array.from(u(64, value).slice(8 - size))),
  )
}

const message: fc.Arbitrary<Message> = fc
  .record({
    version: fc.constantFrom<9 | 10>(9, 10),
    list: fc.array(field, { minLength: 1, maxLength: 14 }),
    late: fc.boolean(),
  })
  .chain(({ version, list, late }) => {
    const fields = version === 9 ? list.map(({ id, length }) => ({ id, length })) : list
    const record = fc.tuple(...fields.map(octetsOf))
    return fc.record({
      version: fc.constant(version),
      fields: fc.constant(fields),
      records: fc.array(record, { minLength: 1, maxLength: 6 }),
      late: fc.constant(late),
    })
  })
  // Records of no octets are padding.
  .filter(({ fields }) => fields.some(({ length }) => length !== 0))

/** Sends the message to a decoder and returns its rows. */
function decoded({ version, fields, records, late }: Message): Row[] {
  const definition = template(
    256,
    ...fields.map(
      ({ id, length = 65_535, pen }) => [id, length, ...(pen === undefined ? [] : [pen])] as [number, number, number?],
    ),
  )
  const data = records.map((values) =>
    values.flatMap((value, i) => (fields[i]!.length === undefined ? variable(...value) : [...value])),
  )
  const [templates, flows] = [set(version === 9 ? 0 : 2, definition), set(256, ...data)]
  const bench = new Bench()
  const send = (sets: number[][], sequence: number) => (version === 9 ? v9 : ipfix)(sets, { sequence })
  for (const [index, part] of (late ? [flows, templates] : [templates, flows]).entries()) {
    expect(bench.send(send([part], index))).toBeUndefined()
  }
  return bench.rows
}

/** What the rules say of one record. */
function expected(fields: readonly Field[], values: readonly Uint8Array[]): Row {
  const find = (id: number): Uint8Array | undefined =>
    values.find((value, i) => fields[i]!.id === id && fields[i]!.pen === undefined && value.length > 0)
  const number = (id: number): number | undefined => find(id)?.reduce((sum, octet) => sum * 256 + octet, 0)
  const first = (ids: readonly number[]): number | undefined => ids.map(number).find((value) => value !== undefined)
  const exact = (id: number, length: number) => (find(id)?.length === length ? find(id) : undefined)
  const address = (id4: number, id6: number): Uint8Array | undefined => {
    const [v4, v6] = [exact(id4, 4), exact(id6, 16)]
    if (!v4 || !v6) return v4 ?? v6
    if (number(60) === 6 || number(60) === 4) return number(60) === 6 ? v6 : v4
    return v4.every((octet) => octet === 0) && v6.some((octet) => octet !== 0) ? v6 : v4
  }
  const mask = (end: Uint8Array | undefined, id4: number, id6: number): number =>
    first(end?.length === 16 ? [id6, id4] : [id4, id6]) ?? 0
  const [src, dst, hop] = [address(8, 27), address(12, 28), address(15, 62)]
  const text = (bytes: Uint8Array | undefined): string | null => (bytes ? formatAddressBytes(bytes) : null)
  const row: { [name: string]: Row[string] } = {}
  for (const [name, ids, , absent] of NUMBERS) row[name] = first(ids) ?? absent
  // The first element of sampling that is there is read, and 0 says nothing.
  row.sampleSize = Number(row.samplePopulation) > 0 ? 1 : 0
  const [start, end] = [number(152), number(153)]
  return {
    ...row,
    ...{ srcAddr: text(src), dstAddr: text(dst), nextHop: text(hop) },
    ...{ srcMask: mask(src, 9, 29), dstMask: mask(dst, 13, 30) },
    ...{ start: start ?? end ?? EXPORT_MS, end: end ?? start ?? EXPORT_MS },
  }
}

describe('records of any template', () => {
  it('fill the fields as the rules say, whatever is repeated, empty, shortened, or of variable length', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const rows = decoded(sent)
        expect(rows).toHaveLength(sent.records.length)
        for (const [i, values] of sent.records.entries()) expect(rows[i]).toMatchObject(expected(sent.fields, values))
      }),
      { numRuns: 600 },
    )
  })
})
