import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One run of a whole command. */
export interface Measurement {
  /** Seconds. */
  readonly wall: number
  readonly cpu: number
  readonly peakBytes: number
}

/** A command to measure, and what its output means. */
export interface Contender {
  readonly name: string
  readonly command: readonly string[]
  readonly env?: { readonly [name: string]: string }
  /** The working folder, where it is not that of the benchmark: a configuration is found from there. */
  readonly folder?: string
  /** The answer in a form that all contenders of a row share; undefined when its output is not compared. */
  answer?(output: string): unknown
}

export interface Measured {
  readonly name: string
  readonly runs: readonly Measurement[]
  readonly wall: number
  readonly cpu: number
  readonly peakBytes: number
  readonly answer: unknown
}

/** Runs the contenders in turn, A B C A B C ..., after one round that is not counted; medians of `rounds`. */
export function interleave(contenders: readonly Contender[], rounds: number, workFolder: string): Measured[] {
  for (const contender of contenders) measure(contender, workFolder)
  return countedRounds(contenders, rounds, workFolder)
}

/** Peers that take longer than this many times the fastest in the first round run no further. */
const HOPELESS = 1.5

/** As `interleave`, ours against peers: of the peers only those that came near the fastest run after the first round, which is all that is known of the others. */
export function race(ours: Contender, peers: readonly Contender[], rounds: number, workFolder: string): Measured[] {
  const [, ...first] = countedRounds([ours, ...peers], 1, workFolder)
  const limit = Math.min(...first.map(({ wall }) => wall)) * HOPELESS
  const isNear = peers.map((_, i) => first[i]!.wall <= limit)
  const measured = countedRounds([ours, ...peers.filter((_, i) => isNear[i])], rounds, workFolder)
  const [mine, ...near] = measured
  return [mine!, ...first.map((once, i) => (isNear[i] ? near.shift()! : once))]
}

function countedRounds(contenders: readonly Contender[], rounds: number, workFolder: string): Measured[] {
  const runs = contenders.map((): Measurement[] => [])
  const answers: unknown[] = []
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const { measurement, output } = measure(contender, workFolder)
      runs[i]!.push(measurement)
      answers[i] = contender.answer?.(output)
    }
  }
  return contenders.map(({ name }, i) => ({ name, runs: runs[i]!, ...medians(runs[i]!), answer: answers[i] }))
}

/** Runs one command once. Throws when it fails. */
export function measure(
  { name, command, env = {}, folder }: Contender,
  workFolder: string,
): { measurement: Measurement; output: string } {
  const file = join(workFolder, 'output')
  const wrapper = new URL('../../bench/measure.py', import.meta.url).pathname
  const { stdout, stderr, status } = spawnSync('python3', [wrapper, file, ...command], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    ...(folder !== undefined && { cwd: folder }),
    maxBuffer: 1 << 26,
  })
  const result = status === 0 ? (JSON.parse(stdout) as Measurement & { status: number }) : undefined // measure.py prints these fields
  if (result?.status !== 0) throw new Error(`bench: ${name} failed: ${command.join(' ')}\n${stderr}`)
  return { measurement: result, output: readFileSync(file, 'utf8') }
}

/** Medians of wall and CPU seconds, and the highest peak. */
export function medians(runs: readonly Measurement[]): Measurement {
  return {
    wall: median(runs.map((run) => run.wall)),
    cpu: median(runs.map((run) => run.cpu)),
    peakBytes: Math.max(...runs.map((run) => run.peakBytes)),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
