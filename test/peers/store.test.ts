import { execFileSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FLOW_FIELDS } from '../../src/flow/fields.ts'
import { flowreduceJson } from '../e2e/command.ts'
import type { Place } from '../e2e/place.ts'
import { byPort, makePlace } from '../e2e/place.ts'

/** The interpreter with fastavro, DuckDB and pyarrow that scripts/install-peers.sh makes; `.ci/run` sets it. */
const python = process.env.FLOWREDUCE_PEERS_PYTHON

type Sums = { readonly [port: string]: readonly number[] }

const sumsOf = (sums: Sums): Map<number, readonly number[]> =>
  new Map(Object.entries(sums).map(([port, entry]) => [Number(port), entry]))

/** What a script prints of the blocks of a store whose names end so. */
async function readByPython(script: string, { folder }: Place, ending: string): Promise<string> {
  if (!python) throw new Error('peers: FLOWREDUCE_PEERS_PYTHON expected what scripts/install-peers.sh prints, got none')
  const data = join(folder, 'store', 'data', 'flows')
  const files = (await readdir(data, { recursive: true })).filter((name) => name.endsWith(ending))
  expect(files.length).toBeGreaterThan(0)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const args = [path, ...files.map((name) => join(data, name))]
  return execFileSync(python, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
}

describe('the blocks of a store, read by Python', () => {
  it('have in fastavro the sums that the job and the simulator have', async () => {
    const place = await makePlace()
    const sent = await place.importFlows(40_000)
    const sums: Sums = JSON.parse(await readByPython('sum_flows.py', place, '.avro'))
    const expected = byPort(sent.ports)
    expect(sumsOf(sums)).toEqual(expected)
    expect(byPort((await place.run('port-breakdown')).rows)).toEqual(expected)
  })

  it('have compacted in DuckDB and pyarrow the same sums, and the names of the flow fields', async () => {
    const place = await makePlace()
    const sent = await place.importFlows(40_000)
    await flowreduceJson(['compact', '--all', '--store', place.store])
    const printed: { duckdb: Sums; pyarrow: Sums; names: string[] } = JSON.parse(
      await readByPython('sum_parquet.py', place, '.parquet'),
    )
    const expected = byPort(sent.ports)
    expect(sumsOf(printed.duckdb)).toEqual(expected)
    expect(sumsOf(printed.pyarrow)).toEqual(expected)
    expect(printed.names).toEqual(expect.arrayContaining(FLOW_FIELDS.map(({ name }) => name)))
    expect(byPort((await place.run('port-breakdown')).rows)).toEqual(expected)
  })
})
