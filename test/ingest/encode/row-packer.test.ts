import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { FlowSink } from '../../../src/ingest/decode/sink.ts'
import { V5Records } from '../../../src/ingest/decode/v5-records.ts'
import { GatheredRows } from '../../../src/ingest/encode/gathered-rows.ts'
import { RowPacker } from '../../../src/ingest/encode/row-packer.ts'
import { BlockStatistics } from '../../../src/storage/block/statistics.ts'
import { fc } from '../../kit/fast-check.ts'
import { u } from '../decode/wire.ts'

const CAPACITY = 8

/** A datagram of v5: any header, any records. */
const v5Datagram = fc
  .tuple(
    fc.constantFrom(0, 1, 65_535, 0x4001, 0x8064),
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(0, 3, 4_294_967_295, 1_767_225_600),
    fc.array(fc.uint8Array({ minLength: 48, maxLength: 48 }), { maxLength: 6 }),
  )
  .map(([sampling, uptime, seconds, records]) =>
    Buffer.concat([
      Buffer.from([...u(16, 5, records.length), ...u(32, uptime, seconds, 999_999, 0), 1, 2, ...u(16, sampling)]),
      ...records,
    ]),
  )

/** A datagram of v9 with a template and one record of it, of which a column-wise row is made. */
const v9Datagram = Buffer.from([
  ...[...u(16, 9, 2), ...u(32, 1000, 1_767_225_600, 1, 0)],
  ...u(16, 0, 16, 256, 2, 8, 4, 1, 4),
  ...[...u(16, 256, 12), ...u(32, 0x0a000001, 77)],
])

const received = fc.constantFrom(1_767_225_600_123, 0, -5, undefined)
const exporters = fc.constantFrom('192.0.2.1', '255.255.255.255', '2001:db8::1')

/** Packs what datagrams hold, with records of v5 as they are or as columns; what comes of it, sync-block by sync-block. */
function pack(datagrams: readonly (readonly [Uint8Array, string, number | undefined])[], asColumns: boolean): string[] {
  const decoder = createDecoder({ sampling: [{ exporter: '255.255.255.255', samplePopulation: 10 ** 12 }] })
  const packer = new RowPacker(FLOW_COLUMNS, CAPACITY)
  const rows = GatheredRows.create(FLOW_COLUMNS, CAPACITY, asColumns ? undefined : new V5Records(CAPACITY))
  const packed: string[] = []
  const sink: FlowSink = {
    batch: rows.batch,
    v5: rows.v5,
    flush() {
      if (rows.length === 0) return
      const statistics = new BlockStatistics()
      const { firstReceivedMs, length } = rows
      const made = packer.pack(rows)
      rows.describe(statistics, made)
      const told = [statistics.takeSpan(), statistics.exporters(), statistics.samplingUnknown, firstReceivedMs, length]
      packed.push(`${JSON.stringify(told)} ${made.plainLength} ${Buffer.from(made.data).toString('hex')}`)
      rows.clear()
    },
  }
  for (const [bytes, exporter, receivedMs] of datagrams) {
    decoder.datagram(bytes, { exporter: parseExporter(exporter)!, sourcePort: 2055, receivedMs }, sink)
  }
  sink.flush()
  packer.close()
  return packed
}

describe('records of NetFlow v5 packed as they came', () => {
  it('give the bytes and the statistics that their columns give, whatever comes between', () => {
    const datagrams = fc.array(
      fc.tuple(fc.oneof({ weight: 5, arbitrary: v5Datagram }, fc.constant(v9Datagram)), exporters, received),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(datagrams, (list) => {
        expect(pack(list, false)).toEqual(pack(list, true))
      }),
      { numRuns: 300 },
    )
  })

  it('are left out of the columns', () => {
    const rows = GatheredRows.create(FLOW_COLUMNS, CAPACITY, new V5Records(CAPACITY))
    const sink: FlowSink = { batch: rows.batch, v5: rows.v5, flush: () => rows.clear() }
    const [bytes] = fc.sample(
      v5Datagram.filter(({ length }) => length === 24 + 3 * 48),
      1,
    )
    createDecoder().datagram(bytes!, { exporter: parseExporter('192.0.2.1')!, sourcePort: 1, receivedMs: 0 }, sink)
    expect([rows.records, rows.length, rows.batch.columns.direction.values[0]]).toEqual([3, 3, 0])
  })
})
