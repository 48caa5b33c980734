import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AtHandReader } from '../../src/storage/file-read.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowreduce-read-'))
let fd = 0

beforeAll(() => {
  writeFileSync(join(folder, 'a'), '0123456789')
  fd = openSync(join(folder, 'a'), 'r')
})

afterAll(() => {
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

/** A reader whose reads take `tookMs`, and what it reads of the file. */
function readerOf(tookMs: () => number) {
  let now = 0
  let calls = 0
  const reader = new AtHandReader(() => {
    if (calls++ % 2 === 1) now += tookMs()
    return now
  })
  return (offset: number, length: number): string | undefined => {
    const target = new Uint8Array(length)
    const filled = reader.fill(fd, target, offset)
    return filled === undefined ? undefined : Buffer.from(target.subarray(0, filled)).toString()
  }
}

describe('a file that is read at once', () => {
  it('gives its bytes as far as it goes', () => {
    const read = readerOf(() => 0.1)
    expect([read(0, 4), read(8, 4), read(10, 1), read(99, 1)]).toEqual(['0123', '89', '', ''])
  })

  it('is left to others 32 times once it had to wait, and tried again then', () => {
    let tookMs = 20
    const read = readerOf(() => tookMs)
    const given = (): boolean[] => Array.from({ length: 34 }, () => read(0, 1) !== undefined)
    expect(given()).toEqual([true, ...Array(32).fill(false), true])
    tookMs = 0.1
    expect(given()).toEqual([...Array(32).fill(false), true, true])
    expect(given().every(Boolean)).toBe(true)
  })
})
