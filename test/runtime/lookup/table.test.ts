import { describe, expect, it } from 'vitest'
import { writeAddress } from '../../../src/flow/address.ts'
import { createColumn } from '../../../src/flow/column.ts'
import { maskAddress } from '../../../src/flow/prefix.ts'
import { LateLookup } from '../../../src/runtime/lookup/late.ts'
import { parseLookup, tableOfRows } from '../../../src/runtime/lookup/table.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'

const find = (table: ReturnType<typeof parseLookup>, bytes: Uint8Array): number => {
  const column = createColumn('address', 1)
  writeAddress(column, 0, bytes)
  return table.find(column, 0)
}

/** Addresses that meet: few distinct bytes, so that prefixes nest and hit. */
const bytes = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: 4, maxLength: 4 }),
  fc.array(fc.constantFrom(0, 255), { minLength: 16, maxLength: 16 }),
)

const text = (address: Uint8Array): string =>
  address.length === 4
    ? [...address].join('.')
    : [0, 2, 4, 6, 8, 10, 12, 14].map((at) => ((address[at]! << 8) | address[at + 1]!).toString(16)).join(':')

const text4 = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')

/** The longest of the prefixes that holds an address, by asking for each length. */
function longest(address: number, known: ReadonlyMap<string, number>): string | undefined {
  for (let bits = 32; bits > 0; bits--) {
    const key = `${text4((address & (-1 << (32 - bits))) >>> 0)}/${bits}`
    if (known.has(key)) return key
  }
  return undefined
}

describe('a lookup table', () => {
  it('finds the longest prefix that a search through all of them finds', () => {
    const prefix = fc.tuple(bytes, fc.nat(128)).map(([raw, bits]) => {
      const length = Math.min(bits, raw.length * 8)
      return { bytes: maskAddress(Uint8Array.from(raw), length), bits: length }
    })
    fc.assert(
      fc.property(
        fc.array(prefix, { minLength: 1, maxLength: 30 }),
        fc.array(bytes, { minLength: 1, maxLength: 20 }),
        (all, addresses) => {
          const known = new Map(all.map((one) => [`${text(one.bytes)}/${one.bits}`, one]))
          const table = tableOfRows(
            'nets',
            [...known.keys()].map((key) => ({ prefix: key, name: key })),
          )
          const names = table.attribute('name').map((name) => new TextDecoder().decode(name))
          for (const raw of addresses) {
            const address = Uint8Array.from(raw)
            let longest: { key: string; bits: number } | undefined
            for (const [key, one] of known) {
              const inside =
                one.bytes.length === address.length && text(maskAddress(address, one.bits)) === text(one.bytes)
              if (inside && (!longest || one.bits > longest.bits)) longest = { key, bits: one.bits }
            }
            const found = find(table, address)
            expect(found < 0 ? undefined : names[found]).toBe(longest?.key)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('finds the longest of 200,000 prefixes, in the middle of each and at its ends', () => {
    const random = seededRandom(7)
    const known = new Map<string, number>()
    while (known.size < 200_000) {
      const bits = 8 + Math.floor(random() * 23)
      const address = (Math.floor(random() * 2 ** 32) & (-1 << (32 - bits))) >>> 0
      known.set(`${text4(address)}/${bits}`, address)
    }
    const keys = [...known.keys()]
    const table = parseLookup('nets', ['prefix,name', ...keys.map((key) => `${key},${key}`)].join('\n'))
    expect(table.size).toBe(200_000)
    const names = table.attribute('name')
    const column = createColumn('address', 1)
    column.family[0] = 4
    for (let i = 0; i < keys.length; i += 100) {
      const [key, bits] = [keys[i]!, Number(keys[i]!.split('/')[1])]
      const size = 2 ** (32 - bits)
      for (const step of [-1, 0, size / 2, size - 1, size]) {
        const address = (known.get(key)! + step) >>> 0
        column.v4[0] = address
        const found = table.find(column, 0)
        expect(found < 0 ? undefined : Buffer.from(names[found]!).toString()).toBe(longest(address, known))
      }
    }
  })

  it('finds nothing for a row without an address', () => {
    expect(find(parseLookup('nets', 'prefix,name\n0.0.0.0/0,all\n::/0,six\n'), new Uint8Array(0))).toBe(-1)
  })

  it('reads quoted fields, the column prefix anywhere, and a byte order mark', () => {
    const table = parseLookup('nets', '\ufeffname,prefix\r\n"Ann, ""B""\nInc",10.0.0.0/8\r\n')
    expect(table.attributes).toEqual(['name'])
    expect(new TextDecoder().decode(table.attribute('name')[0])).toBe('Ann, "B"\nInc')
  })

  it('has a hash that does not depend on the order of the rows', () => {
    const a = parseLookup('nets', 'prefix,name\n10.0.0.0/8,a\n2001:db8::/32,b\n')
    const b = parseLookup('nets', 'prefix,name\n2001:db8::/32,b\n10.0.0.0/8,a')
    expect(a.hash).toBe(b.hash)
    expect(parseLookup('nets', a.text).hash).toBe(a.hash)
    expect(parseLookup('nets', 'prefix,name\n10.0.0.0/8,c\n2001:db8::/32,b\n').hash).not.toBe(a.hash)
  })

  it('lists everything wrong with its line', () => {
    const wrong = 'prefix,name\n10.0.0.1/8,a\n10.0.0.0/8\n10.1.0.0/16,x\n10.1.0.0/16,y\nhost,z\n'
    expect(() => parseLookup('nets', wrong)).toThrowError(
      /lookup nets: 4 problems\n {2}line 2: prefix expected zero host bits \(10\.0\.0\.0\/8\), got 10\.0\.0\.1\/8\n {2}line 3: expected 2 fields, got 1\n {2}line 6: .*"host"\n {2}line 5: expected each prefix once, got 10\.1\.0\.0\/16 again/,
    )
    expect(() => parseLookup('nets', '')).toThrowError(/empty file/)
    expect(() => parseLookup('nets', 'network,name\n')).toThrowError(/expected a column 'prefix'/)
  })

  it('is read late by who has its canonical text: no sooner than it is looked at, and then as it is', () => {
    const whole = parseLookup('nets', 'prefix,name\n10.0.0.0/8,a\n10.1.0.0/16,b\n2001:db8::/32,c\n')
    const late = new LateLookup(whole)
    expect([late.name, late.text, late.hash]).toEqual([whole.name, whole.text, whole.hash])
    expect([late.size, late.attributes]).toEqual([3, ['name']])
    expect(late.attribute('name')).toEqual(whole.attribute('name'))
    const addresses = [Uint8Array.of(10, 1, 2, 3), Uint8Array.of(10, 9, 9, 9), Uint8Array.of(11, 0, 0, 1)]
    expect(addresses.map((bytes) => find(late, bytes))).toEqual(addresses.map((bytes) => find(whole, bytes)))
    expect(() => new LateLookup({ name: 'nets', text: 'none', hash: '' })).not.toThrow()
    expect(() => new LateLookup({ name: 'nets', text: 'none', hash: '' }).size).toThrowError(
      /expected a column 'prefix'/,
    )
  })
})
