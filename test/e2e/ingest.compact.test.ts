import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, type Started } from './command.ts'
import type { Listening } from './daemon.ts'
import { startDaemon } from './daemon.ts'
import type { Place, Sent } from './place.ts'
import { makePlace } from './place.ts'

const OLD = 60_000
const NEW = 3000

async function listen({ folder, store }: Place, ...options: string[]): Promise<Listening> {
  return startDaemon([
    '--store',
    store,
    '--spool',
    join(folder, 'spool'),
    '--roll',
    '200ms',
    '--interval',
    '300ms',
    ...options,
  ])
}

const send = (target: string): Promise<Sent> =>
  flowreduceJson<Sent>(['simulate', '--target', target, '--flows', String(NEW), '--rate', '20000'])

async function blocks({ folder }: Place): Promise<{ avro: number; parquet: number }> {
  const files = await readdir(join(folder, 'store', 'data', 'flows'), { recursive: true })
  const count = (ending: string): number => files.filter((name) => name.endsWith(ending)).length
  return { avro: count('.avro'), parquet: count('.parquet') }
}

/** What is in the store adds up to what was sent, and it is sound. */
async function isWhole(place: Place, ...sent: readonly Sent[]): Promise<void> {
  const [row] = (await place.run('totals')).rows
  const sum = (name: 'flows' | 'bytes' | 'packets'): number => sent.reduce((total, part) => total + part[name], 0)
  expect(row).toMatchObject({ flows: sum('flows'), bytes: sum('bytes'), packets: sum('packets') })
  expect(await flowreduce(['fsck', '--deep', '--store', place.store])).toMatchObject({ code: 0 })
}

async function damage(file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[bytes.length - 1000]! ^= 1
  await writeFile(file, bytes)
}

/** The processes that a daemon has started, as soon as there are any: Linux tells. */
async function childrenOf({ child: { pid } }: Started): Promise<string[]> {
  for (;;) {
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean)
    if (children.length > 0) return children
    await sleep(5)
  }
}

/** The command line of a process; empty when it is gone, or only waits to be forgotten. */
const commandOf = (pid: string): Promise<string> => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')

describe('flowreduce ingest --compact', () => {
  it('makes Parquet of the hours that are over while it receives', async () => {
    const place = await makePlace()
    const old = await place.importFlows(OLD)
    const { avro } = await blocks(place)
    const { daemon, target } = await listen(place, '--compact', 'sealed')
    const fresh = await send(target)
    const [, before, flows] = await daemon.seen(/compacted (\d+) blocks \(([\d,]+) flows\) into 1 block/)
    expect([before, flows]).toEqual([String(avro), '60,000'])
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect((await blocks(place)).parquet).toBe(1)
    await isWhole(place, old, fresh)
  })

  it('makes Parquet of as many new blocks as are said, whatever the hour', async () => {
    const place = await makePlace()
    const { daemon, target } = await listen(place, '--compact', '2')
    const first = await send(target)
    await daemon.seen(/[1-9]\d* blocks? in [1-9]/)
    const second = await send(target)
    await daemon.seen(/compacted [2-9] blocks/)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect((await blocks(place)).parquet).toBeGreaterThan(0)
    await isWhole(place, first, second)
  })

  it('ends a compaction that is under way with itself, and leaves the store as it was', async () => {
    const place = await makePlace()
    const old = await place.importFlows(OLD * 3)
    const before = await blocks(place)
    const { daemon } = await listen(place, '--compact', 'sealed')
    const [compaction] = await childrenOf(daemon)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect(await commandOf(compaction!)).toBe('')
    expect(await blocks(place)).toEqual(before)
    await isWhole(place, old)
  })

  it('says what is wrong with a store that cannot be compacted, and goes on', async () => {
    const place = await makePlace()
    await place.importFlows(OLD)
    const data = join(place.folder, 'store', 'data')
    const [victim] = (await readdir(data, { recursive: true })).filter((name) => name.endsWith('.avro'))
    await damage(join(data, victim!))
    const { daemon, target } = await listen(place, '--compact', 'sealed')
    await daemon.seen(/warning: compaction is tried again in five minutes: flowreduce compact: .*exit code 1: .*\.avro/)
    await send(target)
    daemon.kill('SIGTERM')
    const { code, stdout } = await daemon.finished
    expect(code).toBe(0)
    expect(stdout).toContain('3,000 flows')
    expect((await blocks(place)).parquet).toBe(0)
  })

  it('refuses a store that no other process can open', async () => {
    const args = ['ingest', '--listen', 'udp://127.0.0.1:0', '--store', 'memory:', '--spool', 'none']
    const { code, stderr } = await flowreduce([...args, '--compact', 'sealed'])
    expect([code, stderr]).toEqual([
      2,
      'flowreduce: --compact: expected a store that another process can open, got memory:\n',
    ])
  })
})
