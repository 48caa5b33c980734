import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { addressBytes } from '../../src/flow/address.ts'
import type { Batch } from '../../src/flow/batch.ts'
import { FLOW_COLUMNS } from '../../src/flow/batch.ts'
import { COLUMN_TYPES, type Column, type ColumnSpec } from '../../src/flow/column.ts'
import { prefixAt } from '../../src/flow/prefix.ts'
import { valueAt } from '../../src/flow/value.ts'
import { BlockEncoder } from '../../src/storage/block/encode.ts'
import { inspectBlock } from '../../src/storage/block/inspect.ts'
import { readBlock } from '../../src/storage/block/read.ts'
import { anyRows, batchOf, rowsOf } from '../flow/columns.ts'
import { fc } from '../kit/fast-check.ts'
import { OneObject } from '../storage/block/blocks.ts'

/** The interpreter with fastavro that scripts/install-peers.sh makes; `.ci/run` sets it. */
const python = process.env.FLOWREDUCE_PEERS_PYTHON
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-avro-'))
afterAll(() => rmSync(folder, { recursive: true }))

function run(script: string, ...args: string[]): string {
  if (!python)
    throw new Error('peers: FLOWREDUCE_PEERS_PYTHON expected the path that scripts/install-peers.sh prints, got none')
  const path = fileURLToPath(new URL(script, import.meta.url))
  return execFileSync(python, [path, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 })
}

const EVERY_TYPE: readonly ColumnSpec[] = COLUMN_TYPES.flatMap((type) => [
  { name: type, type },
  { name: `${type}_or_null`, type, nullable: true },
])

/** A value as `read_avro.py` prints it, 64-bit integers as text. */
function printed(column: Column, row: number): unknown {
  if (column.valid && column.valid[row] === 0) return null
  switch (column.type) {
    case 'address':
      return Buffer.from(addressBytes(column, row)).toString('hex')
    case 'prefix': {
      const prefix = prefixAt(column, row)
      return prefix ? Buffer.from([...prefix.bytes, prefix.bits]).toString('hex') : ''
    }
    case 'instant':
      return String(column.values[row]! + 0)
    default: {
      const value = valueAt(column, row)
      return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
    }
  }
}

/** What fastavro reads from a block; integers as text, because JSON numbers of 64 bits do not survive JSON.parse. */
function readByFastavro(bytes: Uint8Array): { [name: string]: unknown }[] {
  const path = join(folder, 'ours.avro')
  writeFileSync(path, bytes)
  const lines = run('read_avro.py', path).trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line.replace(/(?<=": )(-?\d+)(?=[,}])/g, '"$1"')))
}

function expected(columns: readonly ColumnSpec[], batch: Batch): { [name: string]: unknown }[] {
  return Array.from({ length: batch.length }, (_, row) =>
    Object.fromEntries(columns.map(({ name }) => [name, printed(batch.columns[name]!, row)])),
  )
}

describe('a block in fastavro', () => {
  it('has every value of every column type', () => {
    // Text that looks like a JSON member would confuse the quoting of integers above.
    const rows = fc.sample(anyRows(EVERY_TYPE), { numRuns: 60, seed: 11 }).flat()
    const tame = rows.map((row) =>
      row.map((value, i) => (EVERY_TYPE[i]!.type === 'text' && value !== null ? `t${i}ä` : value)),
    )
    const batch = batchOf(EVERY_TYPE, tame)
    const encoder = new BlockEncoder({ name: 'every-type', columns: EVERY_TYPE, recordsPerSync: 50 })
    encoder.add(batch)
    expect(tame.length).toBeGreaterThan(200)
    expect(readByFastavro(encoder.finish().bytes)).toEqual(expected(EVERY_TYPE, batch))
  })

  it('has the flows of the first format', async () => {
    const file = (name: string) => readFileSync(new URL(`../fixtures/format-1/${name}`, import.meta.url))
    const { schema, info } = JSON.parse(file('Flow.json').toString())
    const bytes = new Uint8Array(file('Flow.avro'))
    const block = { key: 'Flow.avro', collector: 'frozen', ...info }
    const own: { [name: string]: unknown }[] = []
    for await (const { batch } of readBlock({ store: new OneObject(bytes), block, schema, columns: FLOW_COLUMNS })) {
      own.push(...expected(FLOW_COLUMNS, batch))
    }
    expect(readByFastavro(bytes)).toMatchObject(own)
  })
})

describe('a file of fastavro', () => {
  for (const codec of ['null', 'deflate', 'snappy']) {
    it(`is read as flows (${codec})`, async () => {
      const path = join(folder, `${codec}.avro`)
      run('write_avro.py', path, codec, '3000')
      const bytes = new Uint8Array(readFileSync(path))
      const store = new OneObject(bytes)
      const columns = FLOW_COLUMNS.filter(({ name }) =>
        ['start', 'exporter', 'srcAddr', 'dstPort', 'bytes', 'packets'].includes(name),
      )
      const { schema, info } = await inspectBlock({ store, key: path, sizeBytes: bytes.length, columns })
      expect(info).toMatchObject({ records: 3000, minStart: 1767225600_000, exporters: ['192.0.2.0', '192.0.2.1'] })
      let n = 0
      for await (const { batch } of readBlock({
        store,
        block: { key: path, collector: 'test', ...info },
        schema,
        columns,
      })) {
        for (const row of rowsOf(columns, batch)) {
          const start = new Date(1767225600_000 + n).toISOString()
          expect(row).toEqual([start, `192.0.2.${n % 2}`, `10.0.${n >> 8}.${n & 255}`, n, n * 1500, 0])
          n++
        }
      }
      expect(n).toBe(3000)
    })
  }
})
