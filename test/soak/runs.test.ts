import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClaimRegistry } from '../../src/runtime/admission/registry.ts'
import { parseChaos } from '../../src/runtime/chaos/chaos.ts'
import type { RunEvent } from '../../src/runtime/run/events.ts'
import type { RunOptions } from '../../src/runtime/run/options.ts'
import type { StoredOutcome } from '../../src/runtime/run/outcome.ts'
import { resumeRun, storedOutcome } from '../../src/runtime/run/resume.ts'
import { listRuns } from '../../src/runtime/run/runs.ts'
import { TEMPORARY_FOLDER } from '../../src/storage/file-store.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { Started } from '../e2e/command.ts'
import { random32, testFlows } from '../kit/flow-store.ts'
import type { RunKit } from '../kit/run-kit.ts'
import { bytesOf, createRunKit } from '../kit/run-kit.ts'
import { faultyStore } from '../storage/faulty-store.ts'
import { soakCount } from './count.ts'

/**
 * Runs of every shape of job with faults by chance: workers die, attempts double, run files and store calls fail, the coordinator is killed by signal 9 or its store fails,
 * and it is resumed. Every result and counter is that of an undisturbed run in one thread. A case follows from its seed: FLOWREDUCE_SEED=N FLOWREDUCE_RUNS=1 runs it alone.
 */

const RUNS = soakCount({ full: 200, sample: 10, variable: 'FLOWREDUCE_RUNS' })
const SEED = Number(process.env.FLOWREDUCE_SEED ?? 1)

const JOBS = [
  ['stages.ts', 'per-pair'],
  ['trouble.ts', 'troubled-sums'],
  ['trouble.ts', 'troubled-scans'],
  ['stages.ts', 'sources-per-port'],
] as const
const CHAOS = 'kill-worker=0.1,slow-task=0.05,fail-store=0.1,duplicate-attempt=0.1,corrupt-run-file=0.1'
const KINDS = ['workers', 'workers', 'inline', 'store', 'kill'] as const

interface Case {
  readonly seed: number
  readonly kind: (typeof KINDS)[number]
  readonly job: (typeof JOBS)[number]
  readonly splitBytes: number
  readonly partitions: number
  readonly workers: number
  /** Decides when the coordinator is killed, or which call of its store fails. */
  readonly moment: number
}

function caseOf(seed: number): Case {
  const draw = random32(seed)
  const pick = <T>(values: readonly T[]): T => values[draw() % values.length]!
  return {
    ...{ seed, kind: pick(KINDS), job: pick(JOBS), splitBytes: pick([4000, 9000]), partitions: pick([1, 3]) },
    ...{ workers: pick([1, 2, 3]), moment: draw() / 2 ** 32 },
  }
}

let kit: RunKit
beforeAll(async () => {
  kit = await createRunKit(testFlows(400))
  mkdirSync(join(kit.folder, 'tmp'))
})
afterAll(() => kit.remove())

const shapeOf = ({ splitBytes, partitions }: Case) => ({ splitBytes, partitions, rowsPerBlock: 262_144 })
const oracles = new Map<string, StoredOutcome>()

async function oracleOf(given: Case): Promise<StoredOutcome> {
  const key = JSON.stringify([given.job, shapeOf(given)])
  const known = oracles.get(key)
  if (known) return known
  const outcome = await kit.run(await kit.job(given.job[0], given.job[1]), { ...shapeOf(given), runner: 'inline' })
  oracles.set(key, outcome)
  return outcome
}

const chaosOf = ({ seed }: Case) => ({ ...parseChaos(CHAOS, seed), slowMs: 100 })

async function carryOut(given: Case): Promise<StoredOutcome> {
  const { kind, workers, job } = given
  if (kind === 'kill') return killAndResume(given)
  if (kind === 'store') return failAndResume(given)
  const runner = kind === 'inline' ? 'inline' : 'local'
  return kit.run(await kit.job(job[0], job[1]), { ...shapeOf(given), chaos: chaosOf(given), runner, workers })
}

/** The store of the coordinator fails at one call, before or after its effect; then the run is resumed, or run again when there was none yet. */
async function failAndResume(given: Case): Promise<StoredOutcome> {
  const { moment, job } = given
  const at = Math.floor(moment * 60)
  const when = moment % 0.02 < 0.01 ? 'before' : 'after'
  const store = faultyStore(kit.store, ({ index }) => (index === at ? when : undefined))
  const options: Partial<RunOptions> = { ...shapeOf(given), chaos: chaosOf(given), runner: 'inline' }
  let run: string | undefined
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'planned') run = event.run
  }
  const source = await kit.job(job[0], job[1])
  try {
    const manifest = await openManifest(store, { system: kit.system })
    return await kit.run(source, { ...options, store, manifest, onEvent })
  } catch {
    const { manifest, system, scratch } = kit
    const known = run !== undefined && (await started(run))
    if (!known) return kit.run(source, options)
    return resumeRun({ store: kit.store, manifest, system, scratch, run: run!, runner: 'inline' })
  }
}

async function started(run: string): Promise<boolean> {
  return (await runs()).some((summary) => summary.run === run)
}

async function runs() {
  const all = []
  for await (const summary of listRuns(kit)) all.push(summary)
  return all
}

/** The command line runs the job, is killed by signal 9, and resumes what it left. */
async function killAndResume(given: Case): Promise<StoredOutcome> {
  const { job, splitBytes, partitions, workers, moment, seed } = given
  const file = fileURLToPath(new URL(`../runtime/jobs/${job[0]}`, import.meta.url))
  const common = ['--store', kit.store.url, '--scratch', kit.scratch, '--chaos', CHAOS, '--seed', String(seed)]
  const before = new Set((await runs()).map(({ run }) => run))
  const shape = ['--split-size', String(splitBytes), '--partitions', String(partitions), '--workers', String(workers)]
  const request = ['run', `${file}#${job[1]}`, ...shape, ...common]
  // A machine of its own.
  const env = { TMPDIR: join(kit.folder, 'tmp') }
  const first = new Started(request, { env })
  const timer = setTimeout(() => first.kill('SIGKILL'), 500 + moment * 2500)
  await first.finished
  clearTimeout(timer)
  const left = (await runs()).find(({ run }) => !before.has(run))
  const second = await new Started(left ? ['resume', left.run, ...common] : request, { env }).finished
  if (second.code !== 0) throw new Error(`seed ${seed}: ${second.stderr}`)
  const run = left?.run ?? (await runs()).find((summary) => !before.has(summary.run))?.run ?? ''
  const outcome = await storedOutcome(kit.store, run)
  if (!outcome) throw new Error(`seed ${seed}: run ${run} left no outcome`)
  return outcome
}

/** What a killed writer had begun to write to the store is cleared by a later writer once it is a day old: so it is made to be. */
async function clearTemporary(): Promise<void> {
  const longAgo = new Date(Date.now() - 2 * 24 * 3_600_000)
  for (const path of files(join(kit.folder, 'store', TEMPORARY_FOLDER))) utimesSync(path, longAgo, longAgo)
  const store = await openStore(kit.store.url)
  await store.write('soak/later', new Uint8Array())
}

/** What runs that are over have left: files of their own, claims on the machine, files that were being written to the store, and processes. */
function left(): string[] {
  const temporary = join(kit.folder, 'tmp')
  const machine = join(temporary, `flowreduce-${userInfo().uid}`)
  const isVersion = (path: string): boolean => path.startsWith(join(machine, 'claims')) && path.endsWith('.json')
  const claims = new ClaimRegistry(join(machine, 'claims')).claims().map((claim) => JSON.stringify(claim))
  const found = [kit.scratch, temporary, join(kit.folder, 'store', TEMPORARY_FOLDER)].flatMap(files)
  return [...found.filter((path) => !isVersion(path)), ...claims, ...processes()]
}

function files(folder: string): string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
}

/** Command lines of processes that still have something to do with the folder of the test. */
function processes(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return text.includes(kit.folder) ? [text] : []
    } catch {
      return []
    }
  })
}

describe('runs under faults', () => {
  it(`${RUNS} of them (first seed ${SEED}) give the bytes and counters of undisturbed ones, and leave nothing behind`, async () => {
    const counts: { [kind: string]: number } = {}
    const injected: { [fault: string]: number } = {}
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const given = caseOf(seed)
      const expected = await oracleOf(given)
      const context = JSON.stringify(given)
      const outcome = await carryOut(given).catch((error) => {
        throw new Error(`case ${context} failed: ${error instanceof Error ? error.message : error}`, { cause: error })
      })
      expect(bytesOf(outcome), context).toEqual(bytesOf(expected))
      expect(outcome.counters, context).toEqual(expected.counters)
      expect(outcome.userCounters, context).toEqual(expected.userCounters)
      counts[given.kind] = (counts[given.kind] ?? 0) + 1
      await clearTemporary()
      expect(left(), context).toEqual([])
      for (const [fault, count] of Object.entries(outcome.chaos?.injected ?? {}))
        injected[fault] = (injected[fault] ?? 0) + count
    }
    console.log(`runs ${RUNS}, first seed ${SEED}: ${JSON.stringify(counts)}, injected ${JSON.stringify(injected)}`)
  })
})
