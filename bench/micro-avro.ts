/**
 * Rows per second on one core of the block encoder, the projected block reader and filters, against avsc over the same rows in the same run.
 *
 *   node scripts/run-ts.mjs bench/micro-avro.ts [rows]
 */
import { crc32 } from 'node:zlib'
import avro from 'avsc'
import snappy from 'snappy'
import type { Batch } from '../src/flow/batch.ts'
import { createFlowBatch, FLOW_COLUMNS } from '../src/flow/batch.ts'
import { parseFilter } from '../src/flow/filter/filter.ts'
import { avroSchema } from '../src/flow/schema.ts'
import { decodeRows } from '../src/kernels/avro-rows.ts'
import { RowEncoder } from '../src/storage/avro/encoder.ts'
import { compileProgram } from '../src/storage/avro/program.ts'
import { SyncBlockEncoder } from '../src/storage/avro/sync-block-encoder.ts'
import { parseAvroRecord } from '../src/storage/avro/type.ts'
import { BlockEncoder } from '../src/storage/block/encode.ts'
import { readBlock } from '../src/storage/block/read.ts'

const ROWS = Number(process.argv[2] ?? 1_000_000)
const BATCH = 4096

/** Flows like those of a mixed network: few hosts and ports take most of them, sizes have a long tail, one in ten is IPv6. */
function fill(batch: Batch & ReturnType<typeof createFlowBatch>, random: () => number, from: number): void {
  const { columns } = batch
  const skewed = (n: number): number => Math.floor(n * random() ** 4)
  for (let row = 0; row < BATCH; row++) {
    const start = Date.UTC(2026, 0, 1) + Math.floor((from + row) / 20) - skewed(60_000)
    const packets = 1 + skewed(20_000)
    columns.start.values[row] = start
    columns.end.values[row] = start + skewed(120_000)
    columns.received.values[row] = Date.UTC(2026, 0, 1) + Math.floor((from + row) / 20)
    columns.exporter.family[row] = 4
    columns.exporter.v4[row] = 0xc0000201 + (from % 3)
    for (const column of [columns.srcAddr, columns.dstAddr, columns.nextHop]) {
      column.family[row] = row % 10 === 0 ? 6 : 4
      if (row % 10 === 0) column.v6[row * 16 + 15] = skewed(256)
      else column.v4[row] = 0x0a000000 + skewed(1 << 22)
    }
    columns.srcPort.values[row] = 1024 + Math.floor(random() * 60_000)
    columns.dstPort.values[row] = [443, 80, 53, 22, 25, 123][skewed(6)]!
    columns.proto.values[row] = random() < 0.8 ? 6 : 17
    columns.tcpFlags.values[row] = random() < 0.8 ? 27 : 2
    columns.bytes.values[row] = packets * (40 + skewed(1460))
    columns.packets.values[row] = packets
    columns.sampleSize.values[row] = 1
    columns.samplePopulation.values[row] = 1
    columns.inputIf.values[row] = skewed(40)
    columns.outputIf.values[row] = skewed(40)
    columns.srcAs.values[row] = 64_512 + skewed(100)
    columns.dstAs.values[row] = 64_512 + skewed(100)
    columns.srcMask.values[row] = 24
    columns.dstMask.values[row] = 16
    columns.direction.values[row] = 255
  }
  batch.length = BATCH
}

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** The median of five runs, in rows per second. */
async function measure(name: string, rows: number, run: () => unknown): Promise<number> {
  const seconds: number[] = []
  for (let i = 0; i < 6; i++) {
    const begin = process.hrtime.bigint()
    await run()
    if (i > 0) seconds.push(Number(process.hrtime.bigint() - begin) / 1e9)
  }
  const rate = rows / seconds.sort((a, b) => a - b)[2]!
  process.stdout.write(`${name.padEnd(44)} ${(rate / 1e6).toFixed(2).padStart(8)} M rows/s\n`)
  return rate
}

const batches = Array.from({ length: Math.ceil(ROWS / BATCH / 16) }, (_, i) => {
  const batch = createFlowBatch(BATCH)
  fill(batch, generator(i + 1), i * BATCH)
  return batch
})
const total = batches.length * 16 * BATCH

function encode(): ReturnType<BlockEncoder['finish']> {
  const encoder = new BlockEncoder({ name: 'Flow', columns: FLOW_COLUMNS })
  for (let round = 0; round < 16; round++) for (const batch of batches) encoder.add(batch)
  return encoder.finish()
}

const block = encode()
process.stdout.write(`${total} rows, ${(block.bytes.length / total).toFixed(1)} bytes per row\n`)
const store = {
  read: async (_: string, range = { offset: 0, length: block.bytes.length }) =>
    block.bytes.subarray(range.offset, range.offset + range.length),
}
const info = { key: 'bench', collector: 'bench', ...block.info }

async function read(names?: readonly string[], each: (batch: Batch) => void = () => undefined): Promise<void> {
  const columns = FLOW_COLUMNS.filter(({ name }) => !names || names.includes(name))
  for await (const { batch } of readBlock({ store, block: info, schema: block.schema, columns })) each(batch)
}

const syncBlock = new SyncBlockEncoder(FLOW_COLUMNS, BATCH)
await measure('encode and compress sync-blocks', total, () => {
  for (let round = 0; round < 16; round++) {
    for (const batch of batches) {
      syncBlock.add(batch, 0, BATCH)
      syncBlock.take()
    }
  }
})
const rows = new RowEncoder(FLOW_COLUMNS, BATCH)
await measure('TypeScript twin: encode rows, without Snappy', total, () => {
  for (let round = 0; round < 16; round++) {
    for (const batch of batches) {
      rows.clear()
      rows.add(batch, 0, BATCH)
    }
  }
})
const encoded = await measure('encode a block', total, encode)
const projected = await measure('read dstPort and bytes', total, () => read(['dstPort', 'bytes']))
await measure('read srcAddr, dstAddr and bytes', total, () => read(['srcAddr', 'dstAddr', 'bytes']))
await measure('read all 26 columns', total, () => read())
const selection = new Uint32Array(BATCH)
const web = parseFilter('proto tcp and dst net 10.0.0.0/8 and not dst port in [80, 443] and bytes > 1m', FLOW_COLUMNS)
await measure('filter (four tests) over columns in memory', total, () => {
  for (let round = 0; round < 16; round++) for (const batch of batches) web.select(batch, selection)
})

const schema = JSON.parse(JSON.stringify(avroSchema('Flow', FLOW_COLUMNS)))
const wanted = JSON.parse(
  JSON.stringify(
    avroSchema(
      'Flow',
      FLOW_COLUMNS.filter(({ name }) => name === 'dstPort' || name === 'bytes'),
    ),
  ),
)
const type = avro.Type.forSchema(schema)
const peerType = avro.Type.forSchema(wanted)
const resolver = peerType.createResolver(type)
rows.clear()
rows.add(batches[0]!, 0, BATCH)
const plain = Buffer.from(rows.plain)
const records: unknown[] = []
for (let at = 0; at < plain.length; ) {
  const { value, offset } = type.decode(plain, at)
  records.push(value)
  at = offset
}
const packed = snappy.compressSync(plain)
const sum = crc32(plain)

const program = compileProgram(
  parseAvroRecord(schema),
  FLOW_COLUMNS.filter(({ name }) => name === 'dstPort' || name === 'bytes'),
)
const entries = program.reads.length * BATCH
const slots = {
  stride: BATCH,
  numbers: new Float64Array(entries),
  positions: new Int32Array(entries),
  lengths: new Int32Array(entries),
  present: new Uint8Array(entries),
}
const walk = (bytes: Uint8Array): number => decodeRows(program.code, bytes, 0, bytes.length, BATCH, slots)
await measure('TypeScript twin: walk rows for two columns', BATCH * 100, () => {
  for (let i = 0; i < 100; i++) if (walk(plain) !== plain.length) throw new Error('rows')
})
await measure('npm snappy and TypeScript twin, two columns', BATCH * 100, () => {
  for (let i = 0; i < 100; i++) {
    const bytes = snappy.uncompressSync(packed, { copyOutputData: true }) as Buffer
    if (crc32(bytes) !== sum || walk(bytes) !== plain.length) throw new Error('rows')
  }
})
const peerEncoded = await measure('avsc: encode objects, Snappy', records.length * 20, () => {
  for (let i = 0; i < 20; i++) snappy.compressSync(Buffer.concat(records.map((record) => type.toBuffer(record))))
})
const peerProjected = await measure('avsc: Snappy, read dstPort and bytes', records.length * 20, () => {
  for (let i = 0; i < 20; i++) {
    const bytes = snappy.uncompressSync(packed) as Buffer
    if (crc32(bytes) !== sum) throw new Error('crc')
    for (let at = 0; at < bytes.length; ) at = peerType.decode(bytes, at, resolver).offset
  }
})
process.stdout.write(
  `encode ${(encoded / peerEncoded).toFixed(1)} x avsc, projected read ${(projected / peerProjected).toFixed(1)} x avsc\n`,
)
