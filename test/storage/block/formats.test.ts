import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { columnSpecs, schemaId } from '../../../src/flow/schema.ts'
import { inspectBlock } from '../../../src/storage/block/inspect.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import { rowsOf } from '../../flow/columns.ts'
import { OneObject } from './blocks.ts'

interface Frozen {
  readonly schema: unknown
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
  readonly rows: readonly (readonly unknown[])[]
}

const folder = new URL('../../fixtures/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.startsWith('format-'))
  .flatMap((name) => readdirSync(new URL(`${name}/`, folder)).map((file) => `${name}/${file}`))
  .filter((path) => path.endsWith('.avro'))

describe('blocks of every format version', () => {
  it('are kept', () => {
    expect(files).toEqual(expect.arrayContaining(['format-1/Flow.avro', 'format-1/every-type.avro']))
  })

  for (const path of files) {
    const bytes = new Uint8Array(readFileSync(new URL(path, folder)))
    const { schema, info, rows } = JSON.parse(
      readFileSync(new URL(path.replace(/avro$/, 'json'), folder), 'utf8'),
    ) as Frozen
    const columns = columnSpecs(schema)

    it(`are read whole: ${path}`, async () => {
      const block = { key: path, collector: 'frozen', ...info }
      const read: unknown[][] = []
      for await (const { batch, firstRecord } of readBlock({ store: new OneObject(bytes), block, schema, columns })) {
        expect(firstRecord).toBe(read.length)
        for (const row of rowsOf(columns, batch))
          read.push(row.map((value) => (typeof value === 'bigint' ? String(value) : value)))
      }
      expect(read).toEqual(rows)
    })

    it(`are described as when they were written: ${path}`, async () => {
      expect(schemaId(schema)).toBe(info.schemaId)
      const inspected = await inspectBlock({ store: new OneObject(bytes), key: path, sizeBytes: bytes.length, columns })
      expect(inspected).toEqual({ schema, info })
    })
  }

  it('give today’s flow columns', async () => {
    const path = 'format-1/Flow.avro'
    const { schema, info, rows } = JSON.parse(readFileSync(new URL('format-1/Flow.json', folder), 'utf8')) as Frozen
    const store = new OneObject(new Uint8Array(readFileSync(new URL(path, folder))))
    const block = { key: path, collector: 'frozen', ...info }
    let read = 0
    for await (const { batch } of readBlock({ store, block, schema, columns: FLOW_COLUMNS })) {
      const old = rows.slice(read, read + batch.length).map((row) => row.slice(0, 26))
      expect(rowsOf(FLOW_COLUMNS.slice(0, 26), batch)).toEqual(old)
      read += batch.length
    }
    expect(read).toBe(rows.length)
  })
})
