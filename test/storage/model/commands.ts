import fc from 'fast-check'
import { StorageError } from '../../../src/storage/errors.ts'
import { gc } from '../../../src/storage/gc.ts'
import { acquireLease } from '../../../src/storage/lease.ts'
import type { Action, BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { StoreSnapshot } from '../../../src/storage/manifest/manifest.ts'
import type { CrashPoint } from '../faulty-store.ts'
import { collect, exampleLedger } from '../manifest/examples.ts'
import { GRACE_MS, RETAIN_MS, World, WRITERS, type Writer } from './world.ts'

/** What a writer may be told to do, as plain data. */
export type Command =
  | { readonly type: 'work'; readonly work: Work; readonly writer: number; readonly crash?: CrashPoint }
  /** Two writers at once, their calls of the store in any order. */
  | {
      readonly type: 'both'
      readonly works: readonly [Work, Work]
      readonly writer: number
      readonly crash?: CrashPoint
    }
  | { readonly type: 'advance'; readonly ms: number }

export type Work = keyof typeof WORKS

const WORKS = {
  /** A few blocks and their ledger in one commit. */
  async ingest(world: World, writer: Writer): Promise<void> {
    const blocks = [await world.upload(writer, world.random(100)), await world.upload(writer, world.random(100))]
    await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
  },
  /** Many small commits, past the next checkpoint. */
  async burst(world: World, writer: Writer): Promise<void> {
    for (let i = 20 + world.random(50); i > 0; i--) {
      const blocks = i % 8 === 0 ? [await world.upload(writer, 1)] : []
      await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
    }
  },
  /** Uploads and falls asleep before the commit ... */
  async upload(world: World, writer: Writer): Promise<void> {
    writer.pending.push(await world.upload(writer, world.random(100)))
  },
  /** ... and wakes up. */
  async commitUploads(world: World, writer: Writer): Promise<void> {
    const blocks = writer.pending.splice(0)
    await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
  },
  /** Replaces some live blocks by one of as many records. */
  async compact(world: World, writer: Writer): Promise<void> {
    const chosen = await someBlocks(world, await writer.manifest.snapshot())
    const whole = await world.upload(
      writer,
      chosen.reduce((sum, { records }) => sum + records, 0),
    )
    const actions = [...removals(chosen), { type: 'addBlock', dataset: 'flows', block: whole } as const]
    await world.transact(writer, { operation: 'compact', writer: writer.name, actions })
  },
  async remove(world: World, writer: Writer): Promise<void> {
    const actions = removals(await someBlocks(world, await writer.manifest.snapshot()))
    await world.transact(writer, { operation: 'remove', writer: writer.name, actions })
  },
  /** As a run replaces its result: whatever is live, by something new. */
  async replace(world: World, writer: Writer): Promise<void> {
    const block = await world.upload(writer, 5)
    const actions = async (snapshot: StoreSnapshot): Promise<readonly Action[]> => [
      ...removals((await collect(snapshot.blocks('flows'))).slice(0, 10)),
      { type: 'addBlock', dataset: 'flows', block },
    ]
    await world.transact(writer, { operation: 'run', writer: writer.name, actions })
  },
  async gc(world: World, { store, manifest }: Writer): Promise<void> {
    await orRefused(gc({ store, manifest, system: world.system, retainMs: RETAIN_MS, graceMs: GRACE_MS }))
  },
  /** Holds any version that is still kept, as a run does. */
  async hold(world: World, { store, manifest, name }: Writer): Promise<void> {
    const { version: newest } = await manifest.snapshot()
    const version = newest - Math.floor(world.random(newest) * world.system.random())
    const run = `${name}-${world.random(1_000_000)}`
    const lease = await orRefused(acquireLease({ store, manifest, system: world.system, name: run, version }))
    if (lease !== undefined) world.leases.push(lease)
  },
  async letGo(world: World): Promise<void> {
    await world.leases.shift()?.release()
  },
}

/** Undefined when the conflict rules or the horizon forbid it, which they may. */
async function orRefused<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StorageError && ['conflict', 'behind-horizon'].includes(error.code)) return undefined
    throw error
  }
}

function additions(world: World, blocks: readonly BlockInfo[]): Action[] {
  const minute = Math.floor(world.system.now() / 60_000) * 60_000
  const received = blocks.reduce((sum, { records }) => sum + records, 0)
  return [
    ...blocks.map((block): Action => ({ type: 'addBlock', dataset: 'flows', block })),
    { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(minute, { received })] },
  ]
}

const removals = (blocks: readonly BlockInfo[]): Action[] =>
  blocks.map(({ key }) => ({ type: 'removeBlock', dataset: 'flows', key }))

async function someBlocks(world: World, snapshot: StoreSnapshot): Promise<BlockInfo[]> {
  const blocks = await collect(snapshot.blocks('flows'))
  return blocks.filter(() => world.random(blocks.length) < 5)
}

const crash = fc.record({ call: fc.nat({ max: 40 }), when: fc.constantFrom('before' as const, 'after' as const) })
const work = fc.constantFrom(...(Object.keys(WORKS) as Work[]))
const writer = fc.nat({ max: WRITERS - 1 })

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('work' as const), work, writer }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('work' as const), work, writer, crash }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('both' as const), works: fc.tuple(work, work), writer }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('both' as const), works: fc.tuple(work, work), writer, crash }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(1000, 60_000, 700_000, 7_200_000),
    }),
  },
)

/** Random interleavings: after each command everything that can be seen must equal the model. */
export const interleavings = fc.tuple(fc.array(command, { minLength: 1, maxLength: 25 }), fc.nat())

export async function runInterleaving([commands, seed]: [Command[], number]): Promise<void> {
  const world = new World(seed)
  await world.start()
  for (const next of commands) {
    await run(world, next)
    await world.check()
  }
}

async function run(world: World, next: Command): Promise<void> {
  if (next.type === 'advance') {
    await world.system.advance(next.ms)
    for (const lease of world.leases) await lease.renew()
    return
  }
  if (next.type === 'work') {
    await world.as(next.writer, next.crash, (alone) => WORKS[next.work](world, alone))
    return
  }
  const other = (next.writer + 1) % WRITERS
  const [left, right] = next.works
  await Promise.all([
    world.as(next.writer, next.crash, (one) => WORKS[left](world, one)),
    world.as(other, undefined, (two) => WORKS[right](world, two)),
  ])
}
