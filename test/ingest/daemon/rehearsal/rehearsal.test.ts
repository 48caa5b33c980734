import { describe, expect, it } from 'vitest'
import { rehearseCollecting } from '../../../../src/ingest/daemon/rehearsal/collecting.ts'
import { RehearsalDatagrams } from '../../../../src/ingest/daemon/rehearsal/datagrams.ts'
import { rehearseReceiving } from '../../../../src/ingest/daemon/rehearsal/receiving.ts'
import { createDecoder } from '../../../../src/ingest/decode/decoder.ts'
import { exporterFromBytes } from '../../../../src/ingest/decode/exporter-address.ts'
import { FlowOutput } from '../../../../src/ingest/flow-output.ts'
import { SIMULATED_PROTOCOLS } from '../../../../src/ingest/simulate/exporters.ts'
import { realSystem } from '../../../../src/storage/system.ts'

const addressOf = (exporter: number) => exporterFromBytes(Uint8Array.of(127, 0, 0, exporter), 0, 4)

describe('the rehearsal of a daemon', () => {
  it.each(SIMULATED_PROTOCOLS)('plays datagrams of %s of which none is lost, repeated or refused', (protocol) => {
    const play = new RehearsalDatagrams(protocol, 20)
    const decoder = createDecoder()
    const output = new FlowOutput({ blockSizeBytes: 1e9 })
    for (let round = 0; round < 3; round++) {
      for (const { payload, exporter } of play.datagrams) {
        const meta = { exporter: addressOf(exporter), sourcePort: 1, receivedMs: 1000 }
        expect(decoder.datagram(payload, meta, output)).toBeUndefined()
      }
      play.next()
    }
    const { duplicates, malformedDatagrams, flows } = decoder.counters()
    expect({ duplicates, malformedDatagrams }).toEqual({ duplicates: 0, malformedDatagrams: 0 })
    const sessions = decoder.sessions()
    expect(sessions.length).toBeGreaterThan(2)
    for (const session of sessions) expect(session).toMatchObject({ lost: 0, lostObserved: 0, restarts: 0 })
    const records = output.finish().reduce((sum, { encoded }) => sum + encoded.info.records, 0)
    expect(records).toBe(flows)
    expect(flows % 3).toBe(0)
    expect(flows).toBeGreaterThan(3 * 20 * 10)
    output.close()
  })

  it('of receiving closes its sockets', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('UDP')).length
    const before = sockets()
    await rehearseReceiving(realSystem())
    await new Promise((resolve) => setTimeout(resolve))
    expect(sockets()).toBe(before)
  })

  it('of collecting drops blocks that are full, with the columns that are configured', () => {
    const options = { decoder: { elements: ['applicationName'] }, blockSizeBytes: 100_000 }
    expect(() => rehearseCollecting(options, realSystem())).not.toThrow()
  })
})
