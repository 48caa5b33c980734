import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compactOptions } from '../../src/cli/commands/compact.ts'
import { importOptions } from '../../src/cli/commands/import.ts'
import { ingestOptions } from '../../src/cli/commands/ingest.ts'
import { metricsText } from '../../src/ingest/daemon/metrics.ts'
import { EMPTY_STATUS } from '../../src/ingest/daemon/status.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/collecting.md')

const STATUS = {
  ...EMPTY_STATUS,
  receiver: { received: 0, receivedBytes: 0, denied: 0, dropped: 0 },
  ...{ kernelDrops: 0, sockets: [], waitingChunks: 0, logBytes: 0, unlogged: 0, opened: true, recovered: 0 },
  receiverFull: false,
}

describe('docs/collecting.md', () => {
  it('names options that exist', () => {
    const named = [...page.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(10)
    const known = Object.keys({ ...ingestOptions, ...importOptions, ...compactOptions })
    expect(known).toEqual(expect.arrayContaining([...new Set(named)]))
  })

  it('names metrics that the daemon serves', () => {
    const named = [...page.matchAll(/flowreduce_ingest_([a-z_]+)/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(10)
    const served = [...metricsText(STATUS).matchAll(/^# TYPE flowreduce_ingest_([a-z_]+) /gm)].map(([, name]) => name)
    expect(served).toEqual(expect.arrayContaining([...new Set(named)]))
  })
})
