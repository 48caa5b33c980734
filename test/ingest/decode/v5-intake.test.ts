import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { CHUNK_BYTES, ChunkReader, ChunkWriter, FRAME_BYTES } from '../../../src/ingest/daemon/chunk.ts'
import { createDecoder, type Decoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { FlowSink } from '../../../src/ingest/decode/sink.ts'
import type { Frames } from '../../../src/ingest/decode/v5-intake.ts'
import { V5Intake } from '../../../src/ingest/decode/v5-intake.ts'
import { V5Records } from '../../../src/ingest/decode/v5-records.ts'
import { GatheredRows } from '../../../src/ingest/encode/gathered-rows.ts'
import { RowPacker } from '../../../src/ingest/encode/row-packer.ts'
import { readDatagrams } from '../../../src/ingest/input/read.ts'
import { WINDOW_BYTES } from '../../../src/ingest/input/window.ts'
import { borrowKernels, type KernelInstance, returnKernels } from '../../../src/kernels/pool.ts'
import { SyncBlockEncoder } from '../../../src/storage/avro/sync-block-encoder.ts'
import { BlockStatistics } from '../../../src/storage/block/statistics.ts'
import { fc } from '../../kit/fast-check.ts'
import { type Captured, ethernet, ipv4, ipv6, pcap, udp } from '../packets.ts'
import { u } from './wire.ts'

const CAPACITY = 16
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-intake-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A datagram of v5 with any records, whose count may be wrong, or something else; numbers are few, so that they repeat, follow each other and go back. */
const v5 = fc
  .record({
    count: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.integer({ min: 0, max: 40 })),
    sequence: fc.constantFrom(0, 3, 6, 9, 12, 4_294_967_293),
    uptime: fc.integer({ min: 0, max: 0xffffffff }),
    seconds: fc.constantFrom(0, 1_767_225_600, 4_294_967_295),
    engine: fc.constantFrom(0, 257),
    sampling: fc.constantFrom(0, 1, 0x4001, 0x8064),
    records: fc.array(fc.uint8Array({ minLength: 48, maxLength: 48 }), { maxLength: 7 }),
    trailing: fc.uint8Array({ maxLength: 3 }),
  })
  .map(({ count, sequence, uptime, seconds, engine, sampling, records, trailing }) =>
    Buffer.concat([
      Buffer.from(u(16, 5, count ?? records.length)),
      Buffer.from([...u(32, uptime, seconds, 999_999_999, sequence), ...u(16, engine, sampling)]),
      ...records,
      trailing,
    ]),
  )
const payloads = fc.oneof(
  { weight: 8, arbitrary: v5 },
  fc.constant(Buffer.from([...u(16, 9, 1), ...u(32, 1, 2, 3, 4), ...u(16, 256, 8), ...u(32, 7)])),
  fc.uint8Array({ maxLength: 30 }),
)

const datagrams = fc
  .array(
    fc.record({
      payload: payloads,
      sender: fc.constantFrom('192.0.2.1', '198.51.100.255', '255.255.255.255', '2001:db8::1'),
      port: fc.constantFrom(2055, 40_000),
      seconds: fc.constantFrom(0, 1_767_225_659, 1_767_225_660),
      fraction: fc.constantFrom(0, 999_999),
      form: fc.oneof(
        { weight: 15, arbitrary: fc.constant('plain') },
        fc.constantFrom('options', 'tagged', 'fragment', 'tcp', 'short'),
      ),
      repeat: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  .map((list) => list.flatMap((one) => (one.repeat ? [one, one] : [one])))
type Sent = typeof datagrams extends fc.Arbitrary<(infer T)[]> ? T : never

function captured({ payload, sender, port, seconds, fraction, form }: Sent): Captured {
  const whole = udp(payload, port)
  const family6 = parseExporter(sender)!
  const source = sender.split('.').map(Number)
  const options = form === 'options' ? 8 : 0
  const fragment = form === 'fragment' ? 0x2000 : 0
  const packet =
    family6.family === 6
      ? ipv6(whole, 17, family6.v6)
      : ipv4(whole, { source, options, fragment, proto: form === 'tcp' ? 6 : 17 })
  const frame = form === 'tagged' ? ethernet(packet, undefined, [0x8100]) : ethernet(packet)
  return { seconds, fraction, packet: form === 'short' ? frame.slice(0, 50) : Uint8Array.from([...frame, 0, 0]) }
}

/** A decoder with what it decodes into; `many`: as many datagrams at once as the kernel takes. */
class Trial {
  readonly decoder: Decoder
  readonly intake: V5Intake
  readonly heard: string[] = []
  readonly sink: FlowSink
  taken = 0
  readonly #packed: string[] = []
  readonly #instance: KernelInstance
  readonly #packer: RowPacker

  /** Rows of many datagrams at once are packed in the memory in which they are gathered, those of the others elsewhere. */
  constructor(many: boolean, dropDuplicates: boolean) {
    const packing = SyncBlockEncoder.bytesNeeded(FLOW_COLUMNS, CAPACITY)
    const inputs = [WINDOW_BYTES, WINDOW_BYTES, CHUNK_BYTES]
    const records = V5Records.sizeBytes(CAPACITY) + 64
    this.#instance = borrowKernels(V5Intake.bytesNeeded(inputs) + records + packing)
    this.intake = new V5Intake(this.#instance, { capacity: CAPACITY, inputs })
    this.#packer = new RowPacker(FLOW_COLUMNS, CAPACITY, many ? this.#instance : undefined)
    const sampling = [{ exporter: '255.255.255.255', sampleSize: 3, samplePopulation: 10 ** 12 }]
    this.decoder = createDecoder({ sampling, dropDuplicates, budgets: { sessions: 3, exporters: 2 } })
    const rows = GatheredRows.create(FLOW_COLUMNS, CAPACITY, new V5Records(CAPACITY, this.#instance))
    const { batch, v5 } = rows
    this.sink = { batch, v5, intake: many ? this.intake : undefined, flush: () => this.#flush(rows) }
  }

  datagram(payload: Uint8Array, exporter: string, sourcePort: number, receivedMs: number | undefined): void {
    this.decoder.datagram(payload, { exporter: parseExporter(exporter)!, sourcePort, receivedMs }, this.sink)
    this.heard.push(`${exporter} ${receivedMs}`)
  }

  run(frames: Frames) {
    const taken = this.decoder.datagrams(frames, this.sink, ({ text }, ms) => this.heard.push(`${text} ${ms}`))
    this.taken += taken.datagrams
    return taken
  }

  /** All that can be seen of what was decoded. */
  result() {
    this.sink.flush()
    const { decoder, heard } = this
    decoder.abandonParked()
    this.#packer.close()
    returnKernels(this.#instance)
    return [this.#packed, heard, decoder.counters(), decoder.sessions(), decoder.drainLedger(), decoder.state()]
  }

  #flush(rows: GatheredRows): void {
    if (rows.length === 0) return
    const statistics = new BlockStatistics()
    const made = this.#packer.pack(rows)
    rows.describe(statistics, made)
    const told = [statistics.takeSpan(), statistics.exporters(), statistics.samplingUnknown, rows.firstReceivedMs]
    this.#packed.push(`${JSON.stringify(told)} ${Buffer.from(made.data).toString('hex')}`)
    rows.clear()
  }
}

async function ofCapture(path: string, many: boolean, dropDuplicates: boolean) {
  const trial = new Trial(many, dropDuplicates)
  const facts = await readDatagrams(path, {
    exporter: parseExporter('192.0.2.77')!,
    onDatagram: (payload, { text }, port, ms) => trial.datagram(payload, text, port, ms),
    onRun: (frames) => trial.run(frames),
    memory: trial.intake.inputs,
  })
  return { taken: trial.taken, result: [facts, ...trial.result()] }
}

function ofChunk(chunk: Uint8Array, many: boolean) {
  const trial = new Trial(many, false)
  const input = trial.intake.inputs[2]!
  input.set(chunk)
  const count = new ChunkReader().read(
    input.subarray(0, chunk.length),
    (payload, { text }, port, ms) => trial.datagram(payload, text, port, ms),
    (frames) => trial.run(frames),
  )
  return { taken: trial.taken, result: [count, ...trial.result()] }
}

describe('datagrams of NetFlow v5 taken many at once', () => {
  it('give what they give one by one, out of any capture', async () => {
    let taken = 0
    const path = join(folder, 'capture')
    const form = fc.record({ littleEndian: fc.boolean(), nanoseconds: fc.boolean() })
    const property = fc.asyncProperty(datagrams, form, fc.boolean(), async (list, options, dropDuplicates) => {
      writeFileSync(path, pcap(list.map(captured), options))
      const many = await ofCapture(path, true, dropDuplicates)
      expect(many.result).toEqual((await ofCapture(path, false, dropDuplicates)).result)
      taken += many.taken
    })
    await fc.assert(property, { numRuns: 150 })
    expect(taken).toBeGreaterThan(100)
  })

  it('give what they give one by one, out of any chunk', () => {
    let taken = 0
    const property = fc.property(datagrams, fc.constantFrom(0, 1, 20, 32, 60), (list, cut) => {
      const writer = new ChunkWriter()
      for (const { payload, sender, port, seconds, fraction } of list) {
        const { family, v6 } = parseExporter(sender)!
        const address = family === 6 ? v6 : Uint8Array.from(sender.split('.').map(Number))
        writer.add(payload, address, port, 0, seconds * 1000 + (fraction % 1000))
      }
      const frame = writer.frame()
      const chunk = frame.subarray(FRAME_BYTES, Math.max(FRAME_BYTES, frame.length - cut))
      const many = ofChunk(chunk, true)
      expect(many.result).toEqual(ofChunk(chunk, false).result)
      taken += many.taken
    })
    fc.assert(property, { numRuns: 150 })
    expect(taken).toBeGreaterThan(100)
  })

  it('are one call for many', () => {
    const writer = new ChunkWriter()
    const payload = Buffer.from([...u(16, 5, 1), ...u(32, 1, 2, 3, 4), ...u(16, 0, 0), ...new Uint8Array(48)])
    for (let i = 0; i < CAPACITY; i++) writer.add(payload, Uint8Array.of(192, 0, 2, 1), 2055, 0, 1000)
    expect(ofChunk(writer.frame().subarray(FRAME_BYTES), true).taken).toBe(CAPACITY)
  })
})
