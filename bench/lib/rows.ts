import { join } from 'node:path'
import type { Data } from './data.ts'
import type { Contender } from './measure.ts'
import type { Peer, Setting } from './setting.ts'
import { flowreduce } from './setting.ts'

/** One line of the table: our command against the fastest of the others. */
export interface Row {
  readonly work: string
  readonly goal: number
  readonly ours: Contender
  readonly peers: readonly Contender[]
}

const ENGINES: readonly Peer[] = ['duckdb', 'clickhouse', 'polars']

/** The queries of the benchmark. */
export function queryRows(setting: Setting, data: Data): Row[] {
  const ours = (job: string, store: string, columns: readonly string[]): Contender => ({
    name: `flowreduce ${store === data.avro ? 'Avro' : 'Parquet'}`,
    command: flowreduce(setting, 'run', job, '--store', `file:${store}`, '--top', '10', '--format', 'json', '--quiet'),
    answer: (output) => rowsOf(output, columns),
  })
  const file = (name: string): string => `${join(setting.root, 'bench', 'jobs.ts')}#${name}`
  const engines = (query: string, only: readonly Peer[] = ENGINES): Contender[] =>
    only
      .filter((peer) => setting.peers.includes(peer))
      .flatMap((peer) => [
        enginePeer(setting, peer, query, data.blocks, 'ours'),
        enginePeer(setting, peer, query, data.rewritten, 'its'),
      ])
  const nfdump = (name: string, ...args: string[]): Contender[] =>
    setting.peers.includes('nfdump')
      ? [{ name: `nfdump ${name}`, command: ['nfdump', '-R', data.nfdump, '-q', '-n', '10', ...args] }]
      : []
  const ports = ['port', 'bytes', 'packets', 'flows']
  return [
    {
      work: 'port breakdown over Avro',
      goal: 2,
      ours: ours('port-breakdown', data.avro, ports),
      peers: nfdump('-s dstport/bytes', '-s', 'dstport/bytes'),
    },
    { work: 'port breakdown', goal: 2, ours: ours('port-breakdown', data.parquet, ports), peers: engines('ports') },
    {
      work: 'bytes per /24',
      goal: 1.5,
      ours: ours(file('bench-subnets'), data.parquet, ['subnet', 'bytes', 'packets', 'flows']),
      peers: engines('subnets'),
    },
    {
      work: 'five-minute series',
      goal: 1.5,
      ours: ours(file('bench-series'), data.parquet, ['bin', 'bytes']),
      peers: engines('series'),
    },
    {
      work: 'filtered top 10',
      goal: 1.5,
      ours: ours(file('bench-filtered'), data.parquet, ['src', 'bytes']),
      peers: engines('filtered'),
    },
    {
      work: 'bytes per source and destination',
      goal: 1.5,
      ours: ours(file('bench-pairs'), data.parquet, ['src', 'dst', 'bytes']),
      peers: engines('pairs'),
    },
    {
      work: 'the same, every pair stored by us',
      goal: 1.5,
      ours: ours(file('bench-all-pairs'), data.parquet, ['src', 'dst', 'bytes']),
      peers: engines('pairs'),
    },
    {
      work: 'the same, against nfdump',
      goal: 10,
      ours: ours(file('bench-pairs'), data.parquet, ['src', 'dst', 'bytes']),
      peers: nfdump('-A srcip,dstip', '-A', 'srcip,dstip', '-O', 'bytes'),
    },
    {
      work: 'port breakdown as a TypeScript map',
      goal: 1,
      ours: ours(file('bench-ports-map'), data.parquet, ports),
      peers: engines('ports'),
    },
    {
      work: 'bytes per minute, prorated',
      goal: 3,
      ours: ours(file('bench-rates'), data.parquet, ['net', 'bin', 'bytes']),
      peers: engines('rates', ['duckdb']),
    },
    {
      work: 'the same by a TypeScript map, all of it stored by us',
      goal: 3,
      ours: ours(file('bench-rates-map'), data.parquet, ['net', 'bin', 'bytes']),
      peers: engines('rates', ['duckdb']),
    },
  ]
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

function numberOf(value: string | number): number {
  if (typeof value === 'number') return value
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return Date.parse(value)
  const octets = value.replace(/\/\d+$/, '').split('.')
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0)
}
