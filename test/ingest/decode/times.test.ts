import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import type { Spec } from './wire.ts'
import { Bench, EXPORT_MS, EXPORT_SECONDS, ipfix, optionsTemplate, set, template, u, v9, variable } from './wire.ts'

const NTP = 2_208_988_800

/** Decodes one IPFIX record of these elements and values. */
function one(specs: readonly Spec[], values: number[], seconds = EXPORT_SECONDS) {
  const bench = new Bench()
  bench.send(ipfix([set(2, template(256, ...specs)), set(256, values)], { seconds }))
  return bench.rows[0]!
}

function oneV9(specs: readonly Spec[], values: number[], uptime: number) {
  const bench = new Bench()
  bench.send(v9([set(0, template(256, ...specs)), set(256, values)], { uptime }))
  return bench.rows[0]!
}

const UPTIMES: readonly Spec[] = [
  [22, 4],
  [21, 4],
]

describe('flow times', () => {
  it('are read from seconds and milliseconds', () => {
    expect(
      one(
        [
          [150, 4],
          [151, 4],
        ],
        u(32, EXPORT_SECONDS - 9, EXPORT_SECONDS - 1),
      ),
    ).toMatchObject({ start: EXPORT_MS - 9000, end: EXPORT_MS - 1000, flags: 0 })
    expect(
      one(
        [
          [152, 8],
          [153, 8],
        ],
        u(64, EXPORT_MS - 9, EXPORT_MS - 1),
      ),
    ).toMatchObject({ start: EXPORT_MS - 9, end: EXPORT_MS - 1, flags: 0 })
  })

  it('are read from NTP fractions of microseconds and nanoseconds, rounded down', () => {
    const half = 0x80000000
    const row = one(
      [
        [154, 8],
        [157, 8],
      ],
      u(32, EXPORT_SECONDS - 2 + NTP, half, EXPORT_SECONDS - 1 + NTP, 0xffffffff),
    )
    expect(row).toMatchObject({ start: EXPORT_MS - 1500, end: EXPORT_MS - 1, flags: 0 })
    // 1 ms is 4294967.296 / 2^32: one below does not reach it, one above does.
    expect(
      one(
        [
          [156, 8],
          [157, 8],
        ],
        u(32, NTP, 4294967, NTP, 4294968),
      ),
    ).toMatchObject({ start: 0, end: 1 })
  })

  it('of microseconds ignore the 11 low bits of the fraction (RFC 7011 section 6.1.9)', () => {
    // 4296704 is the first multiple of 2048 above 1 ms; 2047 more change nothing, and below it 4296703 is 4294656, which is not 1 ms.
    expect(
      one(
        [
          [154, 8],
          [155, 8],
        ],
        u(32, NTP, 4296703, NTP, 4296704 + 2047),
      ),
    ).toMatchObject({ start: 0, end: 1 })
  })

  it('of NTP after 2036 belong to the second era when the message is of that time', () => {
    const seconds = 2_085_978_496 + 100
    expect(one([[156, 8]], u(32, 90, 0), seconds)).toMatchObject({ start: (2_085_978_496 + 90) * 1000 })
    expect(one([[156, 8]], u(32, 90, 0))).toMatchObject({ start: (90 - NTP) * 1000 })
  })

  it('are counted back from the export time in microseconds, rounded down', () => {
    expect(
      one(
        [
          [158, 4],
          [159, 4],
        ],
        u(32, 1_500_001, 1),
      ),
    ).toMatchObject({ start: EXPORT_MS - 1501, end: EXPORT_MS - 1, flags: 0 })
    expect(
      one(
        [
          [158, 4],
          [159, 4],
        ],
        u(32, 2000, 0),
      ),
    ).toMatchObject({ start: EXPORT_MS - 2, end: EXPORT_MS, flags: 0 })
  })

  it('prefer the most exact element', () => {
    const specs: Spec[] = [
      [22, 4],
      [150, 4],
      [152, 8],
      [154, 8],
      [156, 8],
    ]
    const values = [
      ...u(32, 1, EXPORT_SECONDS),
      ...u(64, EXPORT_MS - 1),
      ...u(32, NTP, 0),
      ...u(32, EXPORT_SECONDS + NTP - 5, 0),
    ]
    expect(one(specs, values)).toMatchObject({ start: EXPORT_MS - 5000 })
  })
})

describe('sysUptime', () => {
  it('of v9 is a signed 32-bit difference to the header, across a wrap', () => {
    expect(oneV9(UPTIMES, u(32, 0xffffff00, 0x100), 0x200)).toMatchObject({
      start: EXPORT_MS - 0x300,
      end: EXPORT_MS - 0x100,
      flags: 0,
    })
  })

  it('of v9 after the header time is flagged, not changed', () => {
    const row = oneV9(UPTIMES, u(32, 900, 1010), 1000)
    expect(row).toMatchObject({ start: EXPORT_MS - 100, end: EXPORT_MS + 10, flags: FLOW_FLAGS.timeAfterExport })
  })

  it('of v9 with the end before the start is flagged, not changed', () => {
    const row = oneV9(UPTIMES, u(32, 900, 800), 1000)
    expect(row).toMatchObject({ start: EXPORT_MS - 100, end: EXPORT_MS - 200, flags: FLOW_FLAGS.endBeforeStart })
  })

  it('of IPFIX counts from element 160 of the record', () => {
    const row = one([...UPTIMES, [160, 8]], [...u(32, 1000, 2000), ...u(64, EXPORT_MS - 5000)])
    expect(row).toMatchObject({ start: EXPORT_MS - 4000, end: EXPORT_MS - 3000, flags: 0 })
  })

  it('of IPFIX counts from the latest 160 announced in the domain, and is unknown before the first', () => {
    const bench = new Bench()
    const announce = (ms: number) => set(257, u(32, 0), u(64, ms))
    const data = set(256, u(32, 1000, 2000))
    bench.send(ipfix([set(2, template(256, ...UPTIMES)), set(3, optionsTemplate(257, 1, [149, 4], [160, 8])), data]))
    bench.send(ipfix([announce(EXPORT_MS - 9000), data]))
    bench.send(ipfix([announce(EXPORT_MS - 8999)]))
    bench.send(ipfix([data]))
    bench.send(ipfix([set(2, template(256, ...UPTIMES)), data], { domain: 9 }))
    expect(bench.rows.map(({ start }) => start)).toEqual([EXPORT_MS, EXPORT_MS - 8000, EXPORT_MS - 7999, EXPORT_MS])
    const unknown = FLOW_FLAGS.timesUnknown
    expect(bench.rows.map(({ flags }) => flags)).toEqual([unknown, 0, 0, unknown])
  })

  it('of IPFIX that has wrapped is brought to the export time, one that is merely odd is not', () => {
    const boot = EXPORT_MS - 0x1_0000_0000 * 2 - 5000
    expect(one([...UPTIMES, [160, 8]], [...u(32, 3000, 4000), ...u(64, boot)])).toMatchObject({
      start: EXPORT_MS - 2000,
      end: EXPORT_MS - 1000,
    })
    const odd = EXPORT_MS - 0x1_0000_0000 - 3 * 86_400_000
    expect(one([...UPTIMES, [160, 8]], [...u(32, 0, 0), ...u(64, odd)])).toMatchObject({ start: odd, end: odd })
  })
})

describe('missing times', () => {
  it('are both the export time, flagged', () => {
    expect(one([[1, 4]], u(32, 1))).toMatchObject({ start: EXPORT_MS, end: EXPORT_MS, flags: FLOW_FLAGS.timesUnknown })
  })

  it('are a copy of the other one, flagged', () => {
    const flags = FLOW_FLAGS.oneTimeCopied
    expect(one([[152, 8]], u(64, EXPORT_MS - 7))).toMatchObject({ start: EXPORT_MS - 7, end: EXPORT_MS - 7, flags })
    expect(one([[153, 8]], u(64, EXPORT_MS - 7))).toMatchObject({ start: EXPORT_MS - 7, end: EXPORT_MS - 7, flags })
  })

  it('are the observation time of an event (322 to 325), flagged as well', () => {
    const flags = FLOW_FLAGS.timesUnknown
    expect(one([[322, 4]], u(32, EXPORT_SECONDS - 3))).toMatchObject({
      start: EXPORT_MS - 3000,
      end: EXPORT_MS - 3000,
      flags,
    })
    expect(one([[323, 8]], u(64, EXPORT_MS - 3))).toMatchObject({ start: EXPORT_MS - 3, end: EXPORT_MS - 3, flags })
    expect(one([[324, 8]], u(32, EXPORT_SECONDS + NTP - 1, 0))).toMatchObject({ end: EXPORT_MS - 1000, flags })
    expect(
      one(
        [
          [325, 8],
          [152, 8],
        ],
        [...u(32, NTP, 0), ...u(64, EXPORT_MS)],
      ),
    ).toMatchObject({ start: EXPORT_MS, flags: FLOW_FLAGS.oneTimeCopied })
  })

  it('include an NTP time of another length than 8, and a value no 53 bits hold', () => {
    expect(
      one(
        [
          [154, 4],
          [153, 8],
        ],
        [...u(32, 5), ...u(64, EXPORT_MS)],
      ),
    ).toMatchObject({ start: EXPORT_MS, flags: FLOW_FLAGS.oneTimeCopied })
    expect(
      one(
        [
          [152, 8],
          [153, 8],
        ],
        u(64, 2n ** 64n - 1n, EXPORT_MS),
      ),
    ).toMatchObject({ start: EXPORT_MS, end: EXPORT_MS, flags: FLOW_FLAGS.oneTimeCopied })
    expect(
      one(
        [
          [152, 8],
          [153, 8],
        ],
        u(64, 2n ** 63n, 2n ** 63n),
      ),
    ).toMatchObject({ start: EXPORT_MS, end: EXPORT_MS, flags: FLOW_FLAGS.timesUnknown })
  })

  it('include a variable-length time of no octets', () => {
    const bench = new Bench()
    const records = [
      variable(...u(64, EXPORT_MS - 4)),
      u(32, 1),
      variable(),
      u(32, 2),
      variable(...u(64, EXPORT_MS - 5)),
      u(32, 3),
    ]
    bench.send(ipfix([set(2, template(256, [152, 65535], [1, 4])), set(256, ...records)]))
    expect(bench.rows.map(({ start, bytes }) => [start, bytes])).toEqual([
      [EXPORT_MS - 4, 1],
      [EXPORT_MS, 2],
      [EXPORT_MS - 5, 3],
    ])
    expect(bench.rows[1]?.flags).toBe(FLOW_FLAGS.timesUnknown)
  })
})

describe('absolute times', () => {
  it('within the second of the export are not flagged as after it, later ones are', () => {
    expect(
      one(
        [
          [152, 8],
          [153, 8],
        ],
        u(64, EXPORT_MS, EXPORT_MS + 999),
      ),
    ).toMatchObject({ flags: 0 })
    expect(
      one(
        [
          [152, 8],
          [153, 8],
        ],
        u(64, EXPORT_MS, EXPORT_MS + 1000),
      ),
    ).toMatchObject({ flags: FLOW_FLAGS.timeAfterExport })
  })

  it('arrive as the export time when nothing else tells', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, [1, 4])), set(256, u(32, 1))]), { receivedMs: 77 })
    expect(bench.rows).toMatchObject([{ received: 77, start: EXPORT_MS }])
  })
})
