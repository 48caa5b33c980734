/**
 * How a manifest of a million blocks opens: time, requests and memory of opening it, of listing one day and of listing everything,
 * against its peer: the same log replayed from its first commit, as a store without checkpoints would have to.
 *
 *   npx esbuild bench/manifest.ts --bundle --platform=node --format=esm --outfile=/tmp/bench-manifest.mjs && node --expose-gc /tmp/bench-manifest.mjs [blocks] [folder]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileStore } from '../src/storage/file-store.ts'
import type { Action, BlockInfo } from '../src/storage/manifest/actions.ts'
import { openManifest } from '../src/storage/manifest/manifest.ts'
import type { Snapshot } from '../src/storage/manifest/snapshot.ts'
import type { ObjectStore } from '../src/storage/store.ts'
import { seededSystem } from '../src/storage/system.ts'
import { countingStore } from '../test/storage/counting-store.ts'

const DAY = 86_400_000
const FIRST_DAY = Date.UTC(2026, 0, 1)
const DAYS = 365
const PER_COMMIT = 1000
const CHUNKS = 16
const TAIL = 100

const blocks = Number(process.argv[2] ?? 1_000_000)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'bench-manifest-'))
const store = openFileStore({ folder })
const system = seededSystem(1)

/** Block `i` of a year of blocks, in order of time: a minute of one collector, in chunks of 4,096 flows. */
function block(i: number): BlockInfo {
  const start = FIRST_DAY + Math.floor((i / blocks) * DAYS * DAY)
  const hour = new Date(start).toISOString().slice(0, 13).replace('T', '/')
  return {
    key: `data/flows/${hour}/${ulid(start, i)}.avro`,
    ...{ format: 'avro', sizeBytes: 2_000_000 + (i % 1000), records: CHUNKS * 4096, crc32: (i * 2654435761) >>> 0 },
    ...{ schemaId: 'flow-1', collector: `collector-${i % 8}`, exporters: [`192.0.2.${i % 8}`], samplingUnknown: 0 },
    ...{ minStart: start - 60_000, maxStart: start, minEnd: start - 59_000, maxEnd: start + 1000 },
    chunks: Array.from({ length: CHUNKS }, (_, c) => [700 + c * 125_000, 125_000, 4096, start - 60_000 + c, start + c]),
  }
}

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const base32 = (value: number, digits: number): string =>
  Array.from({ length: digits }, (_, i) => DIGITS[Math.floor(value / 32 ** (digits - 1 - i)) % 32]).join('')
const ulid = (time: number, i: number): string => base32(time, 10) + base32(i, 16)

async function build(): Promise<void> {
  const manifest = await openManifest(store, { system, create: true })
  const setup: Action[] = [
    { type: 'addDataset', dataset: 'flows' },
    { type: 'addSchema', schemaId: 'flow-1', schema: {} },
  ]
  await manifest.commit({ operation: 'setup', writer: 'bench', actions: setup })
  // Most in large commits, to be quick; the commits after the last checkpoint with a block each, as a daemon makes them.
  for (let from = 0, count = 0; from < blocks; from += count) {
    count = Math.max(1, Math.min(PER_COMMIT, blocks - TAIL - from))
    const actions = Array.from(
      { length: count },
      (_, i): Action => ({ type: 'addBlock', dataset: 'flows', block: block(from + i) }),
    )
    await manifest.commit({ operation: 'ingest', writer: 'bench', actions })
  }
}

async function measure<T>(
  name: string,
  work: () => Promise<T>,
  counts: () => { readonly [method: string]: number },
): Promise<T> {
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const began = performance.now()
  const result = await work()
  const ms = performance.now() - began
  globalThis.gc?.()
  const heap = (process.memoryUsage().heapUsed - heapBefore) / 1e6
  const rss = process.resourceUsage().maxRSS / 1e3
  const { read, list } = counts()
  console.log(
    `${name.padEnd(44)} ${ms.toFixed(0).padStart(8)} ms ${heap.toFixed(1).padStart(8)} MB kept ${rss.toFixed(0).padStart(6)} MB peak RSS ${read} reads ${list} lists`,
  )
  return result
}

async function listed(snapshot: Snapshot, period = {}): Promise<number> {
  let count = 0
  for await (const _ of snapshot.blocks('flows', period)) count++
  return count
}

/** The same store without its checkpoints and its hint. */
const logOnly = (inner: ObjectStore): ObjectStore => ({
  ...{ url: inner.url, write: inner.write.bind(inner), stat: inner.stat.bind(inner), remove: inner.remove.bind(inner) },
  read: (key, range) => inner.read(key.startsWith('manifest/') ? key : 'none', range),
  list: (prefix, startAfter) => inner.list(prefix.startsWith('manifest/') ? prefix : 'none', startAfter),
})

const began = performance.now()
await build()
console.log(`built ${blocks} blocks in ${((performance.now() - began) / 1000).toFixed(0)} s at ${folder}`)
const { store: counted, counts, reset } = countingStore(store)
const run = <T>(name: string, work: () => Promise<T>): Promise<T> => {
  reset()
  return measure(name, work, counts)
}
const manifest = await run('open', () => openManifest(counted, { system }))
const snapshot = await run('snapshot', () => manifest.snapshot())
await run('datasets', () => snapshot.datasets())
const day = FIRST_DAY + 100 * DAY
console.log(await run('blocks of one day', () => listed(snapshot, { from: day, to: day + DAY })))
console.log(await run('blocks of everything, streamed', () => listed(snapshot)))
if (blocks <= 300_000 || process.argv.includes('--peer')) {
  await run('peer: replay of the whole log', () => openManifest(logOnly(counted), { system }))
}
if (process.argv[3] === undefined) rmSync(folder, { recursive: true })
