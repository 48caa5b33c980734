import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { compact } from '../../src/storage/compact/compact.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { realSystem } from '../../src/storage/system.ts'
import { storedLedger, storedTotals } from '../ingest/flows.ts'
import { pause } from '../kit/udp.ts'
import { ACCESS_KEY, SECRET_KEY, stubStore } from '../storage/s3-settings.ts'
import { type S3Stub, startS3Stub } from '../storage/s3-stub.ts'
import type { StubRequest } from '../storage/s3-stub-objects.ts'
import { flowreduceJson, type Started, temporaryFolder } from './command.ts'
import { OPENED, startDaemon } from './daemon.ts'

/** A real daemon killed by signal 9 at the one moment when its commit has been made and it does not know yet: the reply never comes. */

const FLOWS = 3000
const system = realSystem()

const isCommitOfBlocks = ({ method, key, body }: StubRequest): boolean =>
  method === 'PUT' && key.includes('/manifest/') && Buffer.from(body).includes('"addBlock"')

interface Place {
  readonly stub: S3Stub
  readonly spool: string
  /** Starts the daemon. */
  start(): Promise<{ daemon: Started; target: string }>
}

async function makePlace(): Promise<Place> {
  const stub = await startS3Stub()
  onTestFinished(() => stub.close())
  const spool = join(await temporaryFolder(), 'spool')
  const store = `s3://bucket/p?endpoint=${stub.endpoint}`
  const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY }
  const timing = ['--roll', '300ms', '--interval', '50ms']
  const start = () => startDaemon(['--store', store, '--spool', spool, '--name', 'killed', ...timing], { env })
  return { stub, spool, start }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await pause(10)
  if (!condition()) expect.unreachable(`waited in vain: ${what}`)
}

const send = (target: string) =>
  flowreduceJson<{ flows: number }>([
    ...['simulate', '--target', target, '--flows', String(FLOWS), '--rate', '20000', '--protocol', 'v5'],
  ])

/** Kills the daemon whose commit hangs, compacts what it committed, starts the next one and expects every flow once. */
async function killCompactAndGoOn({ stub, start }: Place, daemon: Started): Promise<void> {
  daemon.kill('SIGKILL')
  expect((await daemon.finished).signal).toBe('SIGKILL')
  const store = stubStore(stub)
  const before = await openManifest(store, { system })
  const committed = (await storedTotals(store, before)).flows
  expect(committed).toBeGreaterThan(0)
  expect((await compact({ store, manifest: before, system, writer: 'compact' })).records).toBe(committed)
  const next = await start()
  await next.daemon.seen(OPENED)
  next.daemon.kill('SIGTERM')
  expect(await next.daemon.finished).toMatchObject({ code: 0 })
  const after = await openManifest(store, { system })
  expect((await storedTotals(store, after)).flows).toBe(FLOWS)
  const ledger = await storedLedger(after)
  const troubles = ledger.map(
    ({ lost, duplicates, restarts, undecodable }) => lost + duplicates + restarts + undecodable,
  )
  expect(troubles.every((count) => count === 0)).toBe(true)
  expect(ledger.reduce((sum, { received }) => sum + received, 0)).toBe(FLOWS)
}

describe('a daemon killed between the commit and the removal of what the spool holds', () => {
  it('loses and doubles nothing, though the committed block is compacted before the next one starts', async () => {
    const place = await makePlace()
    place.stub.inject({ type: 'silence', after: true }, { when: isCommitOfBlocks })
    const { daemon, target } = await place.start()
    await send(target)
    await daemon.seen(/3,000 flows, 0 blocks in 0 commits/)
    await until('the commit', () => place.stub.requests.some(isCommitOfBlocks))
    expect(readdirSync(place.spool).sort()).toEqual(
      expect.arrayContaining(['log-0000000001', expect.stringMatching(/^state-\d{12}\.json$/)]),
    )
    await killCompactAndGoOn(place, daemon)
  })

  it('does not send again the block that lies in the spool since the store was away', async () => {
    const place = await makePlace()
    let away = true
    place.stub.inject(
      { type: 'error', status: 403, code: 'AccessDenied' },
      { times: 1e9, when: ({ method, key }) => away && method === 'PUT' && key.includes('/data/') },
    )
    place.stub.inject({ type: 'silence', after: true }, { when: isCommitOfBlocks })
    const { daemon, target } = await place.start()
    await send(target)
    await until('a roll on disk', () => readdirSync(place.spool).includes('unit-000000000000.json'))
    away = false
    await until('the commit', () => place.stub.requests.some(isCommitOfBlocks))
    await daemon.seen(/3,000 flows, 0 blocks in 0 commits/)
    expect(readdirSync(place.spool)).toContain('unit-000000000000-0.block')
    await killCompactAndGoOn(place, daemon)
  })
})
