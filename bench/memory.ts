/**
 * Whether a run keeps to `--memory`: peak resident memory of the whole process, as the kernel counts it, under several bounds, for the job with the most groups (bytes per source,
 * destination and minute: more groups than flows) and for a custom reduce with all flows in one group, its values sorted. The goal is a peak of at most 1.3 x the bound; the rows
 * printed must be the same under each.
 *
 *   npm run build && node scripts/run-ts.mjs bench/memory.ts [flows] [bound ...]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseSize } from '../src/flow/size.ts'
import { makeData } from './lib/data.ts'
import { measure } from './lib/measure.ts'
import { flowreduce, prepareSetting } from './lib/setting.ts'

const GOAL = 1.3
const [flows = '20000000', ...given] = process.argv.slice(2)
const bounds = given.length > 0 ? given : ['256MB', '512MB', '1GB']
const setting = prepareSetting({ flows: Number(flows), rounds: 1 })
const data = await makeData(setting, { forNfdump: false })
const work = join(setting.data, 'memory')
mkdirSync(work, { recursive: true })

const JOBS = [
  ['bytes-per-second', '--set', 'bin=1m'],
  [join(setting.root, 'bench', 'jobs.ts#bench-one-group')],
] as const

console.log('| job | --memory | peak | of the bound | wall s | CPU s |\n| --- | --- | --- | --- | --- | --- |')
for (const job of JOBS) {
  const answers = new Set<string>()
  const name = job[0].replace(/.*#/, '')
  for (const bound of bounds) {
    const args = [...job, '--memory', bound, '--store', `file:${data.parquet}`]
    const command = flowreduce(setting, 'run', ...args, '--top', '1000', '--format', 'csv', '--quiet')
    const { measurement, output } = measure({ name: bound, command }, work)
    const { peakBytes, wall, cpu } = measurement
    answers.add(output)
    const ratio = peakBytes / parseSize(bound)
    const cells = [
      name,
      bound,
      `${Math.round(peakBytes / 1e6)} MB`,
      `${ratio.toFixed(2)} x`,
      wall.toFixed(1),
      cpu.toFixed(1),
    ]
    console.log(`| ${cells.join(' | ')} |`)
    if (ratio > GOAL) process.exitCode = 1
  }
  if (answers.size !== 1)
    throw new Error(`memory: rows of ${name} expected the same under every bound, got ${answers.size} answers`)
}
