import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readJournal } from '../../../src/runtime/run/journal.ts'
import { journalKey } from '../../../src/runtime/run/layout.ts'
import { RunReader } from '../../../src/runtime/shuffle/run-reader.ts'
import { SourceReaders } from '../../../src/runtime/shuffle/source-readers.ts'
import { listSlices } from '../../../src/runtime/task/entry-slices.ts'
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

describe('version 2 of the run file', () => {
  const path = fixture('groups.run')
  const open = (): RunReader => new RunReader(path)

  it('is read: entries of 32 bytes by partition and share, key, count and sums', () => {
    const reader = open()
    const { checksum, header } = reader
    expect(header).toMatchObject({ content: 'groups', partitions: 2, shares: 16, entryBytes: 32 })
    const source = { stage: 'port-breakdown-map', task: 0, path, checksum }
    const readers = new SourceReaders()
    onTestFinished(() => readers.close())
    const groups = [0, 1].flatMap((partition) => {
      const { entries, records } = listSlices([source], readers, { first: partition, count: 1 }, 32)
      expect(records).toEqual([])
      return entries.flatMap(({ slice, total }) =>
        [...reader.frames(slice)].map((bytes) => {
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
          const doubles = [8, 16, 24].map((at) => view.getFloat64(at, true))
          expect(total).toBeGreaterThanOrEqual(Math.max(...doubles))
          return { partition, port: view.getUint32(0, true), doubles }
        }),
      )
    })
    reader.close()
    // Flows, octets and packets per port.
    expect(groups).toEqual([
      { partition: 0, port: 53, doubles: [2, 2002, 4] },
      { partition: 1, port: 443, doubles: [3, 3010, 13] },
      { partition: 1, port: 80, doubles: [1, 1003, 4] },
    ])
    // A job that asks for no count has shorter entries now: what an earlier version left of it is made again.
    expect(() => listSlices([source], readers, { first: 0, count: 1 }, 24)).toThrow(
      `run file: ${path}: entries expected of 24 bytes, got 32`,
    )
  })

  it('is followed by two more that are known: a later one is refused by its number', () => {
    const folder = mkdtempSync(join(tmpdir(), 'format-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const later = join(folder, 'later.run')
    const openAs = (version: number): RunReader => {
      const bytes = readFileSync(path)
      bytes.writeUInt32LE(version, 8)
      writeFileSync(later, bytes)
      return new RunReader(later)
    }
    for (const known of [3, 4]) {
      const reader = openAs(known)
      expect(reader.header).toMatchObject({ content: 'groups', partitions: 2 })
      reader.close()
    }
    expect(() => openAs(5)).toThrow(`run file: ${later}: version expected at most 4, got 5`)
    writeFileSync(later, 'something else altogether, but long enough to be one')
    expect(() => new RunReader(later)).toThrow(`run file: ${later}: end expected "flowrun", got other bytes`)
  })
})
