import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { createFlowBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import type { Program } from '../../../src/runtime/program.ts'
import { RunReader } from '../../../src/runtime/shuffle/run-reader.ts'
import { AttemptFiles } from '../../../src/runtime/task/attempt-files.ts'
import type { MapTask, ReduceTask } from '../../../src/runtime/task/description.ts'
import { runMapTask } from '../../../src/runtime/task/map-task.ts'
import { runReduceTask } from '../../../src/runtime/task/reduce-task.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { seededRandom } from '../../seeded-random.ts'
import { encodeParquetBlock } from '../../storage/parquet/parquet-block.ts'

const SCHEMA = avroSchema('Flow', FLOW_COLUMNS)
const START = Date.parse('2026-01-01T00:00:00Z')
/** Several pages, the last a short one. */
export const ROWS = 110_000

interface Traffic {
  /** Rows from here on may have IPv6 addresses, one in 50. */
  readonly sixFrom: number
  readonly mostBytes: number
  readonly hosts: number
}

const TRAFFICS: { readonly [name: string]: Traffic } = {
  'of IPv4': { sixFrom: ROWS, mostBytes: 2 ** 20, hosts: 3000 },
  'with IPv6 from the third page on': { sixFrom: 40_000, mostBytes: 2 ** 20, hosts: 300 },
  'with counters whose sums leave 40 and 53 bits': { sixFrom: ROWS, mostBytes: 2 ** 44, hosts: 200 },
  'with counters whose sums fill a table every few pages': { sixFrom: ROWS, mostBytes: 2 ** 38, hosts: 200 },
  'of as many hosts as flows': { sixFrom: ROWS, mostBytes: 2 ** 16, hosts: 2 ** 30 },
}

function flowsOf({ sixFrom, mostBytes, hosts }: Traffic): FlowBatch {
  const random = seededRandom(7)
  const below = (limit: number): number => Math.floor(random() * limit)
  const batch = createFlowBatch(ROWS)
  const { columns } = batch
  for (let row = 0; row < ROWS; row++) {
    columns.start.values[row] = START + row * 20 + below(2000)
    columns.end.values[row] = columns.start.values[row]! + below(9000)
    for (const address of [columns.srcAddr, columns.dstAddr]) {
      const isSix = row >= sixFrom && below(50) === 0
      address.family[row] = isSix ? 6 : 4
      if (isSix) address.v6.set([0x20, 1, 0x0d, 0xb8, below(4), below(4)], row * 16)
      else address.v4[row] = 0x0a00_0000 + below(hosts) * 3
    }
    columns.dstPort.values[row] = below(3) > 0 ? 443 : below(65_536)
    columns.proto.values[row] = below(4) > 0 ? 6 : 17
    columns.bytes.values[row] = below(mostBytes)
    columns.packets.values[row] = below(mostBytes / 64)
  }
  batch.length = ROWS
  return batch
}

/** Blocks of Parquet with such flows, by name. */
export const blocks = new Map(
  Object.entries(TRAFFICS).map(([name, traffic]) => {
    const order = Uint32Array.from({ length: ROWS }, (_, row) => row)
    return [name, encodeParquetBlock(flowsOf(traffic), order, { columns: FLOW_COLUMNS, schema: SCHEMA })]
  }),
)

export const MB = 2 ** 20

/** What a job leaves over a block: the run file of its map task and what that counted, and the records of its reduce task. */
export async function runOver(name: string, program: Program, memoryBytes: number, reads: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'flowreduce-block-run-'))
  try {
    return await runIn(folder, name, program, memoryBytes, reads)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function runIn(folder: string, name: string, program: Program, memoryBytes: number, reads: string[]) {
  const { bytes, info } = blocks.get(name)!
  const block: BlockInfo = { key: 'data/flows/x.parquet', collector: 'test', ...info }
  const read = async (_: string, { offset, length } = { offset: 0, length: bytes.length }) =>
    bytes.subarray(offset, offset + length)
  const store = { read } as unknown as ObjectStore // only this is asked for
  const columns = FLOW_COLUMNS.filter((column) => reads.includes(column.name))
  const piece = { schema: SCHEMA, columns, first: 0, count: block.chunks.length, timed: false, countSampling: false }
  const shared = { from: null, to: null, memoryBytes, stage: 'a', task: 0 }
  const map = {
    ...{ ...shared, type: 'map', partitions: 1, records: ROWS, onCorrupt: 'fail', maxBadRecords: 0 },
    pieces: [{ type: 'block', block, ...piece }],
  } as unknown as MapTask // the rest is for the coordinator
  const files = (kind: string): AttemptFiles => new AttemptFiles(folder, kind)
  const mapped = await runMapTask(map, { program, store, files: files('map') })
  const sources = [{ stage: 'a', task: 0, path: join(folder, 'map.run'), checksum: mapped.file!.checksum }]
  const reduce = {
    ...shared,
    type: 'reduce',
    partitions: { first: 0, count: 1 },
    tasks: 1,
    sources,
    ordered: true,
  } as unknown as ReduceTask // likewise
  await runReduceTask(reduce, { program, store, files: files('reduce') })
  return {
    counters: mapped.counters,
    run: readFileSync(join(folder, 'map.run')),
    rows: recordsOf(join(folder, 'reduce.run')),
  }
}

/** All records of a reduce task, back to back. How they are cut into frames is no part of them: it follows from the memory that was lent, which may be more than was asked for. */
function recordsOf(path: string): Buffer {
  const reader = new RunReader(path)
  try {
    return Buffer.concat(Array.from(reader.frames(0), (frame) => new Uint8Array(frame)))
  } finally {
    reader.close()
  }
}
