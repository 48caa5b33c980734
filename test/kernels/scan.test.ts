import { describe, expect, it } from 'vitest'
import { COUNTS, foldRows } from '../../src/kernels/fold.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { MEMO_BYTES, SCAN, SCAN_BYTES, SCAN_LEFT, SCAN_PART, SCAN_STEP_BYTES } from '../../src/kernels/scan.ts'
import { TABLE_WORDS } from '../../src/kernels/table.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = KernelMemory.create(24 << 20)
const kernels = loadKernels(memory)
const base = memory.mark
const { buffer } = memory.memory
const words = new Uint32Array(buffer)

/** Entries for which the tables have room, more than a memo can tell. */
const MOST_ENTRIES = 100_000
const SLOTS = 262_144
/** Three times as many as a memo looks up at once. */
const ROWS = 2048 * 3

type Shape = readonly { readonly bytes: 1 | 2 | 4; readonly prefix?: number }[]

/** Columns of keys whose bits together are at most 32: bytes of a value, or the bits of a prefix. */
const SHAPES: readonly Shape[] = [
  [{ bytes: 4 }],
  [{ bytes: 4, prefix: 24 }],
  [{ bytes: 4, prefix: 0 }],
  [{ bytes: 4, prefix: 32 }],
  [{ bytes: 4, prefix: 24 }, { bytes: 1 }],
  [{ bytes: 1 }, { bytes: 4, prefix: 17 }],
  [{ bytes: 4 }, { bytes: 4, prefix: 0 }],
  [
    { bytes: 4, prefix: 0 },
    { bytes: 4, prefix: 0 },
  ],
  [{ bytes: 2 }, { bytes: 2 }],
  [{ bytes: 1 }, { bytes: 2 }, { bytes: 1 }],
]

interface KeyColumn {
  readonly at: number
  readonly bytes: 1 | 2 | 4
  readonly prefix?: number
}

const widthOf = (columns: readonly Pick<KeyColumn, 'prefix'>[]): number =>
  columns.reduce((width, { prefix }) => width + (prefix === undefined ? 1 : 2), 0)

const maskOf = (bits: number): number => (bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0)

/** Writes the keys of rows as words, as the general way does. */
function writeKeys(columns: readonly KeyColumn[], rows: number, keys: number): void {
  const view = new DataView(buffer)
  let next = keys / 4
  for (let row = 0; row < rows; row++)
    for (const { at, bytes, prefix } of columns) {
      let value = 0
      for (let byte = bytes - 1; byte >= 0; byte--) value = value * 256 + view.getUint8(at + row * bytes + byte)
      words[next++] = prefix === undefined ? value : value & maskOf(prefix)
      if (prefix !== undefined) words[next++] = prefix
    }
}

function placeTable(width: number, stride: number): { at: number; end: number } {
  const at = memory.allocate(TABLE_WORDS * 4)
  const slots = memory.array(Uint32Array, SLOTS).byteOffset
  const entries = memory.array(Uint8Array, MOST_ENTRIES * stride).byteOffset
  words.set([slots, SLOTS - 1, entries, 0, stride, width], at / 4)
  return { at, end: entries + MOST_ENTRIES * stride }
}

/** A scan that adds the rows of some columns to a table it has a memo of. */
function placeScan(columns: readonly KeyColumn[], told: Partial<Record<keyof typeof SCAN, number>>): number {
  const scan = memory.array(Uint32Array, SCAN_BYTES / 4)
  const parts = memory.allocate(columns.length * SCAN_STEP_BYTES)
  let word = 0
  for (const [i, { at, bytes, prefix }] of columns.entries()) {
    const part = (parts + i * SCAN_STEP_BYTES) / 4
    if (prefix === undefined) words.set([SCAN_PART.masked, at, bytes, 0xffff_ffff, word++, 0], part)
    else words.set([SCAN_PART.prefixes, at, bytes, maskOf(prefix), word, prefix], part)
    if (prefix !== undefined) word += 2
  }
  const memo = memory.array(Uint8Array, MEMO_BYTES).byteOffset
  const rooms = { parts, partCount: columns.length, memo, keys: memory.allocate(4096 * word * 4), width: word }
  for (const [name, value] of Object.entries({ ...rooms, limited: 0xffff_ffff, mostEntries: MOST_ENTRIES, ...told }))
    scan[SCAN[name as keyof typeof SCAN]] = value
  const left = new Float64Array(buffer, scan.byteOffset, SCAN_BYTES / 8)
  for (const at of Object.values(SCAN_LEFT)) left[at] = Number.POSITIVE_INFINITY
  return scan.byteOffset
}

/** Fills columns with keys that `keyOf` numbers. */
function fillKeys(columns: readonly KeyColumn[], rows: number, keyOf: (row: number) => number): void {
  const view = new DataView(buffer)
  for (let row = 0; row < rows; row++) {
    const value = Math.imul(keyOf(row), 0x9e37_79b1)
    for (const { at, bytes } of columns)
      for (let byte = 0; byte < bytes; byte++) view.setUint8(at + row * bytes + byte, value >>> (24 - byte * 8))
  }
}

/** Adds pages of rows by a scan and by the twin, whose table must be the same after each. Gives the entries and what the memo counted. */
function addPages(
  key: Shape,
  sums: number,
  counts: number,
  pages: number,
  fill: (columns: readonly KeyColumn[], page: number) => number,
) {
  memory.release(base)
  const columns = key.map((part) => ({ ...part, at: memory.allocate(ROWS * part.bytes) }))
  const sources = memory.array(Uint32Array, sums)
  for (let s = 0; s < sums; s++) sources[s] = memory.allocate(ROWS * 8)
  const width = widthOf(key)
  const keys = memory.allocate(ROWS * 4 * width)
  const table = placeTable(width, ((width * 4 + 7) & ~7) + (counts === COUNTS.apart ? 8 : 0) + sums * 8)
  const told = {
    table: table.at,
    sums,
    counting: counts,
    sources: sources.byteOffset,
    values: memory.allocate(sums * 4),
  }
  const scan = placeScan(columns, told)
  const twin = buffer.slice(0, table.end)
  const bytes = new Uint8Array(twin)
  const arrays = {
    bytes,
    words: new Uint32Array(twin),
    doubles: new Float64Array(twin),
    integers: new BigUint64Array(twin),
  }
  for (let page = 0; page < pages; page++) {
    const rows = fill(columns, page)
    sources.forEach((at, s) => {
      const values = new Float64Array(buffer, at, rows)
      for (let row = 0; row < rows; row++) values[row] = (row * 7919 + page + s) % 2 ** 14
    })
    writeKeys(columns, rows, keys)
    bytes.set(memory.bytes(base, table.at - base), base)
    expect(kernels.scanRows(scan, rows)).toBe(1)
    foldRows(arrays, keys, rows, 0, table.at, sources.byteOffset, sums, counts)
    expect(Buffer.compare(memory.bytes(table.at, table.end - table.at), bytes.subarray(table.at))).toBe(0)
  }
  const memo = words[scan / 4 + SCAN.memo]! / 4
  return { entries: words[table.at / 4 + 3]!, rows: words[memo]!, missed: words[memo + 1]! }
}

describe('a scan with a memo of its table leaves the entries that the twin leaves by the words of keys', () => {
  const shape = fc.constantFrom(...SHAPES)
  const counting = fc.constantFrom(...Object.values(COUNTS))

  it('on keys of every shape, some of which come often', () => {
    fc.assert(
      fc.property(shape, counting, fc.integer({ min: 1, max: 3 }), fc.nat(), (key, counts, sums, seed) => {
        const random = seededRandom(seed)
        const spread = 2 ** Math.floor(random() * 33)
        addPages(key, sums, counts, 2, (columns) => {
          const rows = 1 + Math.floor(random() * ROWS)
          fillKeys(columns, rows, () => Math.floor(random() * (random() < 0.5 ? Math.min(spread, 3) : spread)))
          return rows
        })
      }),
      { numRuns: 60 },
    )
  })

  it('on more keys than a memo can tell, each three times', () => {
    const { entries, rows, missed } = addPages([{ bytes: 4 }], 2, COUNTS.packed, 40, (columns, page) => {
      fillKeys(columns, ROWS, (row) => page * 2048 + (row % 2048))
      return ROWS
    })
    expect(entries).toBe(40 * 2048)
    // Each key once, those that it has no room for each time, and hardly any because another had its place.
    expect(rows).toBe(40 * ROWS)
    expect(missed).toBeGreaterThanOrEqual(entries + (entries - 65_535) * 2)
    expect(missed).toBeLessThan(entries * 1.5)
  })

  it('on keys that never come again, until it is no longer asked', () => {
    const { entries, rows, missed } = addPages(
      [{ bytes: 4, prefix: 24 }, { bytes: 1 }],
      1,
      COUNTS.none,
      14,
      (columns, page) => {
        fillKeys(columns, ROWS, (row) => page * ROWS + row)
        return ROWS
      },
    )
    expect(entries).toBe(14 * ROWS)
    expect(missed).toBe(rows)
    expect(rows).toBe(Math.ceil(65_536 / ROWS) * ROWS)
  })
})
