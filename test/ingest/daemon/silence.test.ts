import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Silence } from '../../../src/ingest/daemon/silence.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { realSystem, type System } from '../../../src/storage/system.ts'
import { storedLedger } from '../flows.ts'
import { closeLogs, type DrivenSession, START_MS, startSession, trafficChunks } from './session.ts'

describe('silence', () => {
  const NOON = Date.UTC(2026, 10, 21, 12)
  const exporter = parseExporter('192.0.2.1')!

  it('gives every whole minute without a datagram an entry, and no other', () => {
    const silence = new Silence(['192.0.2.1', '192.0.2.2'], NOON + 30_000)
    silence.heard(exporter, NOON + 70_000)
    expect(silence.entries(NOON + 119_999)).toEqual([])
    const first = silence.entries(NOON + 185_000)
    expect(first.map(({ exporter, interval }) => [exporter, (interval - NOON) / 60_000])).toEqual([
      ['192.0.2.1', 2],
      ['192.0.2.2', 1],
      ['192.0.2.2', 2],
    ])
    expect(first.every(({ received, lost }) => received === 0 && lost === 0)).toBe(true)
    silence.heard(exporter, NOON + 190_000)
    expect(silence.entries(NOON + 240_000).map(({ exporter }) => exporter)).toEqual(['192.0.2.2'])
  })

  it('is told once when it begins and once when it ends', () => {
    const silence = new Silence(['192.0.2.1'], NOON)
    expect(silence.changes(NOON + 119_000)).toEqual([])
    expect(silence.changes(NOON + 120_000)).toEqual([
      'ingest: exporter 192.0.2.1 silent since 2026-11-21T12:00:00.000Z',
    ])
    expect(silence.changes(NOON + 130_000)).toEqual([])
    expect(silence.silent()).toEqual(['192.0.2.1'])
    silence.heard(exporter, NOON + 131_000)
    expect(silence.changes(NOON + 132_000)).toEqual(['ingest: exporter 192.0.2.1 is heard again'])
    expect(silence.silent()).toEqual([])
  })
})

const spoolFolder = mkdtempSync(join(tmpdir(), 'flowreduce-silence-'))
afterAll(() => rmSync(spoolFolder, { recursive: true }))
afterEach(closeLogs)

describe('a daemon that expects exporters', () => {
  it('notes each minute of silence once, through rolls, reloads, its end, its death and the time in between', async () => {
    let now = START_MS + 10_000
    const at = (minute: number, second = 0): void => {
      now = START_MS + minute * 60_000 + second * 1000
    }
    const system: System = { ...realSystem(), now: () => now }
    const store = openMemoryStore({ name: `silence-${process.pid}`, system })
    const expected = ['192.0.2.1', '192.0.2.99']
    const start = () => startSession({ store, spoolFolder, system, expect: expected })
    const commit = async ({ collector, outbox }: DrivenSession): Promise<void> => {
      collector.roll()
      expect(await outbox.drain(true)).toBe(true)
    }
    // Datagrams of 192.0.2.1 to .3 in the first minute.
    const [chunk] = trafficChunks(1, 300)

    const first = await start()
    at(1, 20)
    await first.feed(chunk!)
    at(3, 30)
    await commit(first)
    at(4, 30)
    first.collector.reload({ rollMs: 60_000, blockSizeBytes: 64e6, expect: expected, decoder: {} })
    await first.outbox.drain(true)
    at(5, 30)
    await commit(first)
    // Dies, and is away for two minutes.
    at(7, 30)
    const second = await start()
    at(8, 10)
    await commit(second)
    at(8, 50)
    // Dies with datagrams in its log that it has not told of.
    await second.log(chunk!)
    at(10, 5)
    await commit(await start())

    const silent = (await storedLedger(await openManifest(store, { system }))).filter(({ version }) => version === 0)
    const minutes = (of: string) =>
      silent.filter(({ exporter }) => exporter === of).map(({ interval }) => (interval - START_MS) / 60_000)
    // The first minute that both are expected in whole is the second one.
    expect(minutes('192.0.2.99')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(minutes('192.0.2.1')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(silent).toHaveLength(18)
    expect(silent.every(({ received, lost, dropped }) => received + lost + dropped === 0)).toBe(true)
  })

  it('notes at most a day of the time in which none ran', () => {
    const before = new Silence(['192.0.2.1'], START_MS).state()
    const later = new Silence(['192.0.2.1'], START_MS + 10 * 86_400_000, before)
    expect(later.entries(START_MS + 10 * 86_400_000)).toHaveLength(1440)
  })
})
