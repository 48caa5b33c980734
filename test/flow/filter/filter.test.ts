import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import type { Filter } from '../../../src/flow/filter/ast.ts'
import { parseFilter } from '../../../src/flow/filter/filter.ts'
import { formatFilter } from '../../../src/flow/filter/text.ts'
import { fc } from '../../kit/fast-check.ts'
import { batchOf } from '../columns.ts'
import { anyFilter, EVERY_TYPE, rowsNear, types } from './filters.ts'
import { naiveSelect } from './naive.ts'

function select(text: string, batch: Batch, specs: readonly ColumnSpec[]): number[] {
  const selection = new Uint32Array(batch.capacity)
  return [...selection.subarray(0, parseFilter(text, specs).select(batch, selection))]
}

describe('a filter', () => {
  it('has a canonical text that parses back to an equal filter', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const text = formatFilter(filter, types)
        const parsed = parseFilter(text, EVERY_TYPE)
        expect(parsed.filter).toEqual(filter)
        expect(parsed.text).toBe(text)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps the rows that a test of each row by itself keeps', () => {
    fc.assert(
      fc.property(
        anyFilter.chain((filter) => fc.tuple(fc.constant(filter), rowsNear(filter))),
        ([filter, batch]) => {
          expect(select(formatFilter(filter, types), batch, EVERY_TYPE)).toEqual(naiveSelect(filter, batch))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('gives the same rows when one plan serves batches of different sizes', () => {
    const specs: ColumnSpec[] = [{ name: 'n', type: 'u32' }]
    const plan = parseFilter('not (n < 3 or n in [5, 7])', specs)
    for (const length of [2, 10, 0, 6]) {
      const batch = batchOf(
        specs,
        Array.from({ length }, (_, n) => [n]),
      )
      const selection = new Uint32Array(batch.capacity)
      expect([...selection.subarray(0, plan.select(batch, selection))]).toEqual(naiveSelect(plan.filter, batch))
    }
  })

  it('tells neighbouring addresses apart in lists of overlapping and touching prefixes', () => {
    const specs: ColumnSpec[] = [{ name: 'a', type: 'address' }]
    const near = fc.nat(31).map((n) => `10.0.0.${n}`)
    const prefixes = fc.tuple(fc.nat(31), fc.integer({ min: 27, max: 32 })).map(([n, bits]) => {
      const size = 2 ** (32 - bits)
      return `10.0.0.${Math.floor(n / size) * size}/${bits}`
    })
    const every = batchOf(
      specs,
      [...Array(34).keys()].map((n) => [n < 32 ? `10.0.0.${n}` : n === 32 ? '9.255.255.255' : '10.0.0.32']),
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(near, prefixes), { minLength: 1, maxLength: 5 }), (values) => {
        const filter: Filter = { type: 'in', column: 'a', values }
        expect(select(`a in [${values.join(', ')}]`, every, specs)).toEqual(naiveSelect(filter, every))
      }),
      { numRuns: 300 },
    )
  })

  it('names the columns it reads, in schema order', () => {
    const columns = (text: string) => parseFilter(text, FLOW_COLUMNS).columns
    expect(columns('proto tcp and dst net 10.0.0.0/8 and bytes > 1m')).toEqual(['dstAddr', 'proto', 'bytes'])
    expect(columns('duration > 5m')).toEqual(['start', 'end'])
    expect(columns('port 80 and sampling unknown')).toEqual(['srcPort', 'dstPort', 'sampleSize', 'samplePopulation'])
  })

  it('is written out in full in its canonical text', () => {
    const cases: { [text: string]: string } = {
      'proto tcp and dst net 10.0.0.0/8 and not dst port in [80, 443] and bytes > 1m':
        'proto = tcp and dstAddr = 10.0.0.0/8 and not dstPort in [80, 443] and bytes > 1000000',
      'host 2001:DB8::1 or udp': 'srcAddr = 2001:db8::1 or dstAddr = 2001:db8::1 or proto = udp',
      'src 192.0.2.1 && (ip6 || ! port 53)':
        'srcAddr = 192.0.2.1 and (srcAddr in [::/0] or dstAddr in [::/0] or not (srcPort = 53 or dstPort = 53))',
      'dst portrange 8000-8999': 'dstPort >= 8000 and dstPort <= 8999',
      'flags S and not flags A': 'tcpFlags S and not tcpFlags A',
      'flags reverse and tcpFlags = SA': 'flags reverse and tcpFlags = 18',
      'start >= 2026-01-01T01:00+01:00': 'start >= 2026-01-01T00:00:00.000Z',
      'nextHop absent and sampling known': 'not nextHop present and not (sampleSize = 0 and samplePopulation = 0)',
      'proto not in [6, 17, 200]': 'not proto in [tcp, udp, 200]',
      'as 64512 AND vlan 0x10': '(srcAs = 64512 or dstAs = 64512) and vlan = 16',
      'a = "b c"': 'a = "b c"',
    }
    const specs: ColumnSpec[] = [...FLOW_COLUMNS, { name: 'a', type: 'text' }]
    for (const [text, canonical] of Object.entries(cases)) expect(parseFilter(text, specs).text).toBe(canonical)
  })

  it('prefers a column to a word of the same name', () => {
    const specs: ColumnSpec[] = [{ name: 'port', type: 'u16' }]
    expect(parseFilter('port 80', specs).filter).toEqual({ type: 'compare', column: 'port', operator: '=', value: 80 })
  })
})

describe('a wrong filter', () => {
  const cases: { [text: string]: string } = {
    'dstPrt = 80': 'at character 1 expected a column, got "dstPrt" (did you mean dstPort?)',
    'bytes >': 'at character 8 expected a number such as 1500, 64k or 1.5m for bytes, got the end',
    'dstPort = 70000': 'at character 11 expected a number for dstPort, got "70000"',
    'bytes = 1.5': 'at character 9 expected a number',
    'srcAddr = 10.0.0': 'at character 11 expected an address for srcAddr, got "10.0.0"',
    'src net 10.0.0.1/8':
      'at character 9 expected a prefix with zero host bits for srcAddr, got "10.0.0.1/8" (did you mean 10.0.0.0/8?)',
    'srcAddr < 10.0.0.1': 'at character 9 expected =, != or in for srcAddr, got "<"',
    'srcAddr != 10.0.0.0/8': '(did you mean not srcAddr in [10.0.0.0/8]?)',
    'proto tcp dst port 80': 'at character 11 expected and, or, or the end, got "dst"',
    '(proto tcp': 'at character 11 expected and, or, or ), got the end',
    'dst port in [80, 443': 'at character 21 expected , or ], got the end',
    'dst port in []': 'at character 14 expected a number for dstPort, got "]"',
    'port 80 and': 'at character 12 expected a column or a test such as dst port 443, got the end',
    'src bytes': 'at character 5 expected host, net, port, portrange, as or an address, got "bytes"',
    'portrange 9-8': 'at character 11 expected a range of ports such as 8000-8999, got "9-8"',
    'start > yesterday': 'at character 9 expected a time such as 2026-01-31T08:30:00Z for start, got "yesterday"',
    'duration > 5': 'at character 12 expected a duration such as 90s for duration, got "5"',
    'sampling maybe': 'at character 10 expected known or unknown, got "maybe"',
    'bytes # 3': 'at character 7 expected a name, a value or an operator, got "#"',
    '': 'at character 1 expected a column or a test such as dst port 443, got the end',
    constructor: 'at character 1 expected a column, got "constructor"',
  }
  for (const [text, message] of Object.entries(cases)) {
    it(`says where and what was expected: ${text || 'an empty one'}`, () => {
      expect(() => parseFilter(text, FLOW_COLUMNS)).toThrow(message)
    })
  }

  it('is refused when the rows lack the columns of a shorthand', () => {
    const specs: ColumnSpec[] = [{ name: 'bytes', type: 'u53' }]
    expect(() => parseFilter('port 80', specs)).toThrow(
      'at character 1 expected rows with a column srcPort, got rows without',
    )
  })

  it('is refused when it is nested too deeply, or is any text at all', () => {
    expect(() => parseFilter('('.repeat(100_000), FLOW_COLUMNS)).toThrow('expected at most 200 levels')
    expect(() => parseFilter('not '.repeat(100_000), FLOW_COLUMNS)).toThrow('expected at most 200 levels')
    const words = fc.constantFrom(
      'src',
      'port',
      'in',
      '[',
      ']',
      '(',
      ')',
      '80',
      ',',
      '!=',
      'bytes',
      'and',
      'not',
      '"',
      '10.0.0.0/8',
      '\\',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string({ maxLength: 3 })), { maxLength: 12 }), (parts) => {
        try {
          parseFilter(parts.join(' '), FLOW_COLUMNS)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-filter' })
        }
      }),
      { numRuns: 500 },
    )
  })
})
