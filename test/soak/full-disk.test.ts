import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import { flowreduceJson, type Started, start, temporaryFolder } from '../e2e/command.ts'
import { storedLedger, storedTotals } from '../ingest/flows.ts'
import { pause } from '../kit/udp.ts'

/** A daemon whose spool or store is on a disk of a few megabytes that fills up, and has room again later. */

const DISK_BYTES = 8 << 20

interface Status {
  readonly receiver: { readonly received: number; readonly dropped: number }
  readonly decoded: { readonly flows: number }
  readonly outbox: { readonly shedFlows: number; readonly waiting: number }
}

/** A disk in memory; needs root, or sudo that asks nothing. */
function mountDisk(folder: string): void {
  mkdirSync(folder)
  const asRoot = (...command: string[]) => {
    const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
    execFileSync(program, args)
  }
  asRoot('mount', '-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=0777`, 'tmpfs', folder)
  onTestFinished(() => asRoot('umount', '-l', folder))
}

/** Keeps a disk full, whatever its users remove, until the returned function gives the room back. */
function fill(folder: string): () => void {
  const path = join(folder, 'filler')
  const again = setInterval(() => takeRoom(path), 20)
  takeRoom(path)
  const empty = (): void => {
    clearInterval(again)
    rmSync(path, { force: true })
  }
  onTestFinished(empty)
  return empty
}

function takeRoom(path: string): void {
  for (let bytes = DISK_BYTES; bytes >= 4096; bytes /= 2) {
    try {
      writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }
}

interface Place {
  readonly spool: string
  readonly store: string
}

async function listen({ spool, store }: Place): Promise<{ daemon: Started; target: string }> {
  const options = ['--store', `file:${store}`, '--spool', spool, '--roll', '300ms', '--format', 'json']
  options.push('--metrics', '127.0.0.1:0')
  const daemon = start(['ingest', '--listen', 'udp://127.0.0.1:0', '--interval', '100ms', ...options])
  const [, target] = await daemon.seen(/listening on (udp:[^,\s]+)/)
  return { daemon, target: String(target) }
}

async function health(daemon: Started): Promise<string> {
  const [, url] = await daemon.seen(/metrics on (http:\S+)/)
  const response = await fetch(`${url}/healthz`)
  return `${response.status} ${await response.text()}`
}

const send = (target: string, flows: number, seed: number) =>
  flowreduceJson<{ flows: number }>([
    ...['simulate', '--target', target, '--flows', String(flows), '--rate', '20000'],
    ...['--protocol', 'v5', '--exporters', '1', '--sampling', 'none', '--seed', String(seed)],
  ])

async function stop(daemon: Started): Promise<Status> {
  daemon.kill('SIGTERM')
  const { code, stdout, stderr } = await daemon.finished
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Status
}

async function contents(store: string): Promise<{ flows: number; received: number; lost: number }> {
  const system = realSystem()
  const opened = await openStore(`file:${store}`, { system })
  const manifest = await openManifest(opened, { system })
  const ledger = await storedLedger(manifest)
  const sum = (of: 'received' | 'lost'): number => ledger.reduce((total, entry) => total + entry[of], 0)
  return { flows: (await storedTotals(opened, manifest)).flows, received: sum('received'), lost: sum('lost') }
}

describe('a daemon whose spool is on a full disk', () => {
  it('says so, goes on, and removes what is committed, so that a small disk is enough for any number of flows', async () => {
    const folder = await temporaryFolder()
    const place = { spool: join(folder, 'disk'), store: join(folder, 'store') }
    mountDisk(place.spool)
    const { daemon, target } = await listen(place)
    // 300,000 flows are 15 MB of datagrams: twice the disk.
    const sent = await send(target, 300_000, 1)
    await daemon.seen(
      /the spool cannot be written, datagrams are in memory only: ingest: spool \S+ expected \d+ bytes free/,
    )
    const status = await stop(daemon)
    const stored = await contents(place.store)
    expect(stored.flows + stored.lost).toBe(sent.flows)
    expect(stored.received).toBe(stored.flows)
    expect(status.outbox).toMatchObject({ shedFlows: 0, waiting: 0 })
    expect(readdirSync(place.spool).filter((name) => name.startsWith('log-')).length).toBeLessThan(4)
  })

  it('waits with its rolls while not even a checkpoint fits, and commits them once there is room', async () => {
    const folder = await temporaryFolder()
    const place = { spool: join(folder, 'disk'), store: join(folder, 'store') }
    mountDisk(place.spool)
    const { daemon, target } = await listen(place)
    const sent = await send(target, 2000, 2)
    await daemon.seen(/2,000 flows, [1-9]\d* blocks? in/)
    const empty = fill(place.spool)
    const more = await send(target, 3000, 3)
    await daemon.seen(/the spool cannot be written, flows wait in memory: .*ENOSPC/)
    await pause(500)
    expect((await contents(place.store)).flows).toBeLessThan(sent.flows + more.flows)
    expect(await health(daemon)).toMatch(/^503 the spool cannot be written: .*(ENOSPC|bytes free)/)
    empty()
    await daemon.seen(/5,000 flows, [1-9]\d* blocks? in/)
    await pause(1500)
    expect(await health(daemon)).toBe('200 ok\n')
    await stop(daemon)
    expect(await contents(place.store)).toMatchObject({ flows: 5000, received: 5000, lost: 0 })
    const { daemon: next } = await listen(place)
    await stop(next)
    expect((await contents(place.store)).flows).toBe(5000)
  })
})

describe('a daemon whose store is on a full disk', () => {
  it('lets its rolls wait in the spool, says why, and sends them once there is room', async () => {
    const folder = await temporaryFolder()
    const place = { spool: join(folder, 'spool'), store: join(folder, 'disk') }
    mountDisk(place.store)
    const { daemon, target } = await listen(place)
    await send(target, 2000, 4)
    await daemon.seen(/2,000 flows, [1-9]\d* blocks? in/)
    const empty = fill(place.store)
    await send(target, 3000, 5)
    await daemon.seen(/the store did not take flows, they wait: store: write expected room at \S+, got ENOSPC/)
    await pause(600)
    expect(await health(daemon)).toMatch(
      /^503 the store does not take flows: store: write expected room at \S+, got ENOSPC/,
    )
    empty()
    await daemon.seen(/5,000 flows, (?:[1-9]\d*) blocks? in \d+ commits?(?!.*waiting)/)
    expect((await stop(daemon)).outbox).toMatchObject({ shedFlows: 0, waiting: 0 })
    expect(await contents(place.store)).toMatchObject({ flows: 5000, lost: 0 })
  })
})
