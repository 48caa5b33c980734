import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { FsckReport } from '../../src/storage/fsck.ts'
import type { Replication } from '../../src/storage/replica/copies.ts'
import type { MaintenanceReport } from '../../src/storage/replica/maintain.ts'
import { flowreduce, flowreduceJson, start, temporaryFolder } from './command.ts'
import type { Result, Sent } from './place.ts'

/** Replica sets of real folders, through the command line alone. */

const VOLUMES = ['a', 'b', 'c'] as const
type Name = (typeof VOLUMES)[number]

let folder: string
let store: string
let sent: Sent

const at = (volume: Name): string => join(folder, volume)
const storeOf = (settings = ''): string => `replica:${settings}${VOLUMES.map((name) => `file:${at(name)}`).join(',')}`

/** The volumes as every test finds them, made by the first; they know each other by their ids and lie anywhere. */
let original: string | undefined

async function makeOriginal(): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-replica-'))
  const capture = join(folder, 'flows.pcap')
  sent = await flowreduceJson<Sent>(['simulate', '--target', capture, '--flows', '24000'])
  await flowreduceJson(['import', capture, '--store', storeOf(), '--block-size', '40kB'])
  return folder
}

beforeEach(async () => {
  original ??= await makeOriginal()
  folder = await temporaryFolder()
  store = storeOf()
  for (const name of VOLUMES) await cp(join(original, name), at(name), { recursive: true })
})
afterAll(() => rm(original ?? '', { recursive: true, force: true }))

const json = <T>(...args: string[]): Promise<T> => flowreduceJson<T>([...args, '--store', store])

/** Blocks on a volume. */
const blocksOn = (volume: Name): string[] =>
  readdirSync(at(volume), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.avro'))

const emptied = async (volume: Name): Promise<void> => {
  await rm(at(volume), { recursive: true })
  await mkdir(at(volume))
}

async function fsck(...options: string[]): Promise<FsckReport & { readonly code: number | null }> {
  const { code, stdout } = await flowreduce(['fsck', '--store', store, '--format', 'json', ...options])
  return { code, ...JSON.parse(stdout) }
}

async function expectTotals(): Promise<void> {
  const { rows } = await json<Result>('run', 'totals')
  expect(rows).toEqual([expect.objectContaining({ flows: sent.flows, packets: sent.packets, bytes: sent.bytes })])
}

const replication = async (): Promise<Replication> =>
  (await json<{ replication: Replication }>('fs', 'stat', 'flows')).replication

describe('a replica set of three folders', () => {
  it('shows its replication in fs stat', async () => {
    const { factor, quorum, epoch, volumes, underReplicated } = await replication()
    expect({ factor, quorum, epoch, underReplicated }).toEqual({ factor: 2, quorum: 2, epoch: 1, underReplicated: 0 })
    expect(volumes.map(({ state }) => state)).toEqual(['primary', 'follower', 'follower'])
    expect(volumes.map(({ blocks }) => blocks)).toEqual(VOLUMES.map((name) => blocksOn(name).length))
    const { stdout } = await flowreduce(['fs', 'stat', '--store', store])
    expect(stdout).toMatch(/replication +2 copies of each block: every block has them/)
    expect(stdout).toMatch(new RegExp(`file:${at('a')} +primary, (heartbeat \\d{4}|no heartbeat)`))
  })

  it('gets every block back when a volume is lost and an empty one takes its place', async () => {
    const before = VOLUMES.map((name) => blocksOn(name).length)
    await emptied('b')
    const found = await fsck()
    expect(found.code).toBe(1)
    expect(found.counts).toMatchObject({ missing: 0, 'under-replicated': before[1] })
    expect((await replication()).underReplicated).toBe(before[1])
    const report = await json<MaintenanceReport>('fs', 'repair')
    expect(report).toMatchObject({ enrolled: 1, copied: before[1], underReplicated: 0 })
    expect(VOLUMES.map((name) => blocksOn(name).length)).toEqual(before)
    expect(await fsck('--deep')).toMatchObject({ code: 0, problems: [] })
    await expectTotals()
  })

  it('starts no second history on an emptied primary; fs promote goes on from another', async () => {
    const history = await json<{ rows: unknown[] }>('fs', 'history')
    await emptied('a')
    const refused = await flowreduce(['fs', 'rm', 'flows', '--store', store])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^flowreduce: store: replica set expected primary volume .*fs promote moves it/m)
    expect((await flowreduce(['fs', 'promote', `file:${at('a')}`, '--store', store])).code).toBe(1)
    const { primary } = await json<{ primary: string }>('fs', 'promote', `file:${at('b')}`)
    expect(primary).toBe(`file:${at('b')}`)
    await json('fs', 'repair')
    expect(await json('fs', 'history')).toEqual(history)
    expect((await replication()).volumes.map(({ state }) => state)).toEqual(['follower', 'primary', 'follower'])
    await expectTotals()
    expect(await fsck('--deep')).toMatchObject({ code: 0, problems: [] })
  })

  it('runs jobs over blocks of which one copy each is damaged, and mends those copies', async () => {
    const names = new Map<string, Name>()
    for (const volume of VOLUMES) for (const block of blocksOn(volume)) names.set(block, volume)
    for (const [index, [block, volume]] of [...names].entries()) {
      const bytes = readFileSync(join(at(volume), block))
      // data of the last sync-block, or the header, or cut short
      if (index % 3 < 2) bytes[index % 3 === 0 ? bytes.length - 200 : 100]! ^= 0xff
      writeFileSync(join(at(volume), block), index % 3 < 2 ? bytes : bytes.subarray(0, bytes.length / 2))
    }
    expect((await fsck('--deep')).counts).toMatchObject({ corrupt: 0, 'under-replicated': names.size })
    await expectTotals()
    const { mended } = await json<{ mended: { mended: number; lost: string[] } }>('fs', 'repair', '--deep')
    expect(mended.lost).toEqual([])
    expect(mended.mended).toBeLessThan(names.size)
    expect(await fsck('--deep')).toMatchObject({ code: 0, problems: [] })
  })

  it('names a volume that is none of the set, and a store that is no set', async () => {
    const wrong = await flowreduce(['fs', 'promote', `file:${folder}/d`, '--store', store])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining(`got file:${folder}/d`) })
    const plain = await flowreduce(['fs', 'repair', '--store', `file:${at('a')}`])
    expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining('expected replica:URL,URL') })
  })

  it('is replicated anew by the ingest daemon, by itself, when a volume misses its heartbeat for the time set', async () => {
    store = storeOf('missed=2,')
    const daemon = start([
      ...['ingest', '--listen', 'udp://127.0.0.1:0', '--spool', join(folder, 'spool'), '--roll', '200ms'],
      ...['--store', store],
    ])
    const [, target] = await daemon.seen(/listening on (udp:\S+)/)
    await rename(at('c'), join(folder, 'away'))
    await symlink('c', at('c')) // a loop: nothing can be read or written there
    const lost = new Set(readdirSync(join(folder, 'away'), { recursive: true, encoding: 'utf8' }))
    expect(lost.size).toBeGreaterThan(3)
    await flowreduceJson(['simulate', '--target', String(target), '--flows', '500', '--rate', '5000'])
    await daemon.seen(/replica set: [1-9]\d* blocks? copied.*is given up/)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect((await replication()).underReplicated).toBe(0)
    for (const block of blocksOn('a')) expect(blocksOn('b')).toContain(block)
    expect((await json<Result>('run', 'totals')).rows[0]).toMatchObject({ flows: sent.flows + 500 })
  })
})
