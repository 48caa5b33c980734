import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/runtime/config.ts'
import { checkCombiner, testJob } from '../../src/testing.ts'

const { config, file } = await loadConfig(fileURLToPath(new URL('../../jobs.config.ts', import.meta.url)))
const job = (name: string) => file!.loaded.jobs.get(name)!
const sites = config.lookups!.sites!
const lookups = { sites: 'rows' in sites ? [...(await sites.rows())] : [] }

describe('the example configuration', () => {
  it('has jobs of all three shapes', () => {
    expect([...file!.loaded.jobs.values()].map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      'traffic group',
      'site-traffic group',
      'flow-sizes map',
      'horizontal-scans reduce',
    ])
  })

  it('traffic counts per bin and protocol', async () => {
    const flows = [
      { start: '2026-01-01T10:02:00Z', proto: 6, bytes: 10, srcAddr: '10.0.0.1' },
      { start: '2026-01-01T10:04:59Z', proto: 6, bytes: 5, srcAddr: '10.0.0.1' },
      { start: '2026-01-01T10:05:00Z', proto: 6, bytes: 1, srcAddr: '10.0.0.2' },
    ]
    expect((await testJob(job('traffic'), flows)).rows).toEqual([
      { bin: '2026-01-01T10:00:00.000Z', proto: 6, bytes: 15n, flows: 2, sources: 1 },
      { bin: '2026-01-01T10:05:00.000Z', proto: 6, bytes: 1n, flows: 1, sources: 1 },
    ])
    const days = await testJob(job('traffic'), flows, { params: { bin: '1d', zone: 'Asia/Tokyo' } })
    expect(days.rows.map(({ bin }) => bin)).toEqual(['2025-12-31T15:00:00.000Z'])
  })

  it('site-traffic names the longest prefix', async () => {
    const flows = [
      { dstAddr: '10.1.2.3', bytes: 4 },
      { dstAddr: '10.2.2.3', bytes: 2 },
      { dstAddr: '192.0.2.1', bytes: 1 },
      { dstAddr: '10.1.2.9', bytes: 0 },
    ]
    const { rows, records } = await testJob(job('site-traffic'), flows, { lookups })
    expect(rows).toEqual([
      { site: 'library', network: '10.1.2.0/24', bytes: 4n, flows: 1 },
      { site: 'campus', network: '10.2.2.0/24', bytes: 2n, flows: 1 },
      { site: '', network: '192.0.2.0/24', bytes: 1n, flows: 1 },
    ])
    expect(records.filtered).toBe(1)
  })

  it('flow-sizes sorts flows into powers of two', async () => {
    const flows = [0, 1, 2, 3, 4, 5].map((bytes) => ({ proto: 17, bytes }))
    expect(
      (await testJob(job('flow-sizes'), flows)).rows.map(({ bits, flows, bytes }) => [bits, flows, bytes]),
    ).toEqual([
      [0, 2, 1n],
      [1, 1, 2n],
      [2, 2, 7n],
      [3, 1, 5n],
    ])
  })

  it('horizontal-scans finds who touches many targets, with a combine that changes nothing', async () => {
    const flows = Array.from({ length: 12 }, (_, i) => ({
      srcAddr: '2001:db8::1',
      dstAddr: `10.0.0.${i % 6}`,
      dstPort: 22,
      packets: 1,
    }))
    expect((await testJob(job('horizontal-scans'), flows, { params: { targets: 6 } })).rows).toEqual([
      { src: '2001:db8::1', port: 22, targets: 6 },
    ])
    expect((await testJob(job('horizontal-scans'), flows, { params: { targets: 7 } })).rows).toEqual([])
    checkCombiner(job('horizontal-scans'), { params: { targets: 1 } })
  })
})
