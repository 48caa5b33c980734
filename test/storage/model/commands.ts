import { StorageError } from '../../../src/storage/errors.ts'
import { gc } from '../../../src/storage/gc.ts'
import { acquireLease } from '../../../src/storage/lease.ts'
import type { Action, BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { StoreSnapshot } from '../../../src/storage/manifest/manifest.ts'
import { fc } from '../../kit/fast-check.ts'
import { collect, exampleLedger } from '../manifest/examples.ts'
import type { Mishap, Writer } from './world.ts'
import { GRACE_MS, RETAIN_MS, World, WRITERS } from './world.ts'

/** What happens, as plain data. */
export interface Command {
  /** Done by a writer, while something may befall it. */
  readonly work: Work
  readonly writer: number
  readonly mishap?: Mishap | undefined
  /** Done by the next writer at the same time, its calls of the store coming between; while the first sleeps, all of it. */
  readonly meanwhile: readonly Work[]
  /** How far the clock goes on, milliseconds: after this, or while the writer sleeps. */
  readonly ms: number
}

export type Work = keyof typeof WORKS

const WORKS = {
  /** A few blocks and their ledger in one commit. */
  async ingest(world: World, writer: Writer): Promise<void> {
    const blocks = [await world.upload(writer, world.newFlows(20)), await world.upload(writer, world.newFlows(20))]
    await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
  },
  /** Many small commits, past the next checkpoint. */
  async burst(world: World, writer: Writer): Promise<void> {
    for (let i = 20 + world.random(50); i > 0; i--) {
      const blocks = i % 8 === 0 ? [await world.upload(writer, world.newFlows(3))] : []
      await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
    }
  },
  /** Uploads ... */
  async upload(world: World, writer: Writer): Promise<void> {
    writer.pending.push(await world.upload(writer, world.newFlows(20)))
  },
  /** ... and commits, whenever that is. */
  async commitUploads(world: World, writer: Writer): Promise<void> {
    const blocks = writer.pending.splice(0)
    await world.transact(writer, { operation: 'ingest', writer: writer.name, actions: additions(world, blocks) })
  },
  /** Tries the transaction again whose outcome is unknown, as a daemon does when it is started again. */
  async tryAgain(world: World, writer: Writer): Promise<void> {
    const { doubtful } = writer
    if (doubtful === undefined) return
    writer.retried = doubtful.sequence
    await world.transact(writer, doubtful.options, doubtful.sequence)
  },
  /** Replaces some live blocks by one with their flows. */
  async compact(world: World, writer: Writer): Promise<void> {
    const chosen = await someBlocks(world, await writer.manifest.snapshot())
    const block = await world.upload(
      writer,
      chosen.flatMap(({ exporters }) => exporters),
    )
    const actions: Action[] = [...removals(chosen), { type: 'addBlock', dataset: 'flows', block }]
    await world.transact(writer, { operation: 'compact', writer: writer.name, actions })
  },
  async remove(world: World, writer: Writer): Promise<void> {
    const actions = removals(await someBlocks(world, await writer.manifest.snapshot()))
    await world.transact(writer, { operation: 'remove', writer: writer.name, actions })
  },
  /** As a run replaces its result: whatever is live, by something new. */
  async replace(world: World, writer: Writer): Promise<void> {
    const block = await world.upload(writer, world.newFlows(5))
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
    const run = `${name}-${world.random(1_000_000)}`
    const version = 1 + world.random(newest)
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

const work = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(WORKS) as Work[])) },
  { weight: 1, arbitrary: fc.constantFrom<Work>('ingest', 'remove', 'compact', 'gc', 'hold') },
)

const mishap = fc.record({
  call: fc.nat({ max: 40 }),
  when: fc.constantFrom('before' as const, 'after' as const),
  what: fc.constantFrom('death' as const, 'silence' as const, 'sleep' as const),
})

const command: fc.Arbitrary<Command> = fc.record({
  work,
  writer: fc.nat({ max: WRITERS - 1 }),
  mishap: fc.option(mishap, { nil: undefined }),
  meanwhile: fc.oneof(fc.constant([]), fc.array(work, { maxLength: 3 })),
  ms: fc.constantFrom(0, 0, 1000, 60_000, 700_000, 7_200_000),
})

/** Random interleavings: after each command everything that can be seen must equal the model. */
export const interleavings = fc.tuple(fc.array(command, { minLength: 1, maxLength: 25 }), fc.nat())

export async function runInterleaving([commands, seed]: [Command[], number]): Promise<void> {
  const world = new World(seed)
  await world.start()
  for (const command of commands) {
    await run(world, command)
    await world.check()
  }
}

async function run(world: World, { work: first, writer, mishap: befalls, meanwhile, ms }: Command): Promise<void> {
  const advance = async (): Promise<void> => {
    await world.system.advance(ms)
    for (const lease of world.leases) await lease.renew()
  }
  const next = async (): Promise<void> => {
    for (const other of meanwhile) await world.as((writer + 1) % WRITERS, (two) => WORKS[other](world, two))
  }
  const sleeps = befalls?.what === 'sleep'
  const others = async (): Promise<void> => {
    await advance()
    await next()
  }
  const one = world.as(writer, (alone) => WORKS[first](world, alone), { mishap: befalls, others })
  await Promise.all(sleeps ? [one] : [one, next()])
  await advance()
}
