import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readJournal } from '../../../src/runtime/run/journal.ts'
import { journalKey } from '../../../src/runtime/run/layout.ts'
import { RunReader } from '../../../src/runtime/shuffle/run-reader.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'

/** Files of format 1 as they were first written: every later version reads them. */
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/format-1/run/${name}`, import.meta.url))

const RUN = '20260101T000000Z-port-breakdown-00000000'

describe('format 1', () => {
  it('of the run file is read', () => {
    const reader = new RunReader(fixture('two-partitions.run'))
    expect(reader.header).toMatchObject({ content: 'aggregate', key: [{ name: 'port', type: 'u16' }], partitions: 2 })
    const cursor = reader.cursor(0)
    const records: string[] = []
    while (cursor.next()) {
      const part = (start: number, end: number): string => Buffer.from(cursor.bytes.slice(start, end)).toString('hex')
      records.push(`${part(cursor.keyStart, cursor.keyEnd)}=${part(cursor.payloadStart, cursor.payloadEnd)}`)
    }
    expect(records).toEqual(['0035=000702', '01bb=00800101'])
    expect(reader.cursor(1).next()).toBe(false)
    reader.close()
  })

  it('of the journal is read', async () => {
    const store = openMemoryStore()
    const name = 'port-breakdown-map-000003-001.json'
    const key = journalKey(RUN, 'port-breakdown-map', 3, 1)
    expect(key.endsWith(`/${name}`)).toBe(true)
    await store.write(key, readFileSync(fixture(name)))
    expect(await readJournal(store, RUN)).toMatchObject([
      { stage: 'port-breakdown-map', task: 3, generation: 1, counters: { mapped: 3 }, file: { records: 2 } },
    ])
  })
})
