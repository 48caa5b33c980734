import { crc32 as builtIn } from 'node:zlib'
import { expect, test } from 'vitest'
import { crc32 } from '../../src/storage/crc32.ts'
import { fc } from '../kit/fast-check.ts'

test('has the check value of CRC-32/ISO-HDLC', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

/** Bytes of every length around the one from which the library is used, at every alignment, in memory of their own or shared. */
const bytes = fc
  .record({ length: fc.oneof(fc.nat(64), fc.integer({ min: 4000, max: 4200 }), fc.nat(100_000)), at: fc.nat(16) })
  .chain(({ length, at }) =>
    fc.tuple(fc.boolean(), fc.integer()).map(([isShared, seed]) => {
      const buffer = isShared ? new SharedArrayBuffer(at + length) : new ArrayBuffer(at + length)
      const view = new Uint8Array(buffer, at, length)
      for (let i = 0, state = seed | 0; i < length; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
        view[i] = state >>> 24
      }
      return view
    }),
  )

test('is that of zlib for bytes of any length, cut anywhere', () => {
  fc.assert(
    fc.property(bytes, fc.nat(100_000), (all, place) => {
      const cut = Math.min(place, all.length)
      expect(crc32(all)).toBe(builtIn(all))
      expect(crc32(all.subarray(cut), crc32(all.subarray(0, cut)))).toBe(builtIn(all))
    }),
  )
})
