import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesPerSecond } from '../../src/jobs/bytes-per-second.ts'
import { portBreakdown } from '../../src/jobs/port-breakdown.ts'
import { subnetBytes } from '../../src/jobs/subnet-bytes.ts'
import { totals } from '../../src/jobs/totals.ts'
import { jobFromDefinition } from '../../src/runtime/job-source.ts'
import { readJournal } from '../../src/runtime/run/journal.ts'
import { runJob } from '../../src/runtime/run/run-job.ts'
import { RunReader } from '../../src/runtime/shuffle/run-reader.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'

/** What every later version must still read: stores, journals and run files of each format version (test/fixtures/format-1/README.md). */
const FROZEN = fileURLToPath(new URL('../fixtures/format-1/', import.meta.url))
const RUN = readdirSync(join(FROZEN, 'store', 'runs'))[0] as string

/** The hash in the key of each job's result over the frozen store. They change only with the semantics version of the runtime. */
const GOLDEN = JSON.parse(readFileSync(join(FROZEN, 'results.json'), 'utf8')) as {
  readonly [job: string]: readonly string[]
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowreduce-formats-'))
  cpSync(join(FROZEN, 'store'), folder, { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

async function openFrozen() {
  const system = realSystem()
  const store = await openStore(`file:${folder}`)
  return { store, system, manifest: await openManifest(store, { system }) }
}

describe('a store of format 1', () => {
  it('is read with its commits, blocks and ledger', async () => {
    const { manifest } = await openFrozen()
    const snapshot = await manifest.snapshot({ version: 3 })
    const datasets = await snapshot.datasets()
    expect(datasets.map(({ dataset, records }) => [dataset, records])).toEqual([
      ['flows', 2000],
      ['results/port-breakdown', 1015],
    ])
    const sessions: string[] = []
    for await (const { exporter, version, lost } of snapshot.ledger('flows'))
      sessions.push(`${exporter} ${version} ${lost}`)
    expect(new Set(sessions)).toEqual(
      new Set([
        '198.18.0.1 5 0',
        '198.18.0.2 9 0',
        '198.18.0.3 10 0',
        '198.18.0.4 5 0',
        '198.18.0.5 9 0',
        '198.18.0.6 10 0',
      ]),
    )
  })

  it('is read with the journal of a run', async () => {
    const { store } = await openFrozen()
    const entries = await readJournal(store, RUN)
    expect(entries.map(({ stage, task, counters }) => [stage, task, counters.mapped])).toEqual([
      ['port-breakdown-map', 0, 2000],
      ['port-breakdown-reduce', 0, 0],
      ['result', 0, 0],
    ])
  })

  for (const job of [portBreakdown, subnetBytes, bytesPerSecond, totals]) {
    it(`gives the result it always gave, to the byte: ${job.name}`, async () => {
      const place = await openFrozen()
      const { blocks } = await runJob({
        ...place,
        job: jobFromDefinition(job),
        runner: 'inline',
        scratch: join(folder, 'scratch'),
      })
      expect(blocks.map(({ key }) => key.slice(key.lastIndexOf('/') + 1))).toEqual(GOLDEN[job.name])
    })
  }
})

describe('a run file of format 1', () => {
  it('is read, and its checksums hold', () => {
    const reader = new RunReader(join(FROZEN, 'aggregate.run'))
    try {
      const records: string[] = []
      for (let partition = 0; partition < reader.header.partitions; partition++) {
        const cursor = reader.cursor(partition)
        while (cursor.next()) {
          const text = (from: number, to: number): string =>
            Buffer.from(cursor.bytes.subarray(from, to)).toString('hex')
          records.push(
            `${partition} ${text(cursor.keyStart, cursor.keyEnd)} ${text(cursor.payloadStart, cursor.payloadEnd)}`,
          )
        }
      }
      expect(records).toEqual(readFileSync(join(FROZEN, 'aggregate.run.txt'), 'utf8').trimEnd().split('\n'))
    } finally {
      reader.close()
    }
  })
})
