import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cursor } from '../../../src/runtime/shuffle/cursor.ts'
import { drain } from '../../../src/runtime/shuffle/cursor.ts'
import { mergeCursors } from '../../../src/runtime/shuffle/merge.ts'
import { FRAME_PREFIX } from '../../../src/runtime/shuffle/run-file.ts'
import { RunReader } from '../../../src/runtime/shuffle/run-reader.ts'
import { RunWriter } from '../../../src/runtime/shuffle/run-writer.ts'
import { fc } from '../../kit/fast-check.ts'

type Row = readonly [key: string, payload: string]

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-file-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const header = (partitions: number) => ({ content: 'aggregate' as const, key: [], value: [], partitions })

function write(name: string, partitions: readonly (readonly Row[])[]) {
  const writer = new RunWriter(join(folder, name), header(partitions.length))
  partitions.forEach((rows, partition) => {
    for (const [key, payload] of rows)
      writer.append(partition, bytesOf(key), 0, key.length, bytesOf(payload), 0, payload.length)
  })
  return writer.finish()
}

function readAll(cursor: Cursor): Row[] {
  const rows: Row[] = []
  while (cursor.next()) {
    const part = (start: number, end: number) => Buffer.from(cursor.bytes.slice(start, end)).toString('latin1')
    rows.push([part(cursor.keyStart, cursor.keyEnd), part(cursor.payloadStart, cursor.payloadEnd)])
  }
  return rows
}

function readPartitions(path: string): Row[][] {
  const reader = new RunReader(path)
  try {
    return reader.slices.map((_, partition) => readAll(reader.cursor(partition)))
  } finally {
    reader.close()
  }
}

const byKey = (a: Row, b: Row): number => Buffer.compare(bytesOf(a[0]), bytesOf(b[0]))
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ÿ'), maxLength: 12 }),
  fc.nat(300).map((length) => 'x'.repeat(length * 150)),
)
const rows = fc.array(fc.tuple(text, text), { maxLength: 12 }).map((list) => list.sort(byKey))

describe('a run file', () => {
  it('gives back what was written to each partition, large records and empty partitions too', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 5 }), (partitions) => {
        const file = write('property.run', partitions)
        expect(readPartitions(file.path)).toEqual(partitions)
        expect(file.records).toBe(partitions.flat().length)
        expect(file.sizeBytes).toBe(readFileSync(file.path).length)
      }),
      { numRuns: 100 },
    )
  })

  it('notices any changed byte before a record of it is used', () => {
    const partitions: Row[][] = [
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [],
      [['c', 'three']],
    ]
    const { path } = write('corrupt.run', partitions)
    const whole = readFileSync(path)
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(path, damaged)
      expect(() => readPartitions(path), `byte ${at}`).toThrow(expect.objectContaining({ code: 'corrupt-run-file' }))
    }
  })

  it('takes frames whole from where they lie, gives a slice back in one piece, and notices any changed byte of it', () => {
    const path = join(folder, 'frames')
    const record = 16
    const frames = Array.from({ length: 700 }, (_, i) => new Uint8Array(FRAME_PREFIX + record * (1 + (i % 3))).fill(i))
    const contents = Buffer.concat(frames.map((frame) => frame.subarray(FRAME_PREFIX)))
    const writer = new RunWriter(path, { ...header(3), content: 'groups', entryBytes: record })
    writer.appendFrames(1, frames, record)
    writer.finish()
    const read = (): Uint8Array => {
      const reader = new RunReader(path)
      try {
        const { offset, length } = reader.slices[1]!
        const into = new Uint8Array(length)
        return into.subarray(0, reader.readFrames(offset, length, into))
      } finally {
        reader.close()
      }
    }
    const reader = new RunReader(path)
    const { offset, length, records } = reader.slices[1]!
    const one = Buffer.concat(Array.from(reader.frames(1), (frame) => frame.slice()))
    expect(Buffer.compare(one, contents)).toBe(0)
    reader.close()
    expect(records * record).toBe(contents.length)
    expect(Buffer.compare(read(), contents)).toBe(0)
    const whole = readFileSync(path)
    for (let at = offset; at < offset + length; at += 97) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(path, damaged)
      expect(read).toThrow(expect.objectContaining({ code: 'corrupt-run-file' }))
    }
  })

  it('notices a cut at any byte', () => {
    const { path } = write('cut.run', [
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ])
    const whole = readFileSync(path)
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length))
      expect(() => readPartitions(path)).toThrow(expect.objectContaining({ code: 'corrupt-run-file' }))
    }
  })

  it('is missing by name when it is gone', () => {
    const path = join(folder, 'never.run')
    expect(() => new RunReader(path)).toThrow(`run file: ${path} expected a file, got none`)
  })

  it('takes partitions in order only', () => {
    const writer = new RunWriter(join(folder, 'order.run'), header(2))
    const append = (partition: number) => writer.append(partition, bytesOf('k'), 0, 1, bytesOf(''), 0, 0)
    append(1)
    expect(() => append(0)).toThrow('run file: partition expected 1 to 1, got 0')
    expect(() => append(2)).toThrow('run file: partition expected 1 to 1, got 2')
    writer.abandon()
    expect(() => new RunReader(writer.path)).toThrow(expect.objectContaining({ code: 'missing-run-file' }))
  })
})

describe('a merge', () => {
  it('gives the records of all cursors in order of key, equal keys in order of their cursors', () => {
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 9 }), (lists) => {
        const tagged = lists.map((list, i) => list.map(([key], n): Row => [key, `${i}.${n}`]))
        const readers = tagged.map((list, i) => new RunReader(write(`merge-${i}.run`, [list]).path))
        const merged = readAll(mergeCursors(readers.map((reader) => reader.cursor(0))))
        for (const reader of readers) reader.close()
        expect(merged).toEqual(tagged.flat().sort(byKey))
      }),
      { numRuns: 100 },
    )
  })

  it('is a cursor that can be drained into a sink', () => {
    const readers = ['a', 'b'].map((key, i) => new RunReader(write(`drain-${i}.run`, [[[key, `${i}`]]]).path))
    const writer = new RunWriter(join(folder, 'drained.run'), header(2))
    drain(mergeCursors(readers.map((reader) => reader.cursor(0))), 1, writer)
    expect(readPartitions(writer.finish().path)).toEqual([
      [],
      [
        ['a', '0'],
        ['b', '1'],
      ],
    ])
    for (const reader of readers) reader.close()
  })
})
