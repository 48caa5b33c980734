import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { flowreduce, flowreduceJson } from './command.ts'
import { makePlace, type Place, SPLITS } from './place.ts'

const FLOWS = 20_000

let place: Place

beforeEach(async () => {
  place = await makePlace()
  await place.importFlows(FLOWS)
})

/** Key, file and records of the largest block of flows. */
async function largestBlock(): Promise<{ key: string; path: string; records: number }> {
  const { rows } = await flowreduceJson<{ rows: { key: string; records: number }[] }>([
    ...['fs', 'blocks', 'flows', '--store', place.store],
  ])
  const { key, records } = rows.reduce((largest, row) => (row.records > largest.records ? row : largest))
  return { key, records, path: join(place.folder, 'store', key) }
}

async function overwrite(path: string, position: number): Promise<void> {
  const bytes = await readFile(path)
  bytes.fill(0xff, bytes.length + position)
  await writeFile(path, bytes)
}

/** What `--on-corrupt skip` makes of it: flows counted, and flows that the coverage says are missing. */
async function skipping(): Promise<{ counted: number; corrupt: number }> {
  const { rows, coverage } = await place.run('totals', '--on-corrupt', 'skip', ...SPLITS)
  return { counted: Number(rows[0]?.flows ?? 0), corrupt: (coverage as unknown as { corrupt: number }).corrupt }
}

it('a block that is gone fails the run by its key, and is counted as missing when damage is skipped', async () => {
  const { key, path, records } = await largestBlock()
  await rm(path)
  const { code, stdout, stderr } = await flowreduce(['run', 'totals', '--store', place.store, '--attempts', '1'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(key)
  expect(await skipping()).toEqual({ counted: FLOWS - records, corrupt: records })
})

it('a damaged sync-block fails the run by key and byte, and costs only itself when damage is skipped', async () => {
  const { key, path, records } = await largestBlock()
  await overwrite(path, -500)
  const { code, stderr } = await flowreduce(['run', 'totals', '--store', place.store, '--attempts', '1'])
  expect(code).toBe(1)
  expect(stderr).toMatch(new RegExp(`block ${key} at byte \\d+: `))
  const { counted, corrupt } = await skipping()
  expect(counted + corrupt).toBe(FLOWS)
  expect(corrupt).toBeGreaterThan(0)
  expect(corrupt).toBeLessThanOrEqual(records)
})

it('a Parquet block without its footer is counted as missing whole', async () => {
  await flowreduceJson(['compact', '--all', '--store', place.store])
  const { key, path, records } = await largestBlock()
  await overwrite(path, -12)
  const { code, stderr } = await flowreduce(['run', 'totals', '--store', place.store, '--attempts', '1'])
  expect(code).toBe(1)
  expect(stderr).toContain(key)
  expect(await skipping()).toEqual({ counted: FLOWS - records, corrupt: records })
})
