import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { IngestStatus } from '../../src/ingest/daemon/status.ts'
import type { CompactSummary } from '../../src/storage/compact/compact.ts'
import { fsck } from '../../src/storage/fsck.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import { flowreduceJson, type Started, start } from '../e2e/command.ts'
import { storedTotals } from '../ingest/flows.ts'
import { soakCount } from './count.ts'
import { makePlace } from './places.ts'

/** Several processes that share a bucket of a real MinIO. */

const SECONDS = soakCount({ full: 60, sample: 5, variable: 'FLOWREDUCE_SECONDS' })
const RATE = 3000

interface Daemon {
  readonly process: Started
  readonly target: string
}

interface Sent {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
}

describe('two daemons and a compactor on one bucket', () => {
  it(`for ${SECONDS} s store every flow once and lose no commit`, async () => {
    const place = await makePlace('minio')
    const listen = async (name: string): Promise<Daemon> => {
      const process = start([
        ...['ingest', '--listen', 'udp://127.0.0.1:0', '--store', place.store, '--name', name],
        ...['--spool', join(place.folder, name), '--roll', '100ms', '--interval', '300ms', '--format', 'json'],
      ])
      const [, target] = await process.seen(/listening on (udp:\/\/[\d.:]+)/)
      return { process, target: target! }
    }
    const daemons = await Promise.all(['east', 'west'].map(listen))
    const flows = String(SECONDS * RATE)
    let sending = true
    const senders = Promise.all(
      daemons.map(({ target }, i) =>
        flowreduceJson<Sent>([
          'simulate',
          '--target',
          target,
          '--flows',
          flows,
          '--rate',
          String(RATE),
          '--seed',
          String(i + 1),
        ]),
      ),
    ).finally(() => {
      sending = false
    })
    await daemons[0]!.process.seen(/[1-9]\d* blocks? in/)
    const compacted: CompactSummary[] = []
    while (sending) {
      const { compacted: summary } = await flowreduceJson<{ compacted: CompactSummary }>([
        'compact',
        '--all',
        '--store',
        place.store,
      ])
      compacted.push(summary)
    }
    const sent = await senders
    const statuses = await Promise.all(
      daemons.map(async ({ process }): Promise<IngestStatus> => {
        process.kill('SIGTERM')
        const { code, stdout } = await process.finished
        expect(code).toBe(0)
        return JSON.parse(stdout)
      }),
    )
    const store = await openStore(place.store)
    const manifest = await openManifest(store, { system: realSystem() })
    const sum = (of: keyof Sent): number => sent.reduce((total, one) => total + one[of], 0)
    expect(await storedTotals(store, manifest)).toMatchObject({
      flows: sum('flows'),
      packets: sum('packets'),
      bytes: sum('bytes'),
    })
    expect((await fsck({ store, manifest, deep: true })).exitStatus).toBe(0)
    const commits: { [operation: string]: number } = {}
    for await (const { header } of manifest.history()) commits[header.operation] = (commits[header.operation] ?? 0) + 1
    const { version } = await manifest.snapshot()
    expect(Object.values(commits).reduce((a, b) => a + b, 0)).toBe(version)
    // A status without flows or losses to tell makes no commit.
    const acknowledged = statuses.reduce((total, { outbox }) => total + outbox.commits, 0)
    expect(commits.ingest).toBeLessThanOrEqual(acknowledged)
    expect(commits.ingest).toBeGreaterThan(SECONDS)
    const swaps = compacted.reduce((total, { blocksAfter }) => total + blocksAfter, 0)
    expect(commits.compact ?? 0).toBe(swaps)
    const lostRaces = statuses.reduce((total, { outbox }) => total + outbox.lostRaces, 0)
    console.log(
      `${sum('flows')} flows, ${version} commits ${JSON.stringify(commits)}, races lost by daemons ${lostRaces}`,
    )
  })
})
