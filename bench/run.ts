import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { makeData, sizeOf } from './lib/data.ts'
import type { Measured } from './lib/measure.ts'
import { interleave } from './lib/measure.ts'
import { numberOption, textOption } from './lib/options.ts'
import type { Row } from './lib/rows.ts'
import { queryRows } from './lib/rows.ts'
import { prepareSetting } from './lib/setting.ts'

/**
 * npm run bench -- [--flows 20000000] [--rounds 5] [--only TEXT]: measures flowreduce and its peers on the same flows, whole commands in turn, and writes
 * bench/results.json and the table of docs/performance.md.
 */

interface Result {
  readonly work: string
  readonly goal: number
  readonly ours: Measured
  readonly peers: readonly Measured[]
  readonly best: string
  /** Our flows per second over those of the fastest peer. */
  readonly ratio: number
  readonly agree: boolean
}

const setting = prepareSetting({ flows: numberOption('flows', 20_000_000), rounds: numberOption('rounds', 5) })
const data = await makeData(setting)
const only = textOption('only', '')
const results: Result[] = []
for (const row of queryRows(setting, data)) {
  if (!row.work.includes(only) || row.peers.length === 0) continue
  const result = measureRow(row)
  results.push(result)
  process.stdout.write(`${lineOf(result)}\n`)
}
const record = {
  date: new Date().toISOString(),
  flows: setting.flows,
  machine: machine(),
  versions: versions(),
  sizes: sizes(),
  results,
}
writeFileSync(join(setting.root, 'bench', 'results.json'), `${JSON.stringify(record, null, 2)}\n`)
process.stdout.write(`\n${tableOf(results)}\n`)
if (results.some(({ agree }) => !agree)) {
  process.stderr.write('bench: the answers differ, so the figures above mean nothing\n')
  process.exitCode = 1
}

function measureRow({ work, goal, ours, peers }: Row): Result {
  const [mine, ...others] = interleave([ours, ...peers], setting.rounds, setting.data) as [Measured, ...Measured[]]
  const best = others.reduce((fastest, other) => (other.wall < fastest.wall ? other : fastest))
  const expected = JSON.stringify(mine.answer)
  const agree = others.every(({ answer }) => answer === undefined || JSON.stringify(answer) === expected)
  return { work, goal, ours: mine, peers: others, best: best.name, ratio: best.wall / mine.wall, agree }
}

function lineOf({ work, goal, ours, peers, best, ratio, agree }: Result): string {
  const figures = peers.map(({ name, wall }) => `${name} ${wall.toFixed(2)} s`).join(', ')
  return `${work}: ${ours.wall.toFixed(2)} s; ${figures}; ${ratio.toFixed(2)} x the fastest (${best}), goal ${goal}${agree ? '' : '; ANSWERS DIFFER'}`
}

function tableOf(rows: readonly Result[]): string {
  const perSecond = ({ wall }: Measured): string => `${(setting.flows / wall / 1e6).toFixed(1)} M`
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
  return [
    '| work | flowreduce, flows/s | fastest peer | its flows/s | ratio | goal | our CPU s | its CPU s | our peak memory |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(({ work, ours, peers, best, ratio, goal }) => {
      const peer = peers.find(({ name }) => name === best)!
      return `| ${work} | ${perSecond(ours)} | ${best} | ${perSecond(peer)} | ${ratio.toFixed(2)} | ${goal} | ${ours.cpu.toFixed(2)} | ${peer.cpu.toFixed(2)} | ${megabytes(ours.peakBytes)} |`
    }),
  ].join('\n')
}

/** Bytes per flow on disk of every form. */
function sizes(): { [form: string]: number } {
  const perFlow = (bytes: number): number => Math.round((bytes / setting.flows) * 100) / 100
  const found: { [form: string]: number } = {
    'flowreduce Avro': perFlow(sizeOf(data.avro, '.avro')),
    'flowreduce Parquet': perFlow(sizeOf(data.parquet, '.parquet')),
  }
  if (setting.peers.includes('duckdb')) found['DuckDB Parquet'] = perFlow(sizeOf(data.rewritten))
  if (setting.peers.includes('nfdump')) found['nfdump LZ4'] = perFlow(sizeOf(data.nfdump))
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
