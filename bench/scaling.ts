import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeData } from './lib/data.ts'
import type { Measured } from './lib/measure.ts'
import { interleave } from './lib/measure.ts'
import { knowOptions, numberOption, textOption } from './lib/options.ts'
import { flowreduce, prepareSetting } from './lib/setting.ts'

/**
 * npm run bench:scaling -- [--flows 5000000,20000000,80000000] [--rounds 3] [--job port-breakdown]: the same job with one worker and with two over ever more compacted
 * flows, and where the time per flow goes by the trace that the run leaves.
 */

/** Time of all attempts of a kind together, milliseconds, as the trace of a run has it. */
interface Parts {
  /** From the start of the process to the first attempt. */
  start: number
  read: number
  map: number
  write: number
  reduce: number
  result: number
}

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly ts: number
  readonly dur?: number
  readonly args?: {
    readonly outcome?: string
    readonly readMs: number
    readonly computeMs: number
    readonly writeMs: number
  }
}

knowOptions('flows', 'rounds', 'job')
const rounds = numberOption('rounds', 3)
const job = textOption('job', 'port-breakdown')
const lines = [
  '| flows | workers | seconds | flows/s | CPU s | peak memory | start | read, decode | map, aggregate | write run files | reduce, merge | result |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
]
for (const flows of textOption('flows', '5000000,20000000,80000000').split(',').map(Number)) {
  const setting = prepareSetting({ flows, rounds })
  const { parquet } = await makeData(setting, { forNfdump: false })
  const contenders = [1, 2].map((workers) => ({
    name: String(workers),
    command: flowreduce(
      setting,
      ...['run', job, '--store', `file:${parquet}`, '--top', '10', '--quiet', '--workers', String(workers)],
    ),
  }))
  for (const [i, measured] of interleave(contenders, rounds, setting.data).entries())
    lines.push(lineOf(flows, i + 1, measured, lastTrace(parquet, i + 1)))
}
process.stdout.write(`${lines.join('\n')}\n`)

function lineOf(flows: number, workers: number, { wall, cpu, peakBytes }: Measured, parts: Parts): string {
  const perFlow = (ms: number): string => `${((ms * 1e6) / flows).toFixed(1)} ns`
  const work = [parts.read, parts.map, parts.write, parts.reduce, parts.result].map(perFlow)
  const whole = [`${(flows / wall / 1e6).toFixed(1)} M`, cpu.toFixed(2), `${Math.round(peakBytes / 1e6)} MB`]
  const cells = [
    `${flows / 1e6} M`,
    workers,
    wall.toFixed(2),
    ...whole,
    `${(parts.start / 1000).toFixed(2)} s`,
    ...work,
  ]
  return `| ${cells.join(' | ')} |`
}

/** The parts of the newest run with so many workers. */
function lastTrace(store: string, workers: number): Parts {
  const folder = join(store, 'runs')
  const runs = readdirSync(folder).sort().reverse()
  const run = runs.find((name) => environmentOf(join(folder, name)).resources.workers === workers)
  if (!run) throw new Error(`bench: no run with ${workers} workers in ${folder}`)
  const { traceEvents } = JSON.parse(readFileSync(join(folder, run, 'trace.json'), 'utf8')) as {
    traceEvents: TraceEvent[]
  } // what a run leaves
  const done = traceEvents.filter(({ ph, args }) => ph === 'X' && args?.outcome === 'committed')
  const parts: Parts = { start: Number.POSITIVE_INFINITY, read: 0, map: 0, write: 0, reduce: 0, result: 0 }
  for (const { name, ts, dur = 0, args } of done) {
    parts.start = Math.min(parts.start, ts / 1000)
    if (name.startsWith('result')) parts.result += dur / 1000
    else if (name.includes('-reduce-')) parts.reduce += dur / 1000
    else if (args) {
      parts.read += args.readMs
      parts.map += args.computeMs
      parts.write += args.writeMs
    }
  }
  return parts
}

function environmentOf(run: string): { resources: { workers: number } } {
  return JSON.parse(readFileSync(join(run, 'environment.json'), 'utf8')) as { resources: { workers: number } } // what a run leaves
}
