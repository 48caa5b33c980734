/**
 * Nanoseconds a row of the kernels that scans of Parquet blocks are made of, over the first block of flows of a store: every call is timed by itself, after the pages before it, so that quantiles leave out what else the machine does.
 *
 *   node scripts/run-ts.mjs bench/micro-scan.ts file:STORE [rounds]
 */
import type { Batch } from '../src/flow/batch.ts'
import { FLOW_COLUMNS } from '../src/flow/batch.ts'
import { COUNTS } from '../src/kernels/fold.ts'
import type { KernelMemory } from '../src/kernels/memory.ts'
import { PAGE_COLUMN_WORDS } from '../src/kernels/pages.ts'
import type { KernelInstance } from '../src/kernels/pool.ts'
import { borrowKernels, returnKernels } from '../src/kernels/pool.ts'
import {
  MEMO_BYTES,
  SCAN,
  SCAN_BYTES,
  SCAN_LEFT,
  SCAN_MARK_BYTES,
  SCAN_PART,
  SCAN_SLICE,
  SCAN_STEP_BYTES,
} from '../src/kernels/scan.ts'
import { TABLE_WORDS } from '../src/kernels/table.ts'
import { readBlockPages } from '../src/storage/block/read.ts'
import type { PackedPages } from '../src/storage/block/row-pages.ts'
import { openManifest } from '../src/storage/manifest/manifest.ts'
import { openStore } from '../src/storage/open.ts'
import { PAGE_ROWS } from '../src/storage/parquet/rows.ts'
import { realSystem } from '../src/storage/system.ts'

const KEYS = 65_536
const QUANTILES = [0.05, 0.25, 0.5]

const [url = '', rounds = '5'] = process.argv.slice(2)
const store = await openStore(url)
const snapshot = await (await openManifest(store, { system: realSystem() })).snapshot()
const { value: block } = await snapshot.blocks('flows')[Symbol.asyncIterator]().next()
if (!block) throw new Error(`micro-scan: a store with flows expected, got ${url}`)
const schema = await snapshot.schema(block.schemaId)

/** Of each kernel the ns a row of its calls. */
const times = new Map<string, number[]>()

function timed(name: string, rows: number, run: () => unknown): void {
  const begin = process.hrtime.bigint()
  run()
  const list = times.get(name) ?? []
  times.set(name, list)
  list.push(Number(process.hrtime.bigint() - begin) / rows)
}

/** Works on a page: `at` tells where the values of a column lie. */
type Work = (at: (column: string) => number, rows: number) => void

/** Has `open`'s work done on every page of the block with some columns, and prints what was timed. */
async function scan(names: readonly string[], open: (instance: KernelInstance) => Work): Promise<void> {
  const columns = FLOW_COLUMNS.filter(({ name }) => names.includes(name))
  for (let round = 0; round < Number(rounds); round++) {
    const instance = borrowKernels(128 << 20)
    const work = open(instance)
    const options = { store, block, schema, columns, kernels: instance }
    for await (const pages of readBlockPages(options)) pages.scan?.((packed) => scanGroup(instance, packed, work))
    returnKernels(instance)
  }
  process.stdout.write(`${names.join(', ')}: ns a row, quantiles ${QUANTILES.join(', ')}\n`)
  for (const [name, list] of times) {
    list.sort((a, b) => a - b)
    const shown = QUANTILES.map((share) => list[Math.floor(list.length * share)]!.toFixed(2).padStart(7))
    process.stdout.write(`  ${name.padEnd(24)}${shown.join(' ')}\n`)
  }
  times.clear()
}

function scanGroup({ kernels, memory }: KernelInstance, packed: PackedPages, work: Work): number {
  const { batch, columnsAt, count, rows, scratch, dense } = packed
  const word = memory.allocate(8)
  const pages = Math.ceil(rows / PAGE_ROWS)
  for (let page = 0; page < pages; page++) {
    const length = Math.min(PAGE_ROWS, rows - page * PAGE_ROWS)
    for (let leaf = 0; leaf < count; leaf++) {
      const column = columnsAt + leaf * PAGE_COLUMN_WORDS * 4
      timed(`decode leaf ${leaf}`, length, () => kernels.readPages(column, 1, page, length, scratch, dense, word))
    }
    work((name) => valuesAt(batch, name), length)
  }
  return pages
}

function valuesAt({ columns }: Batch, name: string): number {
  const column = columns[name]!
  if (column.type === 'address') return column.v4.byteOffset
  if (!('values' in column)) throw new Error(`micro-scan: a column of numbers expected, got ${name}`)
  return column.values.byteOffset
}

/** A table of /24 with two sums and counts in the last. */
function tableOf(memory: KernelMemory): number {
  const slots = memory.array(Uint32Array, KEYS).byteOffset
  const entries = memory.array(Uint8Array, KEYS * 24).byteOffset
  const table = memory.array(Uint32Array, TABLE_WORDS)
  table.set([slots, KEYS - 1, entries, 0, 24, 2])
  return table.byteOffset
}

await scan(['dstPort', 'bytes', 'packets'], ({ kernels, memory }) => {
  const places = memory.array(Uint8Array, KEYS * 16).byteOffset
  const values = memory.array(Uint32Array, 2)
  return (at, rows) => {
    values.set([at('bytes'), at('packets')])
    timed(
      'sumDoubles, twice',
      rows,
      () => kernels.sumDoubles(at('bytes'), rows) + kernels.sumDoubles(at('packets'), rows),
    )
    timed('foldPacked', rows, () => kernels.foldPacked(at('dstPort'), 2, rows, 0, places, values.byteOffset))
  }
})

for (const knows of [false, true])
  await scan(['dstAddr', 'bytes', 'packets'], ({ kernels, memory }) => {
    const words = memory.array(Uint32Array, SCAN_BYTES / 4)
    const part = memory.array(Uint32Array, SCAN_STEP_BYTES / 4)
    const sources = memory.array(Uint32Array, 2)
    const told = {
      ...{ width: 2, table: tableOf(memory), sums: 2, counting: COUNTS.packed, limited: 1, mostEntries: KEYS },
      ...{ partCount: 1, parts: part.byteOffset, sources: sources.byteOffset, values: memory.allocate(8) },
      ...{ keys: memory.allocate(SCAN_SLICE * 8), memo: knows ? memory.array(Uint8Array, MEMO_BYTES).byteOffset : 0 },
    }
    for (const [name, value] of Object.entries(told)) words[SCAN[name as keyof typeof told]] = value
    const left = new Float64Array(words.buffer, words.byteOffset, SCAN_BYTES / 8)
    for (const at of Object.values(SCAN_LEFT)) left[at] = Number.POSITIVE_INFINITY
    return (at, rows) => {
      part.set([SCAN_PART.prefixes, at('dstAddr'), 4, 0xffff_ff00, 0, 24])
      sources.set([at('bytes'), at('packets')])
      timed(knows ? 'scanRows with a memo' : 'scanRows', rows, () => kernels.scanRows(words.byteOffset, rows))
    }
  })

await scan(['start'], () => () => undefined)

await scan(['proto', 'dstPort', 'bytes', 'srcAddr'], ({ kernels, memory }) => {
  const marks = memory.allocate(SCAN_MARK_BYTES * 3)
  return (at, rows) =>
    timed('markRange, three times', rows, () => {
      kernels.markRange(at('proto'), 1, 6, 6, rows, marks)
      kernels.markRange(at('dstPort'), 2, 443, 443, rows, marks + SCAN_MARK_BYTES)
      kernels.markRange(at('bytes'), 8, 10_001, Number.MAX_SAFE_INTEGER, rows, marks + SCAN_MARK_BYTES * 2)
    })
})
