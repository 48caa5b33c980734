import { describe, expect, it } from 'vitest'
import { blockKey, resultBlockKey } from '../../src/storage/block/keys.ts'
import { ulid, ulidTime } from '../../src/storage/ulid.ts'

const system = (now: number, random: () => number) => ({ now: () => now, random })

describe('a ulid', () => {
  it('holds its time, and sorts by it', () => {
    const times = [0, 1, 31, 32, 1_469_918_176_385, 1_800_000_000_000, 2 ** 48 - 1]
    const ids = times.map((now) => ulid(system(now, Math.random)))
    expect(ids.map(ulidTime)).toEqual(times)
    expect([...ids].sort()).toEqual(ids)
    expect(ids[4]?.slice(0, 10)).toBe('01ARYZ6S41')
  })

  it('has 26 digits, the last 16 random', () => {
    expect(ulid(system(0, () => 0))).toBe('0'.repeat(26))
    expect(ulid(system(0, () => 1 - 2 ** -53))).toBe(`${'0'.repeat(10)}${'Z'.repeat(16)}`)
  })

  it('is refused when it is none', () => {
    for (const text of ['', '0'.repeat(25), '8'.padEnd(26, '0'), 'I'.padStart(26, '0'), 'a'.padStart(26, '0')]) {
      expect(() => ulidTime(text)).toThrow('storage: ulid expected 26 digits of base 32')
    }
  })
})

describe('the key of a block', () => {
  it('has the UTC hour in which its first flow was received', () => {
    expect(blockKey('flows', Date.UTC(2026, 10, 21, 7, 59, 59, 999), 'X')).toBe('data/flows/2026-11-21/07/X.avro')
  })

  it('has a year of four digits whatever a capture says', () => {
    expect(blockKey('a/b', -1, 'X')).toBe('data/a/b/1970-01-01/00/X.avro')
    expect(blockKey('a', Number.MAX_SAFE_INTEGER, 'X')).toBe('data/a/9999-12-31/23/X.avro')
  })

  it('of a result has its number in six digits', () => {
    expect(resultBlockKey('ports', 'run', 12, 'abc')).toBe('data/results/ports/run/000012-abc.avro')
  })
})
