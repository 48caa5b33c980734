import { describe, expect, it } from 'vitest'
import type { MalformedReason } from '../../../src/ingest/decode/reasons.ts'
import { Bench, ip, ipfix, optionsTemplate, set, template, u, v9, variable } from './wire.ts'

const PAIR = template(256, [8, 4], [1, 4])
const DATA = set(256, ip('198.51.100.1'), u(32, 100))
const VARYING = template(257, [96, 65535], [1, 4])
const withTail = (message: Uint8Array, ...tail: number[]): Uint8Array => Uint8Array.from([...message, ...tail])

/** An IPFIX message whose length field covers everything. */
function ipfixOf(...octets: readonly number[][]): Uint8Array {
  const message = ipfix([octets.flat()])
  return message
}

const CASES: readonly (readonly [string, MalformedReason, Uint8Array])[] = [
  ['no octets', 'header-cut', new Uint8Array(0)],
  ['one octet', 'header-cut', Uint8Array.of(0)],
  ['an unknown version', 'unknown-version', Uint8Array.from(u(16, 7, 1, 0, 0))],
  ['random octets', 'unknown-version', Uint8Array.from(u(64, 0xdeadbeefcafebaben))],
  ['a v9 header that is cut', 'header-cut', v9([]).subarray(0, 19)],
  ['an IPFIX header that is cut', 'header-cut', ipfix([]).subarray(0, 15)],
  ['an IPFIX length below its header', 'length-below-header', Uint8Array.from([...u(16, 10, 15), ...u(32, 0, 0, 0)])],
  ['an IPFIX length beyond the datagram', 'length-beyond-end', ipfix([DATA]).subarray(0, 24)],
  ['a set length of 3', 'set-too-short', ipfixOf(u(16, 256, 3))],
  ['a set length of 0 in IPFIX, even with zeros to the end', 'set-too-short', ipfixOf(u(16, 0, 0, 0, 0))],
  ['a set beyond the end', 'set-beyond-end', ipfixOf(u(16, 256, 9), u(32, 0))],
  ['a template whose fields are cut', 'template-cut', ipfixOf(set(2, u(16, 256, 2, 8, 4)))],
  ['a template whose enterprise number is cut', 'template-cut', ipfixOf(set(2, u(16, 256, 1, 0x8008, 4)))],
  ['an options template whose header is cut', 'template-cut', ipfixOf(set(3, u(16, 256, 1)))],
  ['v9 options lengths that are no specifiers', 'template-cut', v9([set(1, u(16, 256, 2, 4), u(32, 0, 0))])],
  ['a template id of 255', 'template-id-below-256', ipfixOf(set(2, template(255, [8, 4])))],
  ['a template id of 0 that is no padding', 'template-id-below-256', ipfixOf(set(2, u(16, 0, 0), u(32, 1)))],
  ['the withdrawal id of the other kind', 'template-id-below-256', ipfixOf(set(2, u(16, 3, 0)))],
  ['a variable-length value that is cut', 'value-cut', ipfix([set(2, VARYING), set(257, [9, 1, 2], u(32, 1))])],
  ['a long variable length that is cut', 'value-cut', ipfix([set(2, VARYING), set(257, [255, 1], u(24, 1))])],
  ['a fixed field after it that is cut', 'value-cut', ipfix([set(2, VARYING), set(257, [4, 1, 2], u(24, 1))])],
  ['one octet after the last set', 'trailing-bytes', ipfixOf(DATA, [1])],
  ['three octets after the last set', 'trailing-bytes', ipfixOf(DATA, [0, 0, 9])],
  ['three octets after the last v9 set', 'trailing-bytes', withTail(v9([DATA]), 0, 7, 0)],
]

describe('a malformed datagram', () => {
  it.each(CASES)('with %s is refused as %s', (_name, reason, bytes) => {
    const bench = new Bench()
    expect(bench.send(bytes)).toBe(reason)
    expect(bench.decoder.counters()).toMatchObject({
      malformedDatagrams: 1,
      malformed: { [reason]: 1 },
      records: 0,
      templates: 0,
    })
    expect(bench.decoder.drainLedger()).toMatchObject([{ malformed: 1, received: 0 }])
    expect(bench.decoder.sessions()).toEqual([])
  })

  it('leaves nothing behind: neither records, nor templates, nor withdrawals', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, PAIR)]))
    expect(bench.send(ipfixOf(set(2, VARYING), DATA, [1]))).toBe('trailing-bytes')
    expect(bench.send(ipfixOf(set(2, u(16, 2, 0)), [1]))).toBe('trailing-bytes')
    expect(bench.send(ipfixOf(set(2, template(256, [1, 1])), set(256, [1, 2]), [1]))).toBe('trailing-bytes')
    expect(bench.rows).toEqual([])
    bench.send(ipfix([DATA, set(257, variable(), u(32, 1))]))
    expect(bench.rows).toMatchObject([{ bytes: 100 }])
    expect(bench.decoder.counters()).toMatchObject({ templates: 1, withdrawals: 0, setsWithoutTemplate: 1 })
  })

  it('does not move the sequence of its session, and is counted in it', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, PAIR), DATA], { sequence: 10 }))
    bench.send(ipfix([DATA, [1]], { sequence: 5000 }))
    bench.send(ipfix([DATA], { sequence: 11 }))
    expect(bench.decoder.sessions()).toMatchObject([{ received: 2, lost: 0, datagrams: 2 }])
    expect(bench.decoder.drainLedger()).toMatchObject([{ received: 2, lost: 0, malformed: 1 }])
  })
})

describe('not malformed', () => {
  it('are padding, trailing octets after a message, and counts that differ', () => {
    const bench = new Bench()
    const fine = [
      ipfixOf(set(2, PAIR), set(256, ip('192.0.2.1'), u(32, 1), [9, 9, 9])),
      ipfixOf(DATA, [0, 0, 0]),
      withTail(ipfix([DATA]), 1, 2, 3, 4, 5),
      v9([set(0, PAIR), DATA, DATA, set(256)]),
      ipfixOf(set(3, optionsTemplate(300, 0, [34, 4]))),
      ipfix([]),
      v9([]),
    ]
    for (const bytes of fine) expect(bench.send(bytes)).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ malformedDatagrams: 0, records: 5 })
  })
})
