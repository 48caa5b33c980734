import { join } from 'node:path'
import type { Data } from './data.ts'
import type { Contender } from './measure.ts'
import type { Peer, Setting } from './setting.ts'
import { flowreduce } from './setting.ts'

/** One line of the table: our command against the fastest of the others. */
export interface Row {
  readonly work: string
  /** Flows that each contender goes through. */
  readonly flows: number
  readonly goal: number
  readonly ours: Contender
  readonly peers: readonly Contender[]
}

const ENGINES: readonly Peer[] = ['duckdb', 'clickhouse', 'polars']
const PORTS = ['port', 'bytes', 'packets', 'flows']
/** Where nfdump's CSV has the values of a row: of a statistic, and of aggregated flows. */
const NFDUMP_PORTS = [4, 9, 7, 5]
const NFDUMP_PAIRS = [3, 4, 12]

/** The queries over so many flows that starting does not blur them: what takes each contender about a second otherwise. */
export function shortRows(setting: Setting, data: Data): Row[] {
  const { job, engines } = contenders(setting, data)
  const row = (work: string, goal: number, ours: Contender, query: string): Row => ({
    ...{ work, flows: setting.flows, goal, ours },
    peers: engines(query),
  })
  return [
    avroRow(setting, data),
    row('port breakdown', 2, job('port-breakdown', PORTS), 'ports'),
    row('bytes per /24', 1.5, job('#bench-subnets', ['subnet', 'bytes', 'packets', 'flows']), 'subnets'),
    row('five-minute series', 1.5, job('#bench-series', ['bin', 'bytes']), 'series'),
    row('filtered top 10', 1.5, job('#bench-filtered', ['src', 'bytes']), 'filtered'),
    row('port breakdown as a TypeScript map', 1, job('#bench-ports-map', PORTS), 'ports'),
  ]
}

/** The queries that take long enough by themselves. */
export function longRows(setting: Setting, data: Data): Row[] {
  const { job, engines, nfdump } = contenders(setting, data)
  const { flows } = setting
  const pairs = ['src', 'dst', 'bytes']
  const rates = ['net', 'bin', 'bytes']
  return [
    avroRow(setting, data),
    {
      ...{ work: 'ten largest pairs of source and destination', flows, goal: 1.5, ours: job('#bench-pairs', pairs) },
      peers: engines('pairs'),
    },
    {
      ...{ work: 'the same, every pair stored by us', flows, goal: 1.5, ours: job('#bench-all-pairs', pairs) },
      peers: engines('pairs'),
    },
    {
      ...{ work: 'ten largest pairs, against nfdump', flows, goal: 10, ours: job('#bench-pairs', pairs) },
      peers: nfdump('-A srcip,dstip', NFDUMP_PAIRS, '-A', 'srcip,dstip', '-O', 'bytes'),
    },
    {
      ...{ work: 'bytes per minute, prorated', flows, goal: 3, ours: job('#bench-rates', rates) },
      peers: engines('rates', ['duckdb']),
    },
    {
      ...{
        work: 'prorated by a TypeScript map, all stored by us',
        flows,
        goal: 3,
        ours: job('#bench-rates-map', rates),
      },
      peers: engines('rates', ['duckdb']),
    },
  ]
}

function avroRow(setting: Setting, data: Data): Row {
  const { job, nfdump } = contenders(setting, data)
  return {
    ...{ work: 'port breakdown over Avro', flows: setting.flows, goal: 2 },
    ours: job('port-breakdown', PORTS, data.avro),
    peers: nfdump('-s dstport/bytes', NFDUMP_PORTS, '-s', 'dstport/bytes'),
  }
}

interface Contenders {
  /** Our run of a job, built in or (`#name`) of bench/jobs.ts, over the Parquet store unless another is given. */
  job(name: string, columns: readonly string[], store?: string): Contender
  engines(query: string, only?: readonly Peer[]): Contender[]
  /** nfdump, whose CSV has what is compared in these places. */
  nfdump(name: string, places: readonly number[], ...args: string[]): Contender[]
}

function contenders(setting: Setting, data: Data): Contenders {
  const { root, peers } = setting
  return {
    job(name, columns, store = data.parquet) {
      const job = name.startsWith('#') ? join(root, 'bench', 'jobs.ts') + name : name
      const options = ['--store', `file:${store}`, '--top', '10', '--format', 'json', '--quiet']
      return {
        name: `flowreduce ${store === data.avro ? 'Avro' : 'Parquet'}`,
        command: flowreduce(setting, 'run', job, ...options),
        answer: (output) => rowsOf(output, columns),
      }
    },
    engines: (query, only = ENGINES) =>
      only
        .filter((peer) => peers.includes(peer))
        .flatMap((peer) => [
          enginePeer(setting, peer, query, data.blocks, 'ours'),
          enginePeer(setting, peer, query, data.rewritten, 'its'),
        ]),
    nfdump: (name, places, ...args) =>
      peers.includes('nfdump')
        ? [
            {
              name: `nfdump ${name}`,
              command: ['nfdump', '-R', data.nfdump, '-q', '-n', '10', '-o', 'csv', ...args],
              answer: (output) => nfdumpRows(output, places),
            },
          ]
        : [],
  }
}

function enginePeer(setting: Setting, peer: Peer, query: string, glob: string, layout: 'ours' | 'its'): Contender {
  return {
    name: `${peer}, ${layout === 'ours' ? 'our files' : 'its layout'}`,
    command: [setting.python, join(setting.root, 'bench', 'peers', 'query.py'), peer, query, glob, layout],
    answer: (output) => JSON.parse(output),
  }
}

/** Our rows as the peers print theirs: numbers, addresses as integers, times as milliseconds. */
function rowsOf(output: string, columns: readonly string[]): unknown {
  const { rows } = JSON.parse(output) as { rows: { [column: string]: string | number }[] } // what `run --format json` prints
  return rows.map((row) => columns.map((column) => numberOf(row[column] ?? '')))
}

/** nfdump's rows as the others print theirs. */
export function nfdumpRows(output: string, places: readonly number[]): number[][] {
  const rows = output.split('\n').filter((line) => /^\d/.test(line))
  return rows.map((line) => places.map((place) => numberOf(line.split(',')[place]!.trim())))
}

function numberOf(value: string | number): number {
  if (typeof value === 'number') return value
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return Date.parse(value)
  const octets = value.replace(/\/\d+$/, '').split('.')
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0)
}
