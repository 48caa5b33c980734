/**
 * npm run bench -- [--flows 20000000] [--large 80000000] [--rounds 5] [--rates 20000,...] [--only TEXT]: measures flowreduce and its peers on the same flows, whole commands
 * in turn, and writes bench/results.json and the table of docs/performance.md. Queries that take each contender about a second are asked of the large store.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Data } from './lib/data.ts'
import { makeData, sizeOf } from './lib/data.ts'
import { FeedBench } from './lib/feed.ts'
import type { Line } from './lib/line.ts'
import { feedLines, queryLine, s3Lines, tableOf } from './lib/line.ts'
import { knowOptions, numberOption, ratesOption, textOption } from './lib/options.ts'
import type { Row } from './lib/rows.ts'
import { longRows, shortRows } from './lib/rows.ts'
import { overMinio } from './lib/s3.ts'
import type { Setting } from './lib/setting.ts'
import { prepareSetting } from './lib/setting.ts'

knowOptions('flows', 'large', 'rounds', 'rates', 'only')
/** Flows that are sent again and again, at rising rates. */
const SENT_FLOWS = 4_000_000
const rounds = numberOption('rounds', 5)
const only = textOption('only', '')
const rates = ratesOption('20000,40000,50000,60000,70000,80000,90000,100000,120000')
const setting = prepareSetting({ flows: numberOption('flows', 20_000_000), rounds })
const large = prepareSetting({ flows: numberOption('large', 80_000_000), rounds })
const lines: Line[] = []

const isAsked = ({ work, peers }: Row): boolean => work.includes(only) && peers.length > 0
const report = (line: Line): void => {
  lines.push(line)
  const agree = line.agree ? '' : '; ANSWERS DIFFER'
  process.stdout.write(
    `${line.work}: ${line.ours}; ${line.peer}: ${line.ratio?.toFixed(2) ?? '-'} x, goal ${line.goal}${agree}\n`,
  )
}

const data = await makeData(setting)
for (const row of longRows(setting, data).filter(isAsked)) report(queryLine(row, setting))
const largeData = await makeData(large)
for (const row of shortRows(large, largeData).filter(isAsked)) report(queryLine(row, large))
if ('import, ingest, compact'.includes(only)) {
  const feed = {
    stored: new FeedBench(setting),
    sent: new FeedBench(prepareSetting({ flows: SENT_FLOWS, rounds })),
  }
  for (const line of await feedLines(feed, rates, setting.peers.includes('nfdump'))) report(line)
  feed.stored.close()
  feed.sent.close()
}
if ('MinIO'.includes(only)) for (const line of s3Lines(await overMinio(setting))) report(line)

const record = {
  date: new Date().toISOString(),
  machine: machine(),
  versions: versions(),
  sizes: sizes(setting, data),
  lines,
}
writeFileSync(join(setting.root, 'bench', 'results.json'), `${JSON.stringify(record, null, 2)}\n`)
process.stdout.write(`\n${tableOf(lines)}\n\n${JSON.stringify(record.sizes)}\n`)
if (lines.some(({ agree }) => !agree)) {
  process.stderr.write('bench: the answers differ, so the figures above mean nothing\n')
  process.exitCode = 1
}

/** Bytes per flow on disk of every form. */
function sizes({ flows, peers }: Setting, { avro, parquet, rewritten, nfdump }: Data): { [form: string]: number } {
  const perFlow = (bytes: number): number => Math.round((bytes / flows) * 100) / 100
  const found: { [form: string]: number } = {
    'flowreduce Avro': perFlow(sizeOf(avro, '.avro')),
    'flowreduce Parquet': perFlow(sizeOf(parquet, '.parquet')),
  }
  if (peers.includes('duckdb')) found['DuckDB Parquet'] = perFlow(sizeOf(rewritten))
  if (peers.includes('nfdump')) found['nfdump LZ4'] = perFlow(sizeOf(nfdump))
  return found
}

function machine(): { [name: string]: string | number } {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) }
}

function versions(): { [name: string]: string } {
  const script = 'import duckdb, chdb, polars; print(duckdb.__version__, chdb.__version__, polars.__version__)'
  const [duckdb = '', clickhouse = '', polars = ''] = spawnSync(setting.python, ['-c', script], { encoding: 'utf8' })
    .stdout.trim()
    .split(' ')
  const nfdump = spawnSync('nfdump', ['-V'], { encoding: 'utf8' }).stdout.trim()
  return { node: process.version, duckdb, 'clickhouse (chdb)': clickhouse, polars, nfdump }
}
