import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { count, defineJob, lookup, prefix, sum, timeBin, u16, u64 } from '../../../src/index.ts'
import { compileJob } from '../../../src/runtime/compile/compile.ts'
import { paramNames, paramsFromText } from '../../../src/runtime/compile/params.ts'
import { parseLookup } from '../../../src/runtime/lookup/table.ts'
import type { JobDefinition } from '../../../src/vocabulary/job.ts'

/** A definition as JavaScript or YAML may give it. */
const define = (spec: object): JobDefinition => (defineJob as (spec: object) => JobDefinition)(spec)

const message = (job: JobDefinition, params: object = {}, options = {}): string => {
  try {
    compileJob(job, params, options)
  } catch (error) {
    return (error as Error).message
  }
  return 'compiled'
}

describe('compileJob', () => {
  it('lists everything wrong with a declarative job, with the nearest name', () => {
    const job = define({
      name: 'Bad Job',
      description: 'x',
      groupBy: {
        port: 'dstPrt',
        'my-net': 'srcAddr',
        net: prefix('dstPort' as string, 33, 129),
        bin: timeBin(0, { zone: 'Europe/Berln', column: 'bytes' as string }),
        who: lookup('net', 'dstAddr', 'router'),
        what: 7,
      },
      aggregate: {
        bytes: sum('byte'),
        hosts: sum('srcAddr'),
        n: { kind: 'aggregate', aggregate: 'avg', column: 'bytes', options: {} },
        m: 'bytes',
        port: count(),
      },
      where: 'dst prt 80',
      sort: { octets: 'desc', port: 'up' },
      limit: 2.5,
    })
    const lookups = new Map([['nets', parseLookup('nets', 'prefix,name\n')]])
    expect(message(job, {}, { lookups }).split('\n')).toEqual([
      'job Bad Job: name: expected lower case letters, digits and dashes, at most 64, got "Bad Job"',
    ])
    const named = define({ ...job.spec, name: 'bad-job' })
    expect(message(named, {}, { lookups }).split('\n  ')).toEqual([
      'job bad-job: 19 problems',
      "groupBy port: expected a column of flows, got 'dstPrt', did you mean 'dstPort'",
      'groupBy my-net: expected a name of letters, digits and underscores, not starting with a digit',
      'groupBy net: expected an address column, got dstPort (u16)',
      'groupBy net: IPv4 prefix length expected 0..32, got 33',
      'groupBy net: IPv6 prefix length expected 0..128, got 129',
      'groupBy bin: expected a time column, got bytes (u53)',
      'groupBy bin: bin expected whole milliseconds above 0, got 0',
      "groupBy bin: zone expected an IANA name such as Europe/Berlin, got 'Europe/Berln'",
      "groupBy who: lookup expected a table of the configuration, got 'net', did you mean 'nets'",
      'groupBy what: expected a column, prefix(...), timeBin(...) or lookup(...), got 7',
      "aggregate bytes: expected a column of flows, got 'byte', did you mean 'bytes'",
      'aggregate hosts: sum expected numbers, got srcAddr (address)',
      "aggregate n: unknown aggregate 'avg', expected one of sum, count, min, max, distinct, quantile, top",
      "aggregate m: expected an aggregate such as sum('bytes'), got 'bytes'",
      "groupBy and aggregate: expected different column names, got 'port' twice",
      expect.stringMatching(/^where: .*prt/),
      "sort: expected a column of the result, got 'octets', expected one of port, my-net, net, bin, who, what, bytes, hosts, n, m, port",
      "sort port: expected 'asc' or 'desc', got 'up'",
      'limit: expected a whole number from 1 on, got 2.5',
    ])
  })

  it('lists everything wrong with a job that has its own map', () => {
    const job = define({
      name: 'bad-map',
      description: 'x',
      time: 'spread',
      reads: ['srcAdr', 'start'],
      key: { port: u16(), n: 'u16' },
      value: { n: count(), bytes: sum('bytes'), least: { kind: 'aggregate', aggregate: 'min', options: {} } },
      map: () => {},
    })
    expect(message(job).split('\n  ')).toEqual([
      'job bad-map: 6 problems',
      "reads: expected a column of flows, got 'srcAdr', did you mean 'srcAddr'",
      "reads: expected 'start' and 'end' in a job with time: 'spread'",
      "key n: expected a column type such as u16() or address(), got 'u16'",
      "value bytes: sum expected no column in a job with its own map, which emits its values, got 'bytes'",
      'value least: min expected the type of what is emitted, as in min(u32())',
      "key and value: expected different column names, got 'n' twice",
    ])
  })

  it('refuses keys of another shape, and names those that are missing', () => {
    const spec = { name: 'outline', description: 1, agregate: {}, groupBy: {}, reads: [], time: 'all' }
    expect(message(define(spec)).split('\n  ').slice(1)).toEqual([
      'description: expected text, got number',
      "agregate: unknown in a job with groupBy and aggregate, did you mean 'aggregate'",
      expect.stringMatching(/^reads: unknown in a job with groupBy and aggregate/),
      'aggregate: missing in a job with groupBy and aggregate',
      "time: expected 'start' or 'spread', got \"all\"",
    ])
    expect(
      message(define({ name: 'outline', description: '', map: 1, combine: () => {} }))
        .split('\n  ')
        .slice(1),
    ).toEqual([
      expect.stringMatching(/^combine: unknown in a job with map and aggregates/),
      'reads: missing in a job with map and aggregates',
      'key: missing in a job with map and aggregates',
      'value: missing in a job with map and aggregates',
      'map: expected a function, got number',
    ])
  })

  it('checks parameters, and takes those of the command line as text, then as JSON', () => {
    const job = defineJob({
      name: 'params',
      description: 'x',
      params: z.object({
        direction: z.enum(['dst', 'src']).default('dst'),
        bits: z.number().int().max(32).default(24),
        on: z.boolean().optional(),
      }),
      groupBy: ({ params }) => ({ net: prefix(`${params.direction}Addr`, params.bits) }),
      aggregate: { n: count() },
    })
    expect(paramNames(job)).toEqual(['direction', 'bits', 'on'])
    expect(paramsFromText(job, { direction: 'src', bits: '16', on: 'true', other: '1' })).toEqual({
      direction: 'src',
      bits: 16,
      on: true,
      other: '1',
    })
    expect(compileJob(job, { direction: 'src' }).stages[0]!.program.reads).toEqual(['srcAddr'])
    expect(message(job, { directoin: 'src', bits: 'many', direction: 'up' }).split('\n  ')).toEqual([
      'job params: 3 problems',
      "parameter directoin: unknown, did you mean 'direction'",
      expect.stringMatching(/^parameter direction: /),
      expect.stringMatching(/^parameter bits: .*number/),
    ])
    expect(message(define({ name: 'none', description: '', groupBy: {}, aggregate: { n: count() } }), { bin: 1 })).toBe(
      'job none: parameter bin: unknown, the job has none',
    )
  })

  it('names a part that throws for the parameters', () => {
    const job = define({
      name: 'throws',
      description: '',
      groupBy: () => {
        throw new Error('no')
      },
      aggregate: { n: count() },
    })
    expect(message(job)).toMatch(/^job throws: groupBy threw at .*check\.test\.ts:\d+:\d+: no$/)
  })

  it('joins the filter of the job with a further one', () => {
    const job = defineJob({
      name: 'filtered',
      description: 'x',
      where: 'proto tcp or proto udp',
      groupBy: { port: 'dstPort' },
      aggregate: { n: count() },
    })
    const { program } = compileJob(job, {}, { where: 'bytes > 1m' }).stages[0]!
    expect(program.reads).toEqual(['dstPort', 'proto', 'bytes'])
    expect(program.where?.text).toMatch(/or.*and.*bytes/)
    expect(message(job, {}, { where: 'bytes >' })).toMatch(/^job filtered: --where: /)
  })

  it('puts the jobs that a job reads before it, each once, with their output as its input', () => {
    const ports = defineJob({
      name: 'ports',
      description: 'x',
      params: z.object({ direction: z.enum(['dst', 'src']).default('dst') }),
      groupBy: ({ params }) => ({ port: `${params.direction}Port` }),
      aggregate: { bytes: sum('bytes') },
    })
    const busy = defineJob({
      name: 'busy',
      description: 'x',
      input: { job: ports, params: { direction: 'src' } },
      reads: ['port', 'bytes'],
      key: { port: u16() },
      value: { bytes: sum(u64()) },
      map(row, emit) {
        if (row.bytes > 10n) emit({ port: row.port }, { bytes: row.bytes })
      },
    })
    const { stages } = compileJob(busy, {}, { where: 'proto tcp' })
    expect(stages.map(({ id, inputs }) => [id, inputs])).toEqual([
      ['ports', [{ type: 'dataset', dataset: 'flows' }]],
      ['busy', [{ type: 'stage', stage: 'ports' }]],
    ])
    expect(stages[0]!.program.reads).toEqual(['srcPort', 'proto', 'bytes'])
    expect(stages[1]!.program.where).toBeUndefined()
    const wrong = defineJob({
      ...busy.spec,
      name: 'wrong',
      input: { job: ports, params: { direction: 'up' } },
      reads: ['ports'],
    } as never)
    expect(message(wrong)).toMatch(/^job wrong: input ports: parameter direction: /)
    const limited = defineJob({ ...ports.spec, limit: 10 } as never)
    const reader = defineJob({ ...busy.spec, input: limited } as never)
    expect(message(limited)).toBe('compiled')
    expect(message(reader)).toMatch(/^job busy: input ports: limit: expected in a job whose result is the answer/)
  })

  it('knows the columns of stored results only from the store', () => {
    const job = defineJob({
      name: 'stored',
      description: 'x',
      input: 'results/ports',
      columns: { port: u16(), bytes: u64() },
      groupBy: { port: 'port' },
      aggregate: { bytes: sum('bytes') },
    })
    expect(message(job)).toBe("job stored: input: expected a dataset of the store, got 'results/ports'")
    const datasets = {
      'results/ports': [
        { name: 'port', type: 'u16' },
        { name: 'bytes', type: 'u53' },
      ] as const,
    }
    expect(message(job, {}, { datasets })).toBe('job stored: columns bytes: expected u53, as in results/ports, got u64')
    expect(message(define({ ...job.spec, columns: {} }), {}, { datasets })).toBe('compiled')
    expect(FLOW_COLUMNS.length).toBe(26)
  })
})
