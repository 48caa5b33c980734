import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { Spec } from './wire.ts'
import { Bench, ipfix, optionsTemplate, set, template, u, v9, v9OptionsTemplate } from './wire.ts'

const sampling = (bench: Bench) => bench.rows.map(({ sampleSize, samplePopulation }) => [sampleSize, samplePopulation])

/** What one record of these elements says of its sampling. */
function inRecord(specs: readonly Spec[], values: number[]) {
  const bench = new Bench()
  bench.send(ipfix([set(2, template(256, ...specs)), set(256, values)]))
  return sampling(bench)[0]
}

function float64(value: number): number[] {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return [...bytes]
}

describe('sampling in the record', () => {
  it('is one of 34 or of 50', () => {
    expect(inRecord([[34, 4]], u(32, 100))).toEqual([1, 100])
    expect(inRecord([[50, 4]], u(32, 200))).toEqual([1, 200])
    expect(
      inRecord(
        [
          [50, 4],
          [34, 4],
        ],
        u(32, 200, 100),
      ),
    ).toEqual([1, 100])
  })

  it('is interval of interval and space (305, 306), size of population (309, 310), time of time and gap (307, 308)', () => {
    expect(
      inRecord(
        [
          [305, 4],
          [306, 4],
        ],
        u(32, 2, 98),
      ),
    ).toEqual([2, 100])
    expect(
      inRecord(
        [
          [309, 4],
          [310, 4],
        ],
        u(32, 3, 1000),
      ),
    ).toEqual([3, 1000])
    expect(
      inRecord(
        [
          [307, 4],
          [308, 4],
        ],
        u(32, 10, 90),
      ),
    ).toEqual([10, 100])
  })

  it('is a probability (311): one of its inverse, or billionths', () => {
    expect(inRecord([[311, 8]], float64(1 / 512))).toEqual([1, 512])
    expect(inRecord([[311, 8]], float64(0.4))).toEqual([400_000_000, 1_000_000_000])
    expect(inRecord([[311, 8]], float64(1))).toEqual([1, 1])
    for (const p of [0, -1, 2, Number.NaN]) expect(inRecord([[311, 8]], float64(p))).toEqual([0, 0])
  })

  it('is unknown when it is 0, makes no sense, or is not there', () => {
    expect(inRecord([[34, 4]], u(32, 0))).toEqual([0, 0])
    expect(
      inRecord(
        [
          [305, 4],
          [306, 4],
        ],
        u(32, 0, 9),
      ),
    ).toEqual([0, 0])
    expect(
      inRecord(
        [
          [309, 4],
          [310, 4],
        ],
        u(32, 5, 4),
      ),
    ).toEqual([0, 0])
    expect(inRecord([[305, 4]], u(32, 7))).toEqual([0, 0])
    expect(inRecord([[1, 4]], u(32, 7))).toEqual([0, 0])
  })
})

describe('sampling in options', () => {
  const DATA = template(256, [1, 4])
  const WITH_ID = template(257, [48, 1], [1, 4])
  const data = set(256, u(32, 1))
  const withId = (...ids: number[]) => set(257, ...ids.map((id) => [id, ...u(32, 1)]))

  it('of the whole domain (34) holds for its records from then on', () => {
    const bench = new Bench()
    const options = v9OptionsTemplate(
      300,
      [[1, 4]],
      [
        [34, 4],
        [35, 1],
      ],
    )
    bench.send(v9([set(0, DATA), set(1, options), data]))
    bench.send(v9([set(300, u(32, 0, 128), [2]), data]))
    bench.send(v9([data]))
    bench.send(v9([set(0, DATA), data], { domain: 2 }))
    expect(sampling(bench)).toEqual([
      [0, 0],
      [1, 128],
      [1, 128],
      [0, 0],
    ])
  })

  it('after the data of the same message holds for them too', () => {
    const bench = new Bench()
    bench.send(v9([set(0, DATA), set(1, v9OptionsTemplate(300, [], [[34, 4]])), data, set(300, u(32, 64))]))
    expect(sampling(bench)).toEqual([[1, 64]])
  })

  it('per sampler (48 with 50) holds for the records that name it', () => {
    const bench = new Bench()
    bench.send(
      v9([
        set(0, WITH_ID),
        set(
          1,
          v9OptionsTemplate(
            300,
            [[1, 4]],
            [
              [48, 1],
              [49, 1],
              [50, 4],
            ],
          ),
        ),
      ]),
    )
    bench.send(v9([set(300, [...u(32, 0), 1, 2, ...u(32, 100)], [...u(32, 0), 2, 2, ...u(32, 1000)])]))
    bench.send(v9([withId(1, 2, 3, 0)]))
    expect(sampling(bench)).toEqual([
      [1, 100],
      [1, 1000],
      [0, 0],
      [0, 0],
    ])
  })

  it('per selector (302 with 304 to 306), in scope and of 8 octets', () => {
    const bench = new Bench()
    const options = optionsTemplate(300, 1, [302, 8], [304, 2], [305, 4], [306, 4])
    const huge = 2n ** 60n + 1n
    bench.send(ipfix([set(3, options), set(300, u(64, 7), u(16, 1), u(32, 1, 9), u(64, huge), u(16, 1), u(32, 1, 19))]))
    bench.send(
      ipfix([
        set(2, template(257, [302, 8], [1, 4])),
        set(257, u(64, 7), u(32, 1), u(64, huge), u(32, 1), u(64, huge - 1n), u(32, 1)),
      ]),
    )
    expect(sampling(bench)).toEqual([
      [1, 10],
      [1, 20],
      [0, 0],
    ])
  })

  it('per input interface, by scope', () => {
    const bench = new Bench()
    const onInterface = template(258, [10, 2], [1, 4])
    bench.send(
      v9([set(1, v9OptionsTemplate(300, [[2, 4]], [[34, 4]])), set(300, u(32, 5, 50, 6, 60)), set(0, onInterface)]),
    )
    bench.send(v9([set(258, u(16, 5), u(32, 1), u(16, 6), u(32, 1), u(16, 7), u(32, 1))]))
    bench.send(
      ipfix([
        set(3, optionsTemplate(300, 1, [10, 4], [34, 4])),
        set(300, u(32, 5, 70)),
        set(2, onInterface),
        set(258, u(16, 5), u(32, 1)),
      ]),
    )
    expect(sampling(bench)).toEqual([
      [1, 50],
      [1, 60],
      [0, 0],
      [1, 70],
    ])
  })

  it('for interface 0 holds for all of the domain', () => {
    const bench = new Bench()
    bench.send(v9([set(1, v9OptionsTemplate(300, [[2, 4]], [[34, 4]])), set(300, u(32, 0, 50)), set(0, DATA), data]))
    expect(sampling(bench)).toEqual([[1, 50]])
  })

  it('of the only sampler of a domain holds for records that name none', () => {
    const bench = new Bench()
    bench.send(
      v9([
        set(
          1,
          v9OptionsTemplate(
            300,
            [],
            [
              [48, 1],
              [34, 4],
            ],
          ),
        ),
        set(300, [1, ...u(32, 10)]),
        set(0, DATA),
        data,
      ]),
    )
    bench.send(v9([set(300, [2, ...u(32, 20)]), data]))
    expect(sampling(bench)).toEqual([
      [1, 10],
      [0, 0],
    ])
  })

  it('is replaced when announced anew, and not by an interval of 0', () => {
    const bench = new Bench()
    bench.send(
      v9([
        set(1, v9OptionsTemplate(300, [], [[34, 4]])),
        set(300, u(32, 10)),
        set(300, u(32, 20)),
        set(300, u(32, 0)),
        set(0, DATA),
        data,
      ]),
    )
    expect(sampling(bench)).toEqual([[1, 20]])
  })

  it('gives way to the record', () => {
    const bench = new Bench()
    bench.send(
      v9([
        set(1, v9OptionsTemplate(300, [], [[34, 4]])),
        set(300, u(32, 10)),
        set(0, template(256, [34, 4])),
        set(256, u(32, 5, 0)),
      ]),
    )
    expect(sampling(bench)).toEqual([
      [1, 5],
      [1, 10],
    ])
  })
})

describe('a configured rate', () => {
  const options = {
    sampling: [
      { exporter: '192.0.2.0/24', samplePopulation: 100 },
      { exporter: '192.0.2.1', sampleSize: 2, samplePopulation: 1000 },
      { exporter: '2001:db8::/33', samplePopulation: 7 },
    ],
  }
  const said = ipfix([set(2, template(256, [34, 4])), set(256, u(32, 5))])

  it('holds for the exporter or its prefix, the longest match first, and is flagged', () => {
    const bench = new Bench(options)
    for (const exporter of ['192.0.2.1', '192.0.2.2', '192.0.3.1', '2001:db8:7fff::1', '2001:db8:8000::1']) {
      bench.send(said, { exporter: parseExporter(exporter)! })
    }
    expect(sampling(bench)).toEqual([
      [2, 1000],
      [1, 100],
      [1, 5],
      [1, 7],
      [1, 5],
    ])
    const { samplingAssumed } = FLOW_FLAGS
    expect(bench.rows.map(({ flags }) => Number(flags) & samplingAssumed)).toEqual([
      samplingAssumed,
      samplingAssumed,
      0,
      samplingAssumed,
      0,
    ])
  })

  it('is refused in one line when it is none', () => {
    const make = (exporter: string, samplePopulation: number) => () =>
      createDecoder({ sampling: [{ exporter, samplePopulation }] })
    expect(make('10.0.0.0/33', 1)).toThrow('decode: sampling exporter expected an address or a prefix, got 10.0.0.0/33')
    expect(make('10.0.0.1', 0)).toThrow(
      'decode: sampling of 10.0.0.1 expected n of N packets with 1 <= n <= N, got 1 of 0',
    )
  })
})
