import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { formatAddressBytes, parseAddressExact } from '../../../src/flow/address.ts'
import type { Batch } from '../../../src/flow/batch.ts'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { valueAt } from '../../../src/flow/value.ts'
import type { Address } from '../../../src/index.ts'
import {
  address,
  boolean,
  count,
  defineJob,
  duration,
  formatAddress,
  i53,
  i64,
  instant,
  max,
  prefix,
  prorate,
  sum,
  text,
  u16,
  u64,
} from '../../../src/index.ts'
import { borrowKernels, returnKernels } from '../../../src/kernels/pool.ts'
import { fc } from '../../kit/fast-check.ts'
import type { Row } from './harness.ts'
import { anyFlow, flowsOf, mapRows, programOf } from './harness.ts'

const canonical = (value: unknown): string | null =>
  typeof value === 'string' ? formatAddressBytes(parseAddressExact(value)) : null

describe('a job with its own map', () => {
  it('gives what the map emits for each row, of every type', () => {
    const job = defineJob({
      name: 'types',
      description: 'every type',
      reads: ['srcAddr', 'dstAddr', 'dstPort', 'bytes', 'start'],
      key: { src: address(), net: prefix(), name: text(), port: u16(), even: boolean() },
      value: {
        bytes: sum(),
        wide: max(u64()),
        signed: sum(i64()),
        at: max(instant()),
        long: max(duration()),
        low: max(i53()),
      },
      map(flow, emit) {
        const even = flow.dstPort % 2 === 0
        const net = flow.dstAddr === -1 ? '' : '10.0.0.0/8'
        emit(
          { src: flow.srcAddr, net, name: `é ${flow.dstPort}`, port: flow.dstPort, even },
          { bytes: flow.bytes, wide: 2n ** 64n - 1n, signed: -flow.bytes, at: flow.start, long: 5, low: -flow.dstPort },
        )
      },
    })
    fc.assert(
      fc.property(fc.array(anyFlow, { maxLength: 30 }), (flows) => {
        const { rows, bad } = mapRows(programOf(job), [flowsOf(flows)])
        expect(bad).toEqual([])
        expect(rows).toEqual(
          flows.map((flow) => ({
            src: canonical(flow.srcAddr),
            net: flow.dstAddr === null ? null : '10.0.0.0/8',
            name: `é ${flow.dstPort}`,
            port: flow.dstPort,
            even: Number(flow.dstPort) % 2 === 0,
            bytes: flow.bytes,
            wide: 2n ** 64n - 1n,
            signed: -BigInt(Number(flow.bytes)),
            at: flow.start,
            long: 5,
            low: -Number(flow.dstPort) + 0,
          })),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('writes what is emitted into the kernel memory of each attempt, with 16 zero bytes for every address but IPv6', () => {
    const job = defineJob({
      name: 'many',
      description: 'x',
      reads: ['srcAddr', 'dstPort'],
      key: { src: address(), port: u16() },
      value: { rows: sum() },
      map(flow, emit) {
        for (let i = 0; i < 1000; i++) emit({ src: flow.srcAddr, port: flow.dstPort }, { rows: i })
      },
    })
    const sources = ['2001:db8::1', '10.0.0.1', null, '10.0.0.2', '::ffff:0:1']
    const flows = Array.from({ length: 40 }, (_, i) => ({ srcAddr: sources[(i >> 2) % 5] ?? null, dstPort: i }))
    const program = programOf(job)
    for (let attempt = 0; attempt < 3; attempt++) {
      const kernels = borrowKernels(16 << 20)
      kernels.memory.bytes(kernels.memory.mark, kernels.memory.free).fill(0xa5)
      const expected = flows.flatMap((flow) =>
        Array.from({ length: 1000 }, (_, rows) => `${canonical(flow.srcAddr)} ${flow.dstPort} ${rows}`),
      )
      const emitted: string[] = []
      let stale = 0
      const add = (batch: Batch): void => {
        const { src, port, rows } = batch.columns
        if (src?.type !== 'address' || port?.type !== 'u16' || rows?.type !== 'u53') throw new TypeError('columns')
        for (const array of [src.v4, src.family, src.v6, port.values, rows.values])
          expect(array.buffer).toBe(kernels.memory.memory.buffer)
        for (let row = 0; row < batch.length; row++) {
          emitted.push(`${valueAt(src, row)} ${port.values[row]} ${rows.values[row]}`)
          if (src.family[row] !== 6 && src.v6.subarray(row * 16, row * 16 + 16).some((byte) => byte !== 0)) stale++
        }
      }
      const context = {
        from: 0,
        to: 0,
        count: () => {},
        badRecord: (_: number, error: unknown) => {
          throw error
        },
      }
      const mapper = program.createMapper({ kernels, add }, context)
      mapper.map(flowsOf(flows))
      mapper.finish()
      returnKernels(kernels)
      expect(stale).toBe(0)
      expect(emitted).toEqual(expected)
    }
  })

  it('gives equal handles for equal addresses within a batch, and constants that compare with them', () => {
    const server = address('2001:db8::1')
    const seen: Address[][] = []
    const job = defineJob({
      name: 'handles',
      description: 'x',
      reads: ['srcAddr', 'dstAddr'],
      key: { same: boolean(), server: boolean() },
      value: { n: count() },
      map(flow, emit) {
        seen.push([flow.srcAddr, flow.dstAddr])
        emit({ same: flow.srcAddr === flow.dstAddr, server: flow.srcAddr === server }, {})
      },
    })
    const { rows } = mapRows(programOf(job), [
      flowsOf([
        { srcAddr: '2001:db8::1', dstAddr: '2001:db8::1' },
        { srcAddr: '2001:db8::2', dstAddr: '2001:db8::1' },
        { srcAddr: '10.0.0.1', dstAddr: '10.0.0.1' },
      ]),
    ])
    expect(rows).toEqual([
      { same: true, server: true },
      { same: false, server: false },
      { same: true, server: false },
    ])
    expect(seen[0]![0]).toBe(server)
    expect(seen[1]![1]).toBe(server)
  })

  it('reads elements that may be absent as null', () => {
    const element: ColumnSpec = { name: 'httpHost', type: 'text', nullable: true }
    const job = defineJob({
      name: 'hosts',
      description: 'x',
      columns: { httpHost: text() },
      reads: ['httpHost'],
      key: { host: text() },
      value: { n: count() },
      map(flow, emit) {
        emit({ host: flow.httpHost ?? 'none' }, {})
      },
    })
    const flows = flowsOf([{ httpHost: 'a.example' }, {}, { httpHost: '' }], [element])
    const program = programOf(job, {}, { datasets: { flows: [...FLOW_COLUMNS, element] } })
    expect(mapRows(program, [flows]).rows).toEqual([{ host: 'a.example' }, { host: 'none' }, { host: '' }])
  })

  it('keeps whole records together whatever the number of emits, and loses none', () => {
    const job = defineJob({
      name: 'many',
      description: 'x',
      reads: ['bytes'],
      key: { n: u16(), name: text() },
      value: { bytes: sum() },
      map(flow, emit) {
        for (let n = 0; n < flow.bytes; n++) emit({ n, name: 'x'.repeat(n % 7) }, { bytes: n })
      },
    })
    const sizes = [0, 1, 8191, 8192, 8193, 20_000, 3]
    const lengths: number[] = []
    const program = programOf(job)
    const { rows } = mapRows(program, [flowsOf(sizes.map((bytes) => ({ bytes })))])
    program
      .createMapper(
        { add: ({ length }) => lengths.push(length) },
        { from: 0, to: 0, count: () => {}, badRecord: () => {} },
      )
      .map(flowsOf(sizes.map((bytes) => ({ bytes }))))
    expect(rows).toEqual(
      sizes.flatMap((size) => Array.from({ length: size }, (_, n) => ({ n, name: 'x'.repeat(n % 7), bytes: n }))),
    )
    expect(lengths).toEqual([8192, 8192, 8193, 20_000])
  })

  it('drops the emits of a record whose map threw, and reports it with its row', () => {
    const job = defineJob({
      name: 'throws',
      description: 'x',
      reads: ['dstPort'],
      key: { port: u16(), name: text() },
      value: { n: count() },
      map(flow, emit) {
        emit({ port: flow.dstPort, name: `${flow.dstPort}` }, {})
        if (flow.dstPort % 3 === 0) throw new Error(`no ${flow.dstPort}`)
        emit({ port: flow.dstPort, name: 'again' }, {})
      },
    })
    const { rows, bad } = mapRows(programOf(job), [flowsOf([1, 3, 4, 6].map((dstPort) => ({ dstPort })))])
    expect(rows.map(({ port, name }) => `${port} ${name}`)).toEqual(['1 1', '1 again', '4 4', '4 again'])
    expect(bad.map(({ row }) => row)).toEqual([1, 3])
    expect(bad[0]!.error.message).toMatch(/^job throws: map threw at .*map\.test\.ts:\d+:\d+: no 3$/)
  })

  it('serves one attempt after the other, with what each of them is given, also after one that failed', () => {
    const job = defineJob({
      name: 'again',
      description: 'x',
      reads: ['dstPort'],
      key: { port: u16() },
      value: { n: count() },
      map(flow, emit, context) {
        context.count('seen')
        emit({ port: flow.dstPort }, {})
        if (flow.dstPort === 3) throw new Error('three')
      },
    })
    const program = programOf(job)
    const badRecord = (): void => {
      throw new Error('too many')
    }
    for (const ports of [[1, 2], [4, 3], [], [5]]) {
      const flows = [flowsOf(ports.map((dstPort) => ({ dstPort })))]
      if (ports.includes(3)) expect(() => mapRows(program, flows, { badRecord })).toThrow('too many')
      else {
        const { rows, counters } = mapRows(program, flows)
        expect(rows).toEqual(ports.map((port) => ({ port })))
        expect(counters.seen ?? 0).toBe(ports.length)
      }
    }
    expect(mapRows(program, [flowsOf([{ dstPort: 6 }])], { from: 0, to: 1 }).rows).toEqual([{ port: 6 }])
  })

  it('refuses what does not fit the declaration, naming the file and line of the emit', () => {
    const emits: ((emit: (key: object, value?: object) => void) => void)[] = [
      (emit) => emit({ port: 1 }, { bytes: 1 }),
      (emit) => emit({ port: 65_536 }, { bytes: 1 }),
      (emit) => emit({ port: -1 }, { bytes: 1 }),
      (emit) => emit({ port: 1.5 }, { bytes: 1 }),
      (emit) => emit({ port: '80' }, { bytes: 1 }),
      (emit) => emit({ port: 1n }, { bytes: 1 }),
      (emit) => emit({}, { bytes: 1 }),
      (emit) => emit({ port: 1, host: 2 }, { bytes: 1 }),
      (emit) => emit({ port: 1 }, { bytes: 2 ** 53 }),
      (emit) => emit({ port: 1 }, { bytes: Number.NaN }),
      (emit) => emit({ port: 1 }),
      (emit) => emit(null as never, { bytes: 1 }),
      (emit) => {
        try {
          emit({ port: 'caught' }, { bytes: 1 })
        } catch {}
      },
    ]
    const job = defineJob({
      name: 'shapes',
      description: 'x',
      reads: ['dstPort'],
      key: { port: u16() },
      value: { bytes: sum() },
      map(flow, emit) {
        // A job written in JavaScript: the types are not checked.
        emits[flow.dstPort]!(emit as never)
      },
    })
    const { rows, bad } = mapRows(programOf(job), [flowsOf(emits.map((_, dstPort) => ({ dstPort })))])
    expect(rows).toEqual([{ port: 1, bytes: 1 }])
    expect(bad.map(({ error }) => error.message.replace(/^.*map\.test\.ts:\d+:\d+: /, ''))).toEqual([
      'emit key port: expected a whole number 0..65535, got 65536',
      'emit key port: expected a whole number 0..65535, got -1',
      'emit key port: expected a whole number 0..65535, got 1.5',
      "emit key port: expected a whole number 0..65535, got '80'",
      'emit key port: expected a whole number 0..65535, got 1n',
      'emit key port: expected a whole number 0..65535, got undefined',
      'emit key: expected port, got also "host"',
      'emit value bytes: expected a whole number 0..9007199254740991, got 9007199254740992',
      'emit value bytes: expected a whole number 0..9007199254740991, got NaN',
      'emit value: expected an object with bytes, got undefined',
      'emit key: expected an object with port, got null',
      "emit key port: expected a whole number 0..65535, got 'caught'",
    ])
    expect(bad.every(({ error }) => /map\.test\.ts:\d+:\d+/.test(error.message))).toBe(true)
  })

  it('refuses fields that reads does not name, names that the input does not have, async maps, and emits after the end', () => {
    let late: ((key: { port: number }, value: object) => void) | undefined
    const job = defineJob({
      name: 'wrong',
      description: 'x',
      reads: ['dstPort'],
      key: { port: u16() },
      value: { n: count() },
      map(flow, emit) {
        const any: Record<string, number> = flow as never
        if (flow.dstPort === 0) emit({ port: any.srcPort! }, {})
        if (flow.dstPort === 1) emit({ port: any.dstPrt! }, {})
        if (flow.dstPort === 2) return Promise.resolve() as never
        late = emit
      },
    })
    const { bad, rows } = mapRows(programOf(job), [flowsOf([0, 1, 2, 3].map((dstPort) => ({ dstPort })))])
    expect(rows).toEqual([])
    const messages = bad.map(({ error }) => error.message.replace(/^.*map threw(?: at \S+)?: /, ''))
    expect(messages).toEqual([
      "flow: expected a field that reads names (dstPort), got 'srcPort'",
      "flow: expected a field of the input, got 'dstPrt', did you mean 'dstPort'",
      'map: expected to return nothing, got a promise; map cannot be async',
    ])
    expect(bad[0]!.error.message).toMatch(/map\.test\.ts:\d+:\d+/)
    expect(() => late!({ port: 1 }, {})).toThrowError(/expected a call before map or reduce has returned/)
  })

  it('cuts the shares of prorate at the period in a job with time spread, and counts what is capped', () => {
    const job = defineJob({
      name: 'spread',
      description: 'x',
      params: z.object({ bin: duration().prefault('10ms') }),
      time: 'spread',
      reads: ['start', 'end', 'bytes'],
      key: { bin: instant() },
      value: { bytes: sum() },
      map(flow, emit, { params, count }) {
        count('flows')
        for (const share of prorate(flow, params.bin)) emit({ bin: share.start }, { bytes: share.bytes })
      },
    })
    const at = (ms: number): string => new Date(ms).toISOString()
    const flows = flowsOf([
      { start: at(5), end: at(35), bytes: 31 },
      { start: at(0), end: at(1e12), bytes: 7 },
    ])
    const period = { from: 12, to: 30 }
    const { rows, counters } = mapRows(programOf(job), [flows], period)
    expect(rows.filter(({ bytes }) => bytes !== 0)).toEqual([
      { bin: at(10), bytes: 8 },
      { bin: at(20), bytes: 10 },
    ])
    expect(counters).toEqual({ flows: 2, 'prorate.capped': 1 })
    expect(programOf(job).time).toBe('spread')
  })

  it('gives parameters checked and completed, and formats addresses of the row at hand', () => {
    const job = defineJob({
      name: 'params',
      description: 'x',
      params: z.object({ host: address(), least: z.number().default(3) }),
      reads: ['srcAddr', 'bytes'],
      key: { src: text() },
      value: { n: count() },
      map(flow, emit, { params }) {
        if (flow.srcAddr === params.host && flow.bytes >= params.least) emit({ src: formatAddress(flow.srcAddr) }, {})
      },
    })
    const flows: Row[] = [
      { srcAddr: '2001:db8::7', bytes: 3 },
      { srcAddr: '2001:db8::7', bytes: 2 },
      { srcAddr: '10.0.0.1', bytes: 9 },
    ]
    expect(mapRows(programOf(job, { host: '2001:db8::7' }), [flowsOf(flows)]).rows).toEqual([{ src: '2001:db8::7' }])
  })
})
