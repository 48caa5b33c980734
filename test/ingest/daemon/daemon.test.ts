import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startIngest } from '../../../src/ingest/daemon/daemon.ts'
import { SIMULATED_PROTOCOLS } from '../../../src/ingest/simulate/exporters.ts'
import { simulate } from '../../../src/ingest/simulate/simulate.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { realSystem } from '../../../src/storage/system.ts'
import { storedTotals } from '../flows.ts'

const system = realSystem()
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-daemon-'))
afterAll(() => rmSync(folder, { recursive: true }))

let stores = 0
const memory = () => openMemoryStore({ name: `daemon-test-${stores++}`, system })

describe('the ingest daemon', () => {
  for (const protocol of SIMULATED_PROTOCOLS) {
    it(`stores every flow that exporters send as ${protocol} over loopback`, async () => {
      const store = memory()
      const daemon = await startIngest({ listen: ['udp://127.0.0.1:0'], store, collector: 'test', system })
      const sent = await simulate({
        target: daemon.addresses[0]!,
        flows: 20_000,
        rate: 100_000,
        protocols: [protocol],
        exporters: 3,
        ports: true,
        system,
      })
      const status = await daemon.stop()
      const stored = await storedTotals(store, await openManifest(store, { system }))
      expect(stored.flows).toBe(20_000)
      expect([stored.packets, stored.bytes]).toEqual([sent.packets, sent.bytes])
      expect([...stored.ports.values()].sort((a, b) => a.port - b.port)).toEqual(sent.ports)
      expect(status.receiver.received).toBe(sent.datagrams)
      expect(status.outbox).toMatchObject({ commits: 1, waiting: 0, shedFlows: 0 })
    })
  }
})
