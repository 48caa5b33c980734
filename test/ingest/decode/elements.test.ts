import { describe, expect, it } from 'vitest'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { elementColumns, findElement, IANA_ELEMENTS } from '../../../src/ingest/decode/elements.ts'
import type { ElementDefinition, ElementType } from '../../../src/ingest/decode/options.ts'
import { fc } from '../../kit/fast-check.ts'
import type { Row } from './wire.ts'
import { Bench, EXPORT_MS, ip, ip6, ipfix, set, template, u, v9, variable } from './wire.ts'

const encoder = new TextEncoder()

/** What a value of an element becomes. */
function decode(type: ElementType, length: number, ...values: readonly number[][]): Row[string][] {
  const bench = new Bench({ elements: ['x'], definitions: [{ name: 'x', id: 9, pen: 4242, type }] }, { capacity: 3 })
  bench.send(ipfix([set(2, template(256, [9, length, 4242])), set(256, ...values)]))
  return bench.rows.map(({ x }) => x ?? null)
}

describe('the element registry', () => {
  it('has every number once, every name once, in order', () => {
    const numbers = IANA_ELEMENTS.map(({ id }) => id)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    expect(new Set(IANA_ELEMENTS.map(({ name }) => name)).size).toBe(numbers.length)
    expect(numbers.length).toBe(471)
    expect(findElement('octetDeltaCount')).toEqual({
      id: 1,
      name: 'octetDeltaCount',
      type: 'unsigned64',
      unit: 'octets',
    })
    expect(findElement('postNATSourceIPv4Address')).toEqual({
      id: 225,
      name: 'postNATSourceIPv4Address',
      type: 'ipv4Address',
    })
  })

  it('gives way to definitions, and names what it does not know', () => {
    const definitions: ElementDefinition[] = [{ name: 'octetDeltaCount', id: 7, pen: 1, type: 'string' }]
    expect(elementColumns(['octetDeltaCount'], definitions)).toEqual([
      { name: 'octetDeltaCount', type: 'text', nullable: true },
    ])
    expect(() => elementColumns(['nope'])).toThrow(
      'decode: element expected a name of the IANA registry or a definition, got nope',
    )
    expect(() => elementColumns(['vlanId', 'vlanId'])).toThrow(
      'decode: elements expected each name once, got vlanId twice',
    )
    expect(() => createDecoder({ elements: ['nope'] })).toThrow('got nope')
    const bad: ElementDefinition[] = [{ name: 'x', id: 70_000, type: 'string' }]
    expect(() => createDecoder({ elements: ['x'], definitions: bad })).toThrow('decode: element x expected a number')
  })
})

describe('an extra element', () => {
  it('of each type fills its column', () => {
    expect(decode('unsigned8', 1, [7], [255])).toEqual([7, 255])
    expect(decode('unsigned64', 8, u(64, 2n ** 64n - 1n))).toEqual([2n ** 64n - 1n])
    expect(decode('signed32', 4, u(32, 0xffffffff), u(32, 5))).toEqual([-1, 5])
    expect(decode('signed64', 8, u(64, 2n ** 64n - 2n))).toEqual([-2n])
    expect(decode('boolean', 1, [1], [2], [3])).toEqual([true, false, null])
    expect(decode('macAddress', 6, [2, 0, 0, 0, 0, 11])).toEqual(['02:00:00:00:00:0b'])
    expect(decode('ipv4Address', 4, ip('192.0.2.1'))).toEqual(['192.0.2.1'])
    expect(decode('ipv6Address', 16, ip6(1))).toEqual(['2001:db8::1'])
    expect(decode('octetArray', 3, [1, 2, 255])).toEqual(['0102ff'])
    expect(decode('dateTimeSeconds', 4, u(32, EXPORT_MS / 1000))).toEqual(['2023-11-14T22:13:20.000Z'])
    expect(decode('dateTimeMicroseconds', 8, u(32, 2_208_988_800 + 1, 0x80000000))).toEqual([
      '1970-01-01T00:00:01.500Z',
    ])
    expect(decode('float64', 8, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0])).toEqual(['1.5'])
    expect(decode('float32', 4, [0xc0, 0x20, 0, 0])).toEqual(['-2.5'])
    expect(decode('basicList', 65535, variable(1, 2))).toEqual(['0102'])
  })

  it('of reduced size, or of one that does not fit, is read or absent', () => {
    expect(decode('unsigned64', 2, u(16, 300))).toEqual([300n])
    expect(decode('signed64', 1, [0xfe])).toEqual([-2n])
    expect(decode('signed32', 2, u(16, 0xfffe))).toEqual([-2])
    expect(decode('unsigned8', 2, u(16, 255), u(16, 256))).toEqual([255, null])
    expect(decode('ipv4Address', 3, [1, 2, 3])).toEqual([null])
    expect(decode('unsigned64', 9, [1, ...u(64, 0)])).toEqual([null])
  })

  it('is text without the zeros that pad it, broken UTF-8 replaced', () => {
    expect(decode('string', 8, [...encoder.encode('äb'), 0, 0, 0, 0, 0], [...encoder.encode('abcdefgh')])).toEqual([
      'äb',
      'abcdefgh',
    ])
    expect(decode('string', 65535, variable(), variable(0xff, 65), variable(66))).toEqual([null, '\ufffdA', 'B'])
  })

  it('is absent in records without it, whatever the row held before', () => {
    const bench = new Bench({ elements: ['applicationName', 'vlanId', 'postNATSourceIPv4Address'] }, { capacity: 2 })
    const specs: [number, number][] = [
      [96, 65535],
      [58, 2],
      [225, 4],
    ]
    const full = [...variable(65, 66), ...u(16, 3), ...ip('192.0.2.1')]
    bench.send(
      ipfix([
        set(2, template(256, ...specs), template(257, [1, 4])),
        set(256, full, full, full),
        set(257, u(32, 1, 2, 3)),
        set(256, full),
      ]),
    )
    const v5 = new Uint8Array(24 + 48)
    new DataView(v5.buffer).setUint32(0, 0x00050001)
    bench.send(v5)
    const none = { applicationName: null, vlanId: null, postNATSourceIPv4Address: null }
    const some = { applicationName: 'AB', vlanId: 3, postNATSourceIPv4Address: '192.0.2.1', vlan: 3 }
    expect(bench.rows).toMatchObject([some, some, some, none, none, none, some, none])
  })

  it('is found in v9 under the same number', () => {
    const bench = new Bench({ elements: ['ethernetType'] })
    bench.send(v9([set(0, template(256, [256, 2])), set(256, u(16, 0x86dd))]))
    expect(bench.rows).toMatchObject([{ ethernetType: 0x86dd }])
  })

  it('keeps text of any length in rows of any order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 30 }), (texts) => {
        const bench = new Bench({ elements: ['applicationName'] }, { capacity: 7 })
        const values = texts.map((text) => variable(...encoder.encode(text)))
        bench.send(ipfix([set(2, template(256, [96, 65535])), set(256, ...values)]))
        const kept = texts.map((text) => text.replace(/\0+$/, ''))
        expect(bench.rows.map(({ applicationName }) => applicationName ?? '')).toEqual(kept)
      }),
      { numRuns: 100 },
    )
  })
})
