import { compressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import {
  LAYOUT,
  PAGE_COLUMN,
  PAGE_COLUMN_WORDS,
  PAGE_ENTRY,
  PAGE_ENTRY_WORDS,
  readPages,
  unpackPage,
} from '../../src/kernels/pages.ts'
import { fc } from '../kit/fast-check.ts'

const PAGE_ROWS = 16_384
const memory = KernelMemory.create(2 << 20)
const kernels = loadKernels(memory)
const base = memory.mark
const view = new DataView(memory.memory.buffer)

const rows = fc.integer({ min: 1, max: 40 })

/** The plain bytes of a page: indices of a dictionary, differences, or anything. */
const values = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.uint8Array({ minLength: 30, maxLength: 60 }))
    .map(([width, packed]): Uint8Array => Uint8Array.of(width, 11, ...packed)),
  fc
    .tuple(rows, fc.uint8Array({ minLength: 80, maxLength: 90 }))
    .map(([count, deltas]): Uint8Array => Uint8Array.of(0x80, 1, 4, count, 8, 2, 4, 4, 0, 0, ...deltas)),
  fc.uint8Array({ maxLength: 200 }),
)

const column = fc.record({
  values,
  levels: fc.option(fc.uint8Array({ maxLength: 6 })),
  isSnappy: fc.boolean(),
  isBroken: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  type: fc.constantFrom(0, 0, 3, 3, 2),
  isPacked: fc.boolean(),
  encoding: fc.constantFrom(0, 5, 8, 8, 3),
  bytes: fc.constantFrom(1, 2, 4, 8, 16),
  layout: fc.constantFrom(LAYOUT.dense, LAYOUT.dense, LAYOUT.sparse, LAYOUT.nullable),
  families: fc.array(fc.constantFrom(0, 4, 6), { minLength: 40, maxLength: 40 }),
  isV4: fc.boolean(),
  entries: fc.nat(20),
  extraRoom: fc.constantFrom(-1, 0, 40),
  count: fc.constantFrom(0, 1, 1, 1),
})
type AnyColumn = typeof column extends fc.Arbitrary<infer T> ? T : never

/** The packed bytes of a page, and what its header says of them. */
function pack({ values, levels, isSnappy, type, isPacked, layout, isBroken }: AnyColumn) {
  const isV2 = type === 3
  const head = levels && layout === LAYOUT.sparse ? levels : new Uint8Array(0)
  const v1 = layout === LAYOUT.sparse ? [new Uint8Array(Uint32Array.of(head.length).buffer), head, values] : [values]
  const plain = isV2 ? values : Buffer.concat(v1)
  const packed = isSnappy && (!isV2 || isPacked) ? compressSync(Buffer.from(plain)) : plain
  const body = isV2 ? Buffer.concat([head, packed]) : Uint8Array.from(packed)
  if (isBroken && body.length > 0) body[body.length >>> 1]! ^= 0x55
  const levelBytes = isV2 ? head.length : 0
  return { body, levelBytes, plainBytes: plain.length + levelBytes }
}

function place(bytes: Uint8Array): number {
  const at = memory.allocate(bytes.length)
  memory.bytes(at, bytes.length).set(bytes)
  return at
}

/** Puts a column and its page where the kernel finds them. */
function putColumn(at: number, any: AnyColumn, count: number): { target: number; column: number[]; page: number[] } {
  const { body, levelBytes, plainBytes } = pack(any)
  const { type, encoding, isPacked, isSnappy, bytes, layout, entries } = any
  const width = layout === LAYOUT.sparse ? 16 : bytes
  const page = Array<number>(PAGE_ENTRY_WORDS).fill(0)
  const words = Array<number>(PAGE_COLUMN_WORDS).fill(0)
  const pageOf = { type, body: place(body), packedBytes: body.length, plainBytes, values: count, encoding }
  const rest = { crc32: 0, levelBytes, isPacked: isPacked ? 1 : 0 }
  for (const [name, value] of Object.entries({ ...pageOf, ...rest })) page[PAGE_ENTRY[name as 'type']] = value
  const dictionary = place(
    width === 8
      ? new Uint8Array(Float64Array.from({ length: entries }, (_, i) => i * 1.5).buffer)
      : Uint8Array.from({ length: entries * width }, (_, i) => (i * 7 + 1) % 251),
  )
  const target = memory.allocate(PAGE_ROWS * width)
  memory.bytes(target, PAGE_ROWS * width).fill(0)
  const columnOf = { pages: place(new Uint8Array(Uint32Array.from(page).buffer)), count: any.count, target, dictionary }
  const family = place(Uint8Array.from(any.families, (value) => (any.isV4 ? 4 : value)))
  const room = Math.max(0, plainBytes + any.extraRoom)
  const codec = { codec: isSnappy ? 1 : 0, bytes: width, entries, layout, isOptional: layout === LAYOUT.dense ? 0 : 1 }
  for (const [name, value] of Object.entries({ ...columnOf, ...codec, family, room, isZero: 1 }))
    words[PAGE_COLUMN[name as 'pages']] = value
  words.forEach((word, i) => {
    view.setUint32(at + i * 4, word, true)
  })
  return { target, column: words, page }
}

describe('the kernel that reads pages of several columns', () => {
  it('decodes what its twin decodes, or stops at the same column with the same code', () => {
    const outcomes = { decoded: 0, refused: 0 }
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), rows, fc.nat(9), (list, count, other) => {
        memory.release(base)
        const scratch = memory.allocate(1024)
        const dense = memory.allocate(64 * 16)
        const failed = memory.allocate(4)
        const at = memory.allocate(list.length * PAGE_COLUMN_WORDS * 4)
        const put = list.map((any, i) => putColumn(at + i * PAGE_COLUMN_WORDS * 4, any, count))
        const twin = memory.bytes(0, memory.sizeBytes).slice()
        const number = other === 0 ? 1 : 0
        const expected = readPages(twin, at, list.length, number, count, failed)
        const got = kernels.readPages(at, list.length, number, count, scratch, dense, failed)
        expect(got).toBe(expected)
        outcomes[got === 0 ? 'decoded' : 'refused']++
        if (got < 0) expect(view.getUint32(failed, true)).toBe(new DataView(twin.buffer).getUint32(failed, true))
        else
          for (const [i, { target, column }] of put.entries()) {
            const length = count * column[PAGE_COLUMN.bytes]!
            expect(Buffer.compare(memory.bytes(target, length), twin.subarray(target, target + length))).toBe(0)
            const isZero = at + (i * PAGE_COLUMN_WORDS + PAGE_COLUMN.isZero) * 4
            expect(view.getUint32(isZero, true)).toBe(new DataView(twin.buffer).getUint32(isZero, true))
          }
      }),
      { numRuns: 400 },
    )
    expect(outcomes.decoded).toBeGreaterThan(20)
    expect(outcomes.refused).toBeGreaterThan(100)
  })

  it('unpacks a page as its twin does', () => {
    fc.assert(
      fc.property(column, rows, (any, count) => {
        memory.release(base)
        const out = memory.allocate(4)
        const at = memory.allocate(PAGE_COLUMN_WORDS * 4)
        const to = memory.allocate(1024)
        const { column, page } = putColumn(at, any, count)
        const named = <T extends object>(places: T, words: readonly number[]): { [K in keyof T]: number } =>
          Object.fromEntries(Object.entries(places).map(([name, i]) => [name, words[i]])) as { [K in keyof T]: number }
        const [entry, room] = [column[PAGE_COLUMN.pages]!, column[PAGE_COLUMN.room]!]
        const expected = unpackPage(
          memory.bytes(0, memory.sizeBytes).slice(),
          named(PAGE_COLUMN, column),
          named(PAGE_ENTRY, page),
        )
        const length = kernels.unpackPage(at, entry, to, room, out)
        if (typeof expected === 'number') expect(length).toBe(expected)
        else expect([...memory.bytes(view.getUint32(out, true), length)]).toEqual([...expected])
      }),
      { numRuns: 200 },
    )
  })
})
