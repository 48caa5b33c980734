import { describe, expect, it } from 'vitest'
import { formatAddressBytes } from '../../src/flow/address.ts'
import type { Address } from '../../src/index.ts'
import { address, compareAddress, formatAddress, isIPv6, NO_ADDRESS } from '../../src/index.ts'
import { AddressTable, FIRST_HANDLE } from '../../src/vocabulary/address-table.ts'
import { fc } from '../kit/fast-check.ts'

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 })

describe('addresses', () => {
  it('are the value of an IPv4 address, a handle of an IPv6 address, and -1', () => {
    expect(address('10.0.0.1')).toBe(0x0a000001)
    expect(address('255.255.255.255')).toBe(0xffffffff)
    expect(isIPv6(address('255.255.255.255'))).toBe(false)
    expect(address('2001:db8::1')).toBeGreaterThanOrEqual(2 ** 32)
    expect(isIPv6(address('2001:db8::1'))).toBe(true)
    expect(formatAddress(NO_ADDRESS)).toBe('')
    expect(isIPv6(NO_ADDRESS)).toBe(false)
  })

  it('are equal exactly when they are the same address', () => {
    expect(address('2001:db8:0::1')).toBe(address('2001:DB8::0:1'))
    expect(address('2001:db8::1')).not.toBe(address('2001:db8::2'))
  })

  it('give back the text they were made from', () => {
    for (const text of ['0.0.0.0', '192.0.2.255', '::', '::1', '2001:db8::1:0:0:1', '::ffff:a00:1'])
      expect(formatAddress(address(text))).toBe(text)
  })

  it('are ordered by family, then by unsigned bytes', () => {
    const texts = ['0.0.0.1', '127.0.0.1', '128.0.0.0', '::', '::1', '7fff::', '8000::', 'ffff::']
    const sorted = [NO_ADDRESS, ...texts.map((text) => address(text))]
    expect([...sorted].reverse().sort(compareAddress)).toEqual(sorted)
  })

  it('refuse what is not an address', () => {
    expect(() => address('10.0.0')).toThrowError(/"10\.0\.0"/)
    expect(() => formatAddress(1.5 as Address)).toThrowError(/expected an address, got 1\.5/)
    expect(() => formatAddress((2 ** 40) as Address)).toThrowError(/handle that has ended/)
  })

  it('are a type of parameters that takes text', () => {
    expect(address().parse('10.0.0.1')).toBe(0x0a000001)
    expect(address().safeParse('ten').error?.issues[0]?.message).toBe('expected an IPv4 or IPv6 address, got "ten"')
  })
})

describe('an address table', () => {
  it('gives equal handles exactly for equal bytes, and the bytes back', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes16, fc.constant(new Uint8Array(16))), { maxLength: 400 }), (list) => {
        const table = new AddressTable()
        table.open('test')
        const handles = new Map<string, number>()
        for (const bytes of list) {
          const handle = table.internBytes(bytes)
          const text = formatAddressBytes(bytes)
          expect(handle).toBe(handles.get(text) ?? FIRST_HANDLE + handles.size)
          handles.set(text, handle)
          expect(table.bytesOf(handle)).toEqual(bytes)
        }
        expect(table.size).toBe(handles.size)
      }),
      { numRuns: 100 },
    )
  })

  it('keeps constants over scopes and forgets the rest', () => {
    const table = new AddressTable()
    const bytes = (last: number): Uint8Array => Uint8Array.of(...new Uint8Array(15), last)
    const constant = table.internBytes(bytes(1))
    for (let scope = 0; scope < 3; scope++) {
      table.open('test')
      for (let last = 0; last < 200; last++) {
        const handle = table.internBytes(bytes(last))
        expect(handle === constant).toBe(last === 1)
      }
      expect(table.size).toBe(200)
      table.close()
      expect(table.size).toBe(1)
      expect(table.internBytes(bytes(1))).toBe(constant)
      expect(() => table.bytesOf(constant + 1)).toThrowError(/handle that has ended/)
    }
    const second = table.internBytes(bytes(9))
    table.open('test')
    expect(table.bytesOf(second)).toEqual(bytes(9))
    expect(table.internBytes(bytes(9))).toBe(second)
  })

  it('refuses more addresses than its budget, naming the owner', () => {
    const table = new AddressTable()
    table.open('job scans: reduce for { port: 22 }', 2)
    table.internBytes(Uint8Array.of(...new Uint8Array(15), 1))
    table.internBytes(Uint8Array.of(...new Uint8Array(15), 2))
    table.internBytes(Uint8Array.of(...new Uint8Array(15), 1))
    expect(() => table.internBytes(new Uint8Array(16))).toThrowError(
      'job scans: reduce for { port: 22 }: expected at most 2 IPv6 addresses at once, got more',
    )
  })
})
