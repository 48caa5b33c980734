import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/ingest/simulate/random.ts'
import { fsck } from '../../src/storage/fsck.ts'
import { type Manifest, openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import { Started } from '../e2e/command.ts'
import { storedTotals } from '../ingest/flows.ts'
import { soakCount } from './count.ts'
import { makePlace, PLACES } from './places.ts'

/** Imports, compactions and garbage collections as processes, killed by signal 9 at random moments. */

const KILLS = soakCount({ full: 100, sample: 2, variable: 'FLOWREDUCE_KILLS' })
const SEED = Number(process.env.FLOWREDUCE_SEED ?? 1)
const FLOWS = 3000
/** Longer than an import or a gc takes, so that some end before they are killed. */
const LONGEST_MS = 1200

const system = realSystem()

interface Sent {
  readonly flows: number
  readonly bytes: number
  readonly packets: number
}

/** Runs a command to its end. */
async function run<T>(
  ...args: string[]
): Promise<{ readonly code: number | null; readonly stderr: string; readonly report: T }> {
  const { code, stdout, stderr } = await new Started([...args, '--format', 'json']).finished
  return { code, stderr, report: code === 0 ? JSON.parse(stdout) : undefined }
}

/** Runs a command and kills it after a time by chance; true when it was still running. */
async function killed(random: Random, ...args: string[]): Promise<boolean> {
  const started = new Started(args)
  const timer = setTimeout(() => started.kill('SIGKILL'), 150 + random.below(LONGEST_MS))
  const { signal, code, stderr } = await started.finished
  clearTimeout(timer)
  if (signal === null) expect({ code, stderr }).toMatchObject({ code: 0 })
  return signal === 'SIGKILL'
}

async function expectSound(url: string, sent: Sent): Promise<Manifest> {
  const store = await openStore(url)
  const manifest = await openManifest(store, { system })
  const { counts, problems } = await fsck({ store, manifest })
  expect({ ...counts, orphaned: 0, problems: problems.filter(({ kind }) => kind !== 'orphaned') }).toEqual({
    ...{ missing: 0, orphaned: 0, corrupt: 0, schema: 0, statistics: 0, 'under-replicated': 0, problems: [] },
  })
  const datasets = await (await manifest.snapshot()).datasets()
  expect(datasets.find(({ dataset }) => dataset === 'flows')?.records).toBe(sent.flows)
  return manifest
}

describe.each(PLACES)('a store of kind %s', (name) => {
  it(`counts every committed flow once after ${KILLS} kills of import and as many of gc (seed ${SEED})`, async () => {
    const place = await makePlace(name)
    const random = new Random(SEED)
    const store = ['--store', place.store]
    const total = { flows: 0, bytes: 0, packets: 0 }
    const kills = { import: 0, gc: 0, compact: 0 }
    for (let round = 0; kills.import < KILLS || kills.gc < KILLS; round++) {
      const capture = join(place.folder, `flows-${round}.pcap`)
      const seed = String(SEED * 100_000 + round)
      const { report } = await run<Sent>('simulate', '--target', capture, '--flows', String(FLOWS), '--seed', seed)
      const importing = ['import', capture, ...store, '--block-size', '20kB']
      if (await killed(random, ...importing)) kills.import++
      const again = await run(...importing)
      // Refused is right when the killed one had committed.
      if (again.code !== 0) expect(again.stderr).toMatch(/import/)
      for (const sum of ['flows', 'bytes', 'packets'] as const) total[sum] += report[sum]
      await expectSound(place.store, total)
      // Compaction is what gives gc blocks to delete.
      if (round % 4 === 1 && (await killed(random, 'compact', '--all', ...store))) kills.compact++
      if (await killed(random, 'gc', '--retain', '0s', '--grace', '0s', ...store)) kills.gc++
      await expectSound(place.store, total)
    }
    const { code, stderr } = await run('gc', '--retain', '0s', '--grace', '0s', ...store)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const opened = await openStore(place.store)
    const manifest = await expectSound(place.store, total)
    expect(await fsck({ store: opened, manifest, deep: true })).toMatchObject({ problems: [] })
    expect(await storedTotals(opened, manifest)).toMatchObject(total)
    console.log(`${name}: killed ${JSON.stringify(kills)}, ${total.flows} flows, each once`)
  })
})
