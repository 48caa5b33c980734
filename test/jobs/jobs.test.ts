import { describe, expect, it } from 'vitest'
import { builtinBundle } from '../../src/runtime/bundle/builtin.ts'
import { loadBundle } from '../../src/runtime/bundle/load.ts'
import { compileJob } from '../../src/runtime/compile/compile.ts'
import type { Row } from '../runtime/compile/harness.ts'
import { flowsOf, mapRows } from '../runtime/compile/harness.ts'

const bundle = await loadBundle((await builtinBundle()).path)

const program = (name: string, params: object = {}) =>
  compileJob(bundle.jobs.get(name)!, params, { locate: bundle.locate, sample: bundle.sample }).stages[0]!.program

const columns = (name: string, params: object = {}): string[] =>
  program(name, params).output.map((column) => `${column.name} ${column.type}`)

const FLOWS: Row[] = [
  {
    srcAddr: '10.0.0.1',
    dstAddr: '192.0.2.9',
    srcPort: 40_000,
    dstPort: 443,
    bytes: 1000,
    packets: 3,
    start: '2026-01-01T00:00:00.500Z',
    end: '2026-01-01T00:00:02.500Z',
  },
  {
    srcAddr: '2001:db8::1',
    dstAddr: '2001:db8:0:1::2',
    srcPort: 53,
    dstPort: 53,
    bytes: 80,
    packets: 1,
    start: '2026-01-01T00:00:01Z',
    end: '2026-01-01T00:00:01Z',
  },
]

describe('the built-in jobs', () => {
  it('lie in one bundle, each with a description', () => {
    expect([...bundle.jobs.keys()].sort()).toEqual(['bytes-per-second', 'port-breakdown', 'subnet-bytes', 'totals'])
    for (const { spec } of bundle.jobs.values()) expect(spec.description.length).toBeGreaterThan(20)
  })

  it('port-breakdown gives octets, packets and flows per port', () => {
    expect(columns('port-breakdown')).toEqual(['port u16', 'bytes u64', 'packets u64', 'flows u53'])
    expect(mapRows(program('port-breakdown'), [flowsOf(FLOWS)]).rows.map(({ port }) => port)).toEqual([443, 53])
    expect(
      mapRows(program('port-breakdown', { direction: 'src' }), [flowsOf(FLOWS)]).rows.map(({ port }) => port),
    ).toEqual([40_000, 53])
  })

  it('subnet-bytes gives them per network', () => {
    expect(columns('subnet-bytes')).toEqual(['subnet prefix', 'bytes u64', 'packets u64', 'flows u53'])
    const nets = (params: object) =>
      mapRows(program('subnet-bytes', params), [flowsOf(FLOWS)]).rows.map(({ subnet }) => subnet)
    expect(nets({})).toEqual(['192.0.2.0/24', '2001:db8:0:1::/64'])
    expect(nets({ prefix4: 8, prefix6: 32, direction: 'src' })).toEqual(['10.0.0.0/8', '2001:db8::/32'])
  })

  it('bytes-per-second spreads each flow over its bins', () => {
    expect(columns('bytes-per-second')).toEqual(['src address', 'dst address', 'bin instant', 'bytes u64'])
    expect(mapRows(program('bytes-per-second'), [flowsOf(FLOWS)]).rows).toEqual([
      { src: '10.0.0.1', dst: '192.0.2.9', bin: '2026-01-01T00:00:00.000Z', bytes: 250 },
      { src: '10.0.0.1', dst: '192.0.2.9', bin: '2026-01-01T00:00:01.000Z', bytes: 500 },
      { src: '10.0.0.1', dst: '192.0.2.9', bin: '2026-01-01T00:00:02.000Z', bytes: 250 },
      { src: '2001:db8::1', dst: '2001:db8:0:1::2', bin: '2026-01-01T00:00:01.000Z', bytes: 80 },
    ])
    expect(
      mapRows(program('bytes-per-second', { bin: '1m' }), [flowsOf(FLOWS)]).rows.map(({ bytes }) => bytes),
    ).toEqual([1000, 80])
  })

  it('totals gives one row without a key', () => {
    expect(columns('totals')).toEqual(['flows u53', 'packets u64', 'bytes u64', 'first instant', 'last instant'])
    expect(program('totals').key).toEqual([])
  })
})
