import { isIPv4, isIPv6 } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  addressBytes,
  compareAddressRows,
  formatAddress,
  formatAddressBytes,
  parseAddress,
  parseAddressExact,
  writeAddress,
} from '../../src/flow/address.ts'
import { createColumn } from '../../src/flow/column.ts'
import { formatPrefix, maskAddress, parsePrefix, writePrefix } from '../../src/flow/prefix.ts'
import { fc } from '../kit/fast-check.ts'

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 })
const sparse16 = fc
  .array(fc.constantFrom(0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 })
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [part >> 8, part & 0xff])))
const anyBytes = fc.oneof(bytes4, bytes16, sparse16)

describe('an address', () => {
  it('comes back from its text and from a column', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const column = createColumn('address', 2)
        writeAddress(column, 1, bytes)
        expect(addressBytes(column, 1)).toEqual(bytes)
        expect(parseAddressExact(formatAddress(column, 1))).toEqual(bytes)
        expect(formatAddressBytes(bytes)).toBe(formatAddress(column, 1))
      }),
    )
  })

  it('is written as RFC 5952 says', () => {
    const cases: { [text: string]: string } = {
      '2001:0db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:DB8:0:0:0:0:2:1': '2001:db8::2:1',
      '0:0:0:0:0:0:0:0': '::',
      '1:0:0:0:0:0:0:0': '1::',
      '::1.2.3.4': '::102:304',
      '1:0:0:2:0:0:0:3': '1:0:0:2::3',
    }
    for (const [text, expected] of Object.entries(cases))
      expect(formatAddressBytes(parseAddressExact(text))).toBe(expected)
  })

  it('is IPv4 when it is IPv4-mapped, unless read exactly', () => {
    expect(formatAddressBytes(parseAddress('::ffff:192.0.2.1'))).toBe('192.0.2.1')
    expect(formatAddressBytes(parseAddressExact('::ffff:192.0.2.1'))).toBe('::ffff:c000:201')
  })

  it('is accepted exactly where Node accepts it', () => {
    const part = fc.constantFrom('0', '1', '::', ':', 'ffff', '12345', 'g', '1.2.3.4', '01', '256', '.', 'AbC')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom('', ':', '.'), (parts, glue) => {
        const text = parts.join(glue)
        const accepted = isIPv4(text) || isIPv6(text)
        if (accepted) expect(() => parseAddress(text)).not.toThrow()
        else expect(() => parseAddress(text)).toThrow(`flow: address expected IPv4 or IPv6, got "${text}"`)
      }),
      { numRuns: 1000 },
    )
  })

  it('sorts IPv4 before IPv6, then by unsigned bytes', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        const column = createColumn('address', 2)
        writeAddress(column, 0, a)
        writeAddress(column, 1, b)
        const expected = a.length - b.length || Buffer.compare(a, b)
        expect(Math.sign(compareAddressRows(column, 0, column, 1))).toBe(Math.sign(expected))
      }),
    )
  })
})

describe('a prefix', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(128), (bytes, n) => {
        const bits = n % (bytes.length * 8 + 1)
        const column = createColumn('prefix', 1)
        writePrefix(column, 0, { bytes: maskAddress(bytes, bits), bits })
        expect(parsePrefix(formatPrefix(column, 0))).toEqual({ bytes: maskAddress(bytes, bits), bits })
      }),
    )
  })

  it('has no host bits and a length its family allows', () => {
    expect(() => parsePrefix('10.0.0.1/8')).toThrow('flow: prefix expected zero host bits (10.0.0.0/8), got 10.0.0.1/8')
    expect(() => parsePrefix('10.0.0.0/33')).toThrow('flow: prefix length expected 0..32, got 10.0.0.0/33')
    expect(parsePrefix('10.0.0.1').bits).toBe(32)
  })
})
