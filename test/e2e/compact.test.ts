import { createHash } from 'node:crypto'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson } from './command.ts'
import type { Result } from './place.ts'
import { byPort, makePlace } from './place.ts'

/** More than a row group, so that threads are started; of both families and with gaps between blocks. */
const FLOWS = 140_000

interface Compacted {
  readonly compacted: { readonly records: number; readonly blocksAfter: number }
}

async function parquetFiles(store: string): Promise<string[]> {
  const files = await readdir(join(store, 'data'), { recursive: true })
  return files.filter((name) => name.endsWith('.parquet')).map((name) => join(store, 'data', name))
}

/** Hashes of the Parquet blocks of a store, whose names differ from run to run. */
async function hashes(store: string): Promise<string[]> {
  const bytes = await Promise.all((await parquetFiles(store)).map((file) => readFile(file)))
  return bytes.map((block) => createHash('sha256').update(block).digest('hex')).sort()
}

describe('flowreduce compact', () => {
  it('makes the same bytes with any number of threads, and within less memory more blocks of the same flows', async () => {
    const { folder, store, importFlows } = await makePlace()
    const sent = await importFlows(FLOWS)
    const compacted = async (name: string, ...options: string[]): Promise<{ store: string; blocks: number }> => {
      const copy = join(folder, name)
      await cp(store.slice('file:'.length), copy, { recursive: true })
      const done = await flowreduceJson<Compacted>(['compact', '--all', '--store', `file:${copy}`, ...options])
      expect(done.compacted.records).toBe(FLOWS)
      return { store: copy, blocks: done.compacted.blocksAfter }
    }
    const one = await compacted('one', '--workers', '1')
    const expected = await hashes(one.store)
    expect(expected).toHaveLength(one.blocks)
    for (const workers of ['2', '3'])
      expect(await hashes((await compacted(`workers-${workers}`, '--workers', workers)).store)).toEqual(expected)
    const refused = await flowreduce(['compact', '--all', '--store', store, '--workers', '2', '--memory', '1MB'])
    expect(refused.code).toBe(2)
    const [, least = ''] = /memory expected (\d+MB) or more, got 1MB/.exec(refused.stderr) ?? []
    const small = await compacted('small', '--workers', '2', '--memory', least)
    expect(small.blocks).toBeGreaterThan(one.blocks)
    for (const { store: copy } of [one, small]) {
      const { rows } = await flowreduceJson<Result>(['run', 'port-breakdown', '--store', `file:${copy}`])
      expect(byPort(rows)).toEqual(byPort(sent.ports))
    }
  }, 120_000)

  it('names the damaged block whichever thread read it, and changes nothing', async () => {
    const { folder, store, importFlows } = await makePlace()
    await importFlows(FLOWS)
    const data = join(folder, 'store', 'data')
    const avro = (await readdir(data, { recursive: true })).filter((name) => name.endsWith('.avro'))
    const victim = join(data, avro[0]!)
    const bytes = await readFile(victim)
    bytes[bytes.length - 1000]! ^= 1
    await writeFile(victim, bytes)
    const { code, stderr } = await flowreduce(['compact', '--all', '--store', store, '--workers', '2'])
    expect(code).toBe(1)
    expect(stderr).toContain(avro[0]!.slice(avro[0]!.lastIndexOf('/') + 1))
    expect(await parquetFiles(join(folder, 'store'))).toEqual([])
  })
})
