import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkWriter } from '../../../src/ingest/daemon/chunk.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { realSystem, seededSystem } from '../../../src/storage/system.ts'
import { type CrashPoint, crashingStore, faultyStore } from '../../storage/faulty-store.ts'
import { storedLedger, storedTotals } from '../flows.ts'
import { closeLogs, type DrivenSession, startSession, trafficChunks } from './session.ts'

/** What a daemon that dies leaves behind, and what the next one makes of it: every flow is committed once, whatever the moment. */

const CHUNKS = 6
const FLOWS = 300
let chunks: ChunkWriter[]
beforeAll(() => {
  chunks = trafficChunks(CHUNKS, FLOWS)
})

const root = mkdtempSync(join(tmpdir(), 'flowreduce-recovery-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(closeLogs)
let places = 0
function place(): { store: ObjectStore; spoolFolder: string } {
  const name = `recovery-${process.pid}-${places++}`
  return { store: openMemoryStore({ name, system: realSystem() }), spoolFolder: mkdtempSync(join(root, 'spool-')) }
}

/** Feeds chunks `from` .. `to`, rolling after every second one. */
async function feed(session: DrivenSession, from: number, to: number): Promise<void> {
  for (let index = from; index < to && session.fatal.length === 0; index++) {
    await session.feed(chunks[index]!)
    if (index % 2 === 1) {
      session.collector.roll()
      await session.outbox.drain(true)
    }
  }
}

async function finish(session: DrivenSession): Promise<void> {
  session.collector.roll()
  expect(await session.outbox.drain(true)).toBe(true)
  expect(session.fatal).toEqual([])
}

/** All flows are there once, and the ledger counts the same and misses nothing. */
async function expectWhole(store: ObjectStore, flows = CHUNKS * FLOWS): Promise<void> {
  const manifest = await openManifest(store, { system: realSystem() })
  expect((await storedTotals(store, manifest)).flows).toBe(flows)
  const ledger = await storedLedger(manifest)
  expect(ledger.reduce((sum, { lost }) => sum + Math.abs(lost), 0)).toBe(0)
  expect(ledger.reduce((sum, { duplicates, restarts }) => sum + duplicates + restarts, 0)).toBe(0)
  const v5 = ledger.filter(({ version }) => version === 5)
  expect(v5.reduce((sum, { received }) => sum + received, 0)).toBeGreaterThan(0)
}

describe('a daemon that dies', () => {
  it('at any call of the store loses and doubles nothing: the next one goes on from the log', async () => {
    const dry = place()
    const counting = crashingStore(dry.store)
    const session = await startSession({ ...dry, store: counting.store })
    await feed(session, 0, CHUNKS)
    await finish(session)
    await expectWhole(dry.store)
    const calls = counting.calls.length
    expect(calls).toBeGreaterThan(10)

    let crashes = 0
    for (let call = 0; call < calls; call++) {
      for (const when of ['before', 'after'] as const) {
        crashes += (await dieAndGoOn({ call, when })) ? 1 : 0
      }
    }
    expect(crashes).toBeGreaterThan(calls)
  })

  async function dieAndGoOn(point: CrashPoint): Promise<boolean> {
    const { store, spoolFolder } = place()
    const crashing = crashingStore(store, point)
    const first = await startSession({ store: crashing.store, spoolFolder }).catch(() => undefined)
    let logged = 0
    if (first) {
      await feed(first, 0, CHUNKS).catch(() => undefined)
      logged = first.fatal.length > 0 ? await logRest(first) : CHUNKS
    }
    const second = await startSession({ store, spoolFolder })
    if (logged === 0) await feed(second, 0, CHUNKS)
    await finish(second)
    await expectWhole(store)
    return crashing.crashed
  }

  /** What the dead collector no longer decoded had been received: it goes to the log as well. */
  async function logRest(session: DrivenSession): Promise<number> {
    const decoded = session.collector.status().decoded.datagrams
    let datagrams = 0
    for (const chunk of chunks) {
      if (datagrams >= decoded) await session.log(chunk)
      datagrams += chunk.datagrams
    }
    return CHUNKS
  }

  it('before its first commit leaves everything in the log, and the next one finds it', async () => {
    const { store, spoolFolder } = place()
    const first = await startSession({ store, spoolFolder })
    for (const chunk of chunks) await first.feed(chunk)
    const second = await startSession({ store, spoolFolder })
    expect(second.recovered).toBe(chunks.reduce((sum, { datagrams }) => sum + datagrams, 0))
    await finish(second)
    await expectWhole(store)
  })

  it('over and over, ten times, loses and doubles nothing', async () => {
    const { store, spoolFolder } = place()
    for (const [index, chunk] of chunks.entries()) {
      const session = await startSession({ store, spoolFolder })
      await session.feed(chunk)
      if (index % 3 === 0) {
        session.collector.roll()
        await session.outbox.drain(true)
      }
    }
    for (let i = 0; i < 4; i++) await startSession({ store, spoolFolder })
    await finish(await startSession({ store, spoolFolder }))
    await expectWhole(store)
  })

  it('while it writes to the log leaves a torn chunk, which is left out', async () => {
    const { store, spoolFolder } = place()
    const first = await startSession({ store, spoolFolder })
    for (const chunk of chunks.slice(0, 5)) await first.feed(chunk)
    const file = readdirSync(spoolFolder).find((name) => name.startsWith('log-'))!
    appendFileSync(join(spoolFolder, file), chunks[5]!.frame().subarray(0, 1000))
    const second = await startSession({ store, spoolFolder })
    await second.feed(chunks[5]!)
    await finish(second)
    await expectWhole(store)
  })

  it('leaves no more in the spool than the last checkpoint once all is committed', async () => {
    const { store, spoolFolder } = place()
    const session = await startSession({ store, spoolFolder })
    await feed(session, 0, CHUNKS)
    await finish(session)
    expect(readdirSync(spoolFolder).sort()).toEqual(['id', 'log-0000000001', 'state-000000000002.json'])
  })

  it('keeps the templates: data that follows without them is decoded by the next one', async () => {
    const { store, spoolFolder } = place()
    const first = await startSession({ store, spoolFolder })
    await first.feed(chunks[0]!)
    await finish(first)
    const second = await startSession({ store, spoolFolder })
    for (const chunk of chunks.slice(1)) await second.feed(chunk)
    await finish(second)
    expect(second.collector.status().decoded.setsWithoutTemplate).toBe(0)
    await expectWhole(store)
  })
})

describe('a store that does not answer', () => {
  it('makes rolls wait on disk, and they are sent in order when it is back', async () => {
    const { store, spoolFolder } = place()
    let away = false
    const flaky = faultyStore(store, () => (away ? 'before' : undefined))
    const system = seededSystem(1, { autoAdvance: true, start: Date.now() })
    const session = await startSession({ store: flaky, spoolFolder, system })
    away = true
    for (const chunk of chunks) {
      await session.feed(chunk)
      session.collector.roll()
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(session.collector.status().outbox).toMatchObject({ commits: 0, waiting: CHUNKS, shedFlows: 0 })
    expect(readdirSync(spoolFolder).filter((name) => name.endsWith('.block')).length).toBe(CHUNKS)
    expect(session.warnings[0]).toMatch(
      /^ingest: the store did not take flows, they wait: store: write expected an answer/,
    )
    away = false
    await finish(session)
    await expectWhole(store)
    const manifest = await openManifest(store, { system })
    const sequences: number[] = []
    for await (const { actions } of manifest.history()) {
      for (const action of actions) if (action.type === 'setTransaction') sequences.push(action.sequence)
    }
    expect(sequences).toEqual([5, 4, 3, 2, 1, 0])
    expect(readdirSync(spoolFolder).filter((name) => name.includes('unit'))).toEqual([])
  })

  it('makes a daemon that ends leave them to the next one', async () => {
    const { store, spoolFolder } = place()
    let away = false
    const flaky = faultyStore(store, () => (away ? 'before' : undefined))
    const first = await startSession({ store: flaky, spoolFolder, system: seededSystem(2, { autoAdvance: true }) })
    away = true
    for (const chunk of chunks) await first.feed(chunk)
    first.collector.roll()
    expect(await first.outbox.drain(false)).toBe(false)
    const second = await startSession({ store, spoolFolder })
    expect(second.recovered).toBe(0)
    await finish(second)
    await expectWhole(store)
  })

  it('whose replies are lost gets every flow once', async () => {
    const { store, spoolFolder } = place()
    let calls = 0
    const lossy = faultyStore(store, ({ method }) => (method === 'write' && calls++ % 3 === 1 ? 'after' : undefined))
    const system = seededSystem(3, { autoAdvance: true, start: Date.now() })
    const session = await startSession({ store: lossy, spoolFolder, system }).catch(() =>
      startSession({ store: lossy, spoolFolder, system }),
    )
    for (const chunk of chunks) {
      await session.feed(chunk)
      session.collector.roll()
    }
    await finish(session)
    await expectWhole(store)
  })

  it('at any call while a daemon starts on a spool in use is asked again', async () => {
    let asked = 0
    for (let failing = 0; failing <= asked; failing++) {
      const { store, spoolFolder } = place()
      const first = await startSession({ store, spoolFolder })
      await first.feed(chunks[0]!)
      await finish(first)
      asked = 0
      const flaky = faultyStore(store, () => (asked++ === failing ? 'before' : undefined))
      const system = seededSystem(5, { autoAdvance: true, start: Date.now() })
      const second = await startSession({ store: flaky, spoolFolder, system })
      if (failing < asked) expect(second.warnings[0]).toMatch(/^ingest: the store does not answer/)
      await expectWhole(store, FLOWS)
    }
    expect(asked).toBeGreaterThan(2)
  })

  it('for longer than the budget lasts costs flows, and the ledger says which', async () => {
    const { store, spoolFolder } = place()
    let away = false
    const flaky = faultyStore(store, () => (away ? 'before' : undefined))
    const system = seededSystem(4, { autoAdvance: true, start: Date.now() })
    const session = await startSession({ store: flaky, spoolFolder, system, budgetBytes: 40_000 })
    away = true
    for (const chunk of chunks) {
      await session.feed(chunk)
      session.collector.roll()
    }
    const { shedFlows } = session.collector.status().outbox
    expect(shedFlows).toBeGreaterThan(0)
    expect(shedFlows % FLOWS).toBe(0)
    away = false
    await finish(session)
    const manifest = await openManifest(store, { system })
    expect((await storedTotals(store, manifest)).flows).toBe(CHUNKS * FLOWS - shedFlows)
    const ledger = await storedLedger(manifest)
    const [v5] = [5].map((version) => ledger.filter((entry) => entry.version === version))
    expect(v5!.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(0)
    expect(session.warnings.some((text) => text.includes('flows thrown away'))).toBe(true)
  })

  it('and no spool: rolls wait in memory', async () => {
    const { store } = place()
    let away = false
    const flaky = faultyStore(store, () => (away ? 'before' : undefined))
    const system = seededSystem(6, { autoAdvance: true, start: Date.now() })
    const session = await startSession({ store: flaky, spoolFolder: undefined, system })
    away = true
    for (const chunk of chunks) {
      await session.feed(chunk)
      session.collector.roll()
    }
    away = false
    await finish(session)
    await expectWhole(store)
  })
})
