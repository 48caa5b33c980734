/**
 * npm run bench:latency -- [--seconds 60] [--rate 25000] [--rolls 1s,5s] [--backlog 10000000] [--backlog-rate 100000]: how long a flow takes from its
 * datagram to a snapshot that a job would read; and how fast a real daemon stores what has come while its store, a MinIO that is killed, was
 * away: as blocks that wait, and as datagrams that nobody has decoded yet.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FLOW_COLUMNS, type FlowBatch } from '../src/flow/batch.ts'
import { readBlock } from '../src/storage/block/read.ts'
import type { BlockInfo } from '../src/storage/manifest/actions.ts'
import { type Manifest, openManifest } from '../src/storage/manifest/manifest.ts'
import { openStore } from '../src/storage/open.ts'
import type { ObjectStore } from '../src/storage/store.ts'
import { realSystem } from '../src/storage/system.ts'
import { BUCKET, startServer } from '../test/servers/servers.ts'
import { type BenchDaemon, sendFlows, startDaemon } from './lib/daemon.ts'
import { knowOptions, numberOption, textOption } from './lib/options.ts'

knowOptions('seconds', 'rate', 'rolls', 'backlog', 'backlog-rate')
const DAY_FLOWS = 25_000 * 86_400
const POLL_MS = 20
const system = realSystem()
const rate = numberOption('rate', 25_000)
const folder = mkdtempSync(join(tmpdir(), 'bench-latency-'))
/** Sends at a steady rate while a reader opens one snapshot after the other. */
async function latency(roll: string): Promise<void> {
  const url = `file:${join(folder, `store-${roll}`)}`
  const daemon = await startDaemon('--store', url, '--spool', join(folder, `spool-${roll}`), '--roll', roll)
  const store = await openStore(url)
  const manifest = await openManifest(store, { system, create: true })
  const watch = new Watch(manifest)
  const sent = await sendFlows(daemon.target, numberOption('seconds', 60) * rate, rate)
  await daemon.stop()
  const seen = await watch.end()
  const times = await latencies(store, manifest, seen)
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => `${(quantile(times, share) / 1000).toFixed(2)} s`)
  console.log(
    `roll ${roll}: ${sent} flows sent at ${rate}/s, ${times.length} seen in ${seen.size} blocks: p50 ${p50}, p99 ${p99}, max ${most}`,
  )
}

/** Notes when each block is first in a snapshot. */
class Watch {
  readonly #manifest: Manifest
  readonly #seen = new Map<string, number>()
  readonly #running: Promise<void>
  #ended = false

  constructor(manifest: Manifest) {
    this.#manifest = manifest
    this.#running = this.#run()
  }

  /** After a last look: the first sight of each block, by its key. */
  async end(): Promise<ReadonlyMap<string, number>> {
    this.#ended = true
    await this.#running
    await this.#look()
    return this.#seen
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await this.#look()
      await system.sleep(POLL_MS)
    }
  }

  async #look(): Promise<void> {
    const blocks = await flowBlocks(this.#manifest)
    const now = Date.now()
    for (const { key } of blocks) if (!this.#seen.has(key)) this.#seen.set(key, now)
  }
}

async function flowBlocks(manifest: Manifest): Promise<BlockInfo[]> {
  const snapshot = await manifest.snapshot()
  const blocks: BlockInfo[] = []
  if (!(await snapshot.datasets()).some(({ dataset }) => dataset === 'flows')) return blocks
  for await (const block of snapshot.blocks('flows')) blocks.push(block)
  return blocks
}

/** Of every flow the milliseconds from its arrival to the first sight of its block, ascending. */
async function latencies(
  store: ObjectStore,
  manifest: Manifest,
  seen: ReadonlyMap<string, number>,
): Promise<Float64Array> {
  const snapshot = await manifest.snapshot()
  const times: number[] = []
  for (const block of await flowBlocks(manifest)) {
    const schema = await snapshot.schema(block.schemaId)
    for await (const { batch } of readBlock({ store, block, schema, columns: FLOW_COLUMNS })) {
      const { received } = (batch as FlowBatch).columns // as asked for
      for (let row = 0; row < batch.length; row++)
        times.push((seen.get(block.key) ?? Number.NaN) - received.values[row]!)
    }
  }
  return Float64Array.from(times).sort()
}

const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN

/** Twice the same flows while the store is away: to a daemon that had it, and to one that is started without it. */
async function backlogs(): Promise<void> {
  const server = await startServer('minio')
  try {
    const url = `s3://${BUCKET}/backlog?endpoint=${server.endpoint}`
    const options = ['--store', url, '--spool', join(folder, 'spool'), '--spool-budget', '20GB']
    let daemon = await startDaemon(...options, '--roll', '1s')
    await sendFlows(daemon.target, 1000, 1000, '--protocol', 'v5')
    await daemon.stop()
    for (const kind of ['blocks', 'datagrams'] as const) {
      if (kind === 'datagrams') process.kill(server.pid, 'SIGKILL')
      daemon = await startDaemon(...options, '--roll', '2s')
      if (kind === 'blocks') process.kill(server.pid, 'SIGKILL')
      await drain(kind, daemon, () => server.restart(), url)
    }
  } finally {
    await server.stop()
  }
}

async function drain(kind: string, daemon: BenchDaemon, comeBack: () => Promise<void>, url: string): Promise<void> {
  const backlog = numberOption('backlog', 10_000_000)
  const sent = await sendFlows(daemon.target, backlog, numberOption('backlog-rate', 100_000), '--protocol', 'v5')
  const commits = await daemon.metric('commits_total')
  const waiting = (await daemon.metric('rolls_waiting_bytes')) + (await daemon.metric('spool_log_bytes'))
  const started = performance.now()
  await comeBack()
  const before = await storedFlows(url)
  while ((await daemon.metric('commits_total')) === commits) await system.sleep(50)
  const begun = performance.now()
  while (!(await isIdle(daemon))) await system.sleep(100)
  const [waited, seconds] = [begun - started, performance.now() - started].map((ms) => ms / 1000) as [number, number]
  const stored = (await storedFlows(url)) - before
  const kernel = await daemon.metric('datagrams_kernel_dropped_total')
  const lost = await daemon.metric('lost')
  await daemon.stop()
  const perSecond = stored / seconds
  const hours = (DAY_FLOWS / (perSecond - rate) / 3600).toFixed(1)
  console.log(
    `${kind}: ${sent} flows sent while the store was away (${commits} commits, ${Math.round(waiting / 1e6)} MB waited, ` +
      `${kernel} datagrams dropped by the kernel, ${lost} flows lost), ${stored} stored ${seconds.toFixed(1)} s after it came back, the first roll after ${waited.toFixed(1)} s: ${Math.round(perSecond / 1000)} k flows/s`,
  )
  console.log(
    `  extrapolated: a day at ${rate}/s (${DAY_FLOWS} flows) is caught up with in ${hours} hours while as much comes in`,
  )
}

/** Everything received is decoded and committed. */
async function isIdle(daemon: BenchDaemon): Promise<boolean> {
  const waits = ['waiting_chunks', 'open_bytes', 'rolls_waiting'].map((name) => daemon.metric(name))
  return (await daemon.metric('store_opened')) === 1 && (await Promise.all(waits)).every((value) => value === 0)
}

async function storedFlows(url: string): Promise<number> {
  const manifest = await openManifest(await openStore(url), { system })
  return (await flowBlocks(manifest)).reduce((sum, { records }) => sum + records, 0)
}

try {
  for (const roll of textOption('rolls', '1s,5s').split(',')) await latency(roll)
  await backlogs()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
