import avro from 'avsc'
import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { RowDecoder } from '../../../src/storage/avro/decoder.ts'
import type { Row } from '../../flow/columns.ts'
import { anyRows, rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { anyShape, Names } from './schemas.ts'

interface Field {
  readonly name: string
  readonly type: unknown
  readonly [attribute: string]: unknown
}

const record = (fields: readonly Field[]) => ({ type: 'record' as const, name: 'Row', fields: [...fields] })

/** The rows that the columns read from records written by avsc with another schema. */
function resolve(fields: readonly Field[], records: readonly object[], columns: readonly ColumnSpec[]): Row[] {
  const writer = record(fields)
  const type = avro.Type.forSchema(JSON.parse(JSON.stringify(writer)), { wrapUnions: true })
  return decode(writer, Buffer.concat(records.map((value) => type.toBuffer(value))), records.length, columns)
}

function decode(writer: unknown, plain: Uint8Array, rows: number, columns: readonly ColumnSpec[]): Row[] {
  const decoder = new RowDecoder({ schema: writer, columns, capacity: Math.max(1, rows) })
  try {
    const length = decoder.load('null', plain)
    expect(decoder.decode(0, rows)).toBe(length)
    return rowsOf(columns, decoder.batch)
  } finally {
    decoder.close()
  }
}

const one = (type: unknown, value: unknown, column: Omit<ColumnSpec, 'name'>) =>
  resolve([{ name: 'x', type }], [{ x: value }], [{ name: 'x', ...column }])[0]?.[0]

describe('a writer schema', () => {
  it('may hold fields of any type, in any order, that the reader does not know', () => {
    const columns: ColumnSpec[] = [
      { name: 'a', type: 'i53' },
      { name: 'b', type: 'text' },
      { name: 'c', type: 'u16' },
    ]
    const types: { [name: string]: string } = { a: 'long', b: 'string', c: 'int' }
    const small = anyRows(columns, { maxLength: 5 }).map((rows) =>
      rows.map(([a, ...rest]) => [Number(a) % 2 ** 50, ...rest]),
    )
    const plan = fc.array(anyShape, { maxLength: 4 }).chain((shapes) =>
      fc.record({
        shapes: fc.constant(shapes),
        order: fc.shuffledSubarray([...'abc', ...shapes.map((_, i) => `extra${i}`)], { minLength: 3 + shapes.length }),
        rows: small.chain((rows) =>
          fc.tuple(...rows.map((row) => fc.tuple(fc.constant(row), ...shapes.map((shape) => shape.value)))),
        ),
      }),
    )
    fc.assert(
      fc.property(plan, ({ shapes, order, rows }) => {
        const names = new Names()
        const extras = Object.fromEntries(shapes.map((shape, i) => [`extra${i}`, shape.schema(names)]))
        const fields = order.map((name) => ({ name, type: types[name] ?? extras[name] }))
        const records = rows.map(([[a, b, c], ...values]) => ({
          ...{ a, b, c },
          ...Object.fromEntries(values.map((value, i) => [`extra${i}`, value])),
        }))
        expect(resolve(fields, records, columns)).toEqual(rows.map(([row]) => row))
      }),
      { numRuns: 200 },
    )
  })

  it('may be narrower: an int is read as a long, as a time, and as 64 bits', () => {
    expect(one('int', -7, { type: 'i53' })).toBe(-7)
    expect(one('int', 7, { type: 'u64' })).toBe(7n)
    expect(one('int', -7, { type: 'i64' })).toBe(-7n)
    expect(one('int', 1000, { type: 'instant' })).toBe('1970-01-01T00:00:01.000Z')
  })

  it('may be wider, as long as every value fits', () => {
    expect(one('long', 443, { type: 'u16' })).toBe(443)
    expect(() => one('long', 65_536, { type: 'u16' })).toThrow('expected x from 0 to 65535, got 65536')
    expect(() => one('int', -1, { type: 'u53' })).toThrow('expected x from 0 to 9007199254740991, got -1')
  })

  it('may hold times in micro- or nanoseconds, rounded down to the millisecond', () => {
    const at = (logicalType: string, value: bigint) => {
      const writer = record([{ name: 'x', type: { type: 'long', logicalType } }])
      return decode(writer, longBytes(value), 1, [{ name: 'x', type: 'instant' }])[0]?.[0]
    }
    expect(at('timestamp-micros', 1_999n)).toBe('1970-01-01T00:00:00.001Z')
    expect(at('timestamp-micros', -1n)).toBe('1969-12-31T23:59:59.999Z')
    expect(at('timestamp-nanos', 1_790_000_000_000_999_999n)).toBe('2026-09-21T14:13:20.000Z')
    expect(at('timestamp-nanos', -1n)).toBe('1969-12-31T23:59:59.999Z')
    expect(at('some-other', 5n)).toBe('1970-01-01T00:00:00.005Z')
    expect(() => at('local-timestamp-millis', 1n)).toThrow(
      'avro field x expected instant, got long (local-timestamp-millis)',
    )
    expect(() => one({ type: 'int', logicalType: 'date' }, 1, { type: 'instant' })).toThrow('got int (date)')
  })

  it('may hold bytes as text, text as bytes, and addresses as fixed', () => {
    expect(one('bytes', Buffer.from('ä'), { type: 'text' })).toBe('ä')
    expect(one('string', 'ä', { type: 'bytes' })).toBe('c3a4')
    const fixed = (size: number) => ({ type: 'fixed', name: 'F', size })
    expect(one(fixed(4), Buffer.from([192, 0, 2, 1]), { type: 'address' })).toBe('192.0.2.1')
    expect(one(fixed(16), Buffer.alloc(16, 1), { type: 'bytes' })).toBe('01'.repeat(16))
    expect(() => one(fixed(6), Buffer.alloc(6), { type: 'address' })).toThrow(
      'avro field x expected address, got fixed of 6 bytes',
    )
    expect(() => one('bytes', Buffer.alloc(5), { type: 'address' })).toThrow('expected x of 0, 4 or 16 bytes, got 5')
  })

  it('may have unions: the branch of each row decides', () => {
    const mixed = ['null', 'string', 'int', 'long']
    expect(one(mixed, null, { type: 'i53', nullable: true })).toBeNull()
    expect(one(mixed, { int: 5 }, { type: 'i53', nullable: true })).toBe(5)
    expect(one(mixed, { long: 2 ** 40 }, { type: 'i53' })).toBe(2 ** 40)
    expect(() => one(mixed, { string: 'a' }, { type: 'i53' })).toThrow('expected a value that the column can hold')
    expect(() => one(['null', 'int'], null, { type: 'i53' })).toThrow(
      'expected a value that the column can hold, got null',
    )
    expect(one('int', 5, { type: 'i53', nullable: true })).toBe(5)
    const nulls = [
      { name: 'x', type: 'null' },
      { name: 'y', type: 'int' },
    ]
    expect(resolve(nulls, [{ x: null, y: 1 }], [{ name: 'x', type: 'i53', nullable: true }])).toEqual([[null]])
  })

  it('may lack columns: they get their default', () => {
    const columns: ColumnSpec[] = [
      { name: 'a', type: 'u8', default: 255 },
      { name: 'b', type: 'u53' },
      { name: 'c', type: 'i64', default: -3 },
      { name: 'd', type: 'text' },
      { name: 'e', type: 'address' },
      { name: 'f', type: 'u8', nullable: true },
      { name: 'g', type: 'boolean' },
      { name: 'x', type: 'u8' },
    ]
    const row = [255, 0, -3n, '', null, null, false, 9]
    expect(resolve([{ name: 'x', type: 'int' }], [{ x: 9 }, { x: 9 }], columns)).toEqual([row, row])
  })

  it('may call a column by one of its other names', () => {
    const columns: ColumnSpec[] = [{ name: 'bytes', type: 'u53', aliases: ['octets', 'in_bytes'] }]
    expect(resolve([{ name: 'in_bytes', type: 'long' }], [{ in_bytes: 9 }], columns)).toEqual([[9]])
    const two: ColumnSpec[] = [...columns, { name: 'octets', type: 'u53' }]
    expect(() => resolve([{ name: 'octets', type: 'long' }], [], two)).toThrow(
      'avro field octets expected one column, got bytes and octets',
    )
  })

  it('is refused when a field can never fit its column', () => {
    const cases: [unknown, ColumnSpec['type'], string][] = [
      ['string', 'u16', 'avro field x expected u16, got string'],
      ['double', 'u53', 'avro field x expected u53, got double'],
      ['string', 'address', 'avro field x expected address, got string'],
      ['int', 'boolean', 'avro field x expected boolean, got int'],
      ['null', 'u16', 'avro field x expected u16, got null'],
      [['null', 'string'], 'u16', 'avro field x expected u16, got null or string'],
    ]
    for (const [type, column, message] of cases) {
      const fields = [
        { name: 'x', type },
        { name: 'y', type: 'int' },
      ]
      expect(() => resolve(fields, [], [{ name: 'x', type: column }])).toThrow(message)
    }
  })

  it('is refused when it is no schema of rows', () => {
    const columns: ColumnSpec[] = [{ name: 'x', type: 'u8' }]
    const cases: [unknown, string][] = [
      ['int', 'avro schema expected a record, got int'],
      [{ type: 'record', name: 'R' }, 'avro schema expected fields in a record, got undefined'],
      [record([{ name: 'x', type: 'Unknown' }]), 'avro schema expected a known type, got "Unknown"'],
      [record([{ name: 'x', type: [] }]), 'avro schema expected a union of at least one type, got []'],
      [record([]), 'record Row expected rows of at least one byte, got none'],
      [record([{ name: 'n', type: 'null' }]), 'record Row expected rows of at least one byte, got none'],
    ]
    for (const [schema, message] of cases)
      expect(() => new RowDecoder({ schema, columns, capacity: 1 })).toThrow(message)
    let deep: unknown = 'int'
    for (let i = 0; i < 1000; i++) deep = { type: 'array', items: deep }
    expect(() => new RowDecoder({ schema: record([{ name: 'x', type: deep }]), columns, capacity: 1 })).toThrow(
      'at most 100 levels',
    )
  })
})

describe('rows of hostile bytes', () => {
  const columns: ColumnSpec[] = [{ name: 'x', type: 'u16' }]

  it('end in an error, not in a hang, however large an array claims to be', () => {
    const claim = longBytes(2n ** 62n)
    const arrays: unknown[] = [
      'null',
      { type: 'record', name: 'E', fields: [] },
      'double',
      'string',
      { type: 'array', items: 'null' },
    ]
    for (const items of arrays) {
      const writer = record([
        { name: 'skipped', type: { type: 'array', items } },
        { name: 'x', type: 'int' },
      ])
      expect(() => decode(writer, claim, 1, columns)).toThrow(/expected whole rows|expected/)
    }
  })

  it('end in an error when they nest without end', () => {
    const self = { type: 'record', name: 'Self', fields: [{ name: 'self', type: 'Self' }] }
    expect(() =>
      decode(
        record([
          { name: 's', type: self },
          { name: 'x', type: 'int' },
        ]),
        Buffer.alloc(64),
        1,
        columns,
      ),
    ).toThrow('expected at most 200 nested values')
    const list = { type: 'record', name: 'List', fields: [{ name: 'next', type: ['null', 'List'] }] }
    const deep = record([
      { name: 's', type: list },
      { name: 'x', type: 'int' },
    ])
    expect(() => decode(deep, Buffer.alloc(100_000, 2), 1, columns)).toThrow('expected at most 200 nested values')
  })

  it('end in an error when records that double at each level hold nothing', () => {
    let inner: unknown = 'null'
    for (let level = 0; level < 60; level++) {
      const name = `L${level}`
      inner = {
        type: 'record',
        name,
        fields: [
          { name: 'a', type: inner },
          { name: 'b', type: level === 0 ? 'null' : `L${level - 1}` },
        ],
      }
    }
    expect(
      decode(
        record([
          { name: 's', type: inner },
          { name: 'x', type: 'int' },
        ]),
        Uint8Array.of(14),
        1,
        columns,
      ),
    ).toEqual([[7]])
  })

  it('give values or a typed error for any bytes and any schema', () => {
    fc.assert(
      fc.property(anyShape, fc.uint8Array({ maxLength: 60 }), (shape, plain) => {
        const writer = record([
          { name: 'skipped', type: shape.schema(new Names()) },
          { name: 'x', type: ['null', 'int'] },
        ])
        const decoder = new RowDecoder({
          schema: writer,
          columns: [{ name: 'x', type: 'u16', nullable: true }],
          capacity: 4,
        })
        try {
          const length = decoder.load('null', plain)
          expect(decoder.decode(0, 2)).toBeLessThanOrEqual(length)
        } catch (error) {
          expect(error).toMatchObject({ name: 'StorageError', code: 'corrupt' })
        } finally {
          decoder.close()
        }
      }),
      { numRuns: 300 },
    )
  })

  it('never give a number that was not written', () => {
    const wide: ColumnSpec[] = [{ name: 'x', type: 'i64' }]
    const long = record([{ name: 'x', type: 'long' }])
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(decode(long, longBytes(value), 1, wide)).toEqual([[value]])
        const isSafe = value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n
        const narrow = () => decode(long, longBytes(value), 1, [{ name: 'x', type: 'i53' }])
        if (isSafe) expect(narrow()).toEqual([[Number(value)]])
        else expect(narrow).toThrow('expected x from -9007199254740991 to 9007199254740991')
      }),
    )
    for (const edge of [2n ** 53n - 1n, -(2n ** 53n - 1n)]) {
      expect(decode(long, longBytes(edge), 1, [{ name: 'x', type: 'i53' }])).toEqual([[Number(edge)]])
    }
    for (const edge of [2n ** 53n, -(2n ** 53n)]) {
      expect(() => decode(long, longBytes(edge), 1, [{ name: 'x', type: 'i53' }])).toThrow('expected x from')
    }
    const tooLong = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)
    for (const column of ['i53', 'i64'] as const) {
      expect(() => decode(long, tooLong, 1, [{ name: 'x', type: column }])).toThrow(
        'expected varints of at most 64 bits',
      )
    }
  })
})

/** The zig-zag varint of any 64-bit integer. */
function longBytes(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (rest >= 128n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Uint8Array.from([...bytes, Number(rest)])
}
