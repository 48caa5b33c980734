import { execFileSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { byPort, makePlace } from '../e2e/place.ts'

/** The interpreter with fastavro that scripts/install-peers.sh makes; `.ci/run` sets it. */
const python = process.env.FLOWREDUCE_PEERS_PYTHON

describe('the blocks of a store, read by Python fastavro', () => {
  it('have the sums that the job and the simulator have', async () => {
    if (!python)
      throw new Error('peers: FLOWREDUCE_PEERS_PYTHON expected what scripts/install-peers.sh prints, got none')
    const place = await makePlace()
    const sent = await place.importFlows(40_000)
    const data = join(place.folder, 'store', 'data', 'flows')
    const files = (await readdir(data, { recursive: true })).filter((name) => name.endsWith('.avro'))
    expect(files.length).toBeGreaterThan(2)
    const script = fileURLToPath(new URL('sum_flows.py', import.meta.url))
    const printed = execFileSync(python, [script, ...files.map((name) => join(data, name))], { encoding: 'utf8' })
    const sums = new Map(Object.entries(JSON.parse(printed)).map(([port, entry]) => [Number(port), entry]))
    const expected = byPort(sent.ports)
    expect(sums).toEqual(expected)
    expect(byPort((await place.run('port-breakdown')).rows)).toEqual(expected)
  })
})
