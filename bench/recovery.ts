/**
 * What a failure costs: the time of a run in which a worker dies in the middle of a map task, of one in which it dies in the middle of a reduce task, and of one whose coordinator
 * is killed by signal 9 when half of the map tasks are committed and that is then resumed, against an undisturbed run of the same job; in turn, medians. All must print the same.
 *
 *   npm run bench:recovery -- [--flows 5000000] [--rounds 5]
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from './lib/measure.ts'
import { knowOptions, numberOption } from './lib/options.ts'

knowOptions('flows', 'rounds')
const flows = numberOption('flows', 5_000_000)
const rounds = numberOption('rounds', 5)
/** Map tasks: several for each of two workers. */
const SPLITS = 12
const PARTITIONS = 4
const POLL_MS = 5

// The bundled benchmark runs from dist/scripts.
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bench-recovery-'))
const store = `file:${join(folder, 'store')}`
const common = ['--store', store, '--scratch', join(folder, 'scratch'), '--format', 'csv', '--quiet']

/** In which function of the job a worker dies, and at which call of it. */
interface Death {
  readonly dies: 'never' | 'map' | 'reduce'
  readonly at: number
}

const NEVER: Death = { dies: 'never', at: 0 }
const IN_MAP: Death = { dies: 'map', at: Math.floor(flows / SPLITS / 2) }
const IN_REDUCE: Death = { dies: 'reduce', at: 1000 }

let markers = 0

function runArguments({ dies, at }: Death, splitBytes: number): string[] {
  const marker = join(folder, `marker-${markers++}`)
  const set = [`dies=${dies}`, `at=${at}`, `marker=${marker}`].flatMap((text) => ['--set', text])
  const shape = ['--split-size', String(splitBytes), '--partitions', String(PARTITIONS), '--workers', '2']
  return ['run', `${join(root, 'bench', 'jobs.ts')}#bench-mortal`, ...set, ...shape, ...common]
}

/** A command that was started, and what it prints when it ends. */
function start(args: readonly string[]): { readonly kill: () => void; readonly output: Promise<string> } {
  const child = spawn(process.execPath, [join(root, 'dist', 'cli.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const output = new Promise<string>((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(text)
      else reject(new Error(`bench: expected exit 0, got ${code}: ${args.join(' ')}`))
    })
  })
  return { kill: () => void child.kill('SIGKILL'), output }
}

const runsNow = (): string[] =>
  existsSync(join(folder, 'store', 'runs')) ? readdirSync(join(folder, 'store', 'runs')) : []

function committed(run: string): number {
  const journal = join(folder, 'store', 'runs', run, 'journal')
  return existsSync(journal) ? readdirSync(journal).length : 0
}

/** Starts the job, kills its coordinator when half of its map tasks are committed, and resumes it. */
async function killAndResume(splitBytes: number): Promise<string> {
  const before = new Set(runsNow())
  const first = start(runArguments(NEVER, splitBytes))
  let run: string | undefined
  while (run === undefined || committed(run) < SPLITS / 2) {
    await sleep(POLL_MS)
    run ??= runsNow().find((name) => !before.has(name))
  }
  first.kill()
  await first.output
  return start(['resume', run, '--workers', '2', ...common]).output
}

/** Seconds of CPU that the processes started here have used and that have ended: fields 16 and 17 of /proc/self/stat, in hundredths. */
function cpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) / 100
}

try {
  const capture = join(folder, 'flows.pcap')
  const flowreduce = (...args: string[]): string =>
    execFileSync(process.execPath, [join(root, 'dist', 'cli.js'), ...args], { encoding: 'utf8' })
  flowreduce('simulate', '--target', capture, '--flows', String(flows), '--protocol', 'v5', '--seed', '1', '--quiet')
  flowreduce('import', capture, '--store', store, '--quiet')
  const { bytes } = JSON.parse(flowreduce('fs', 'stat', 'flows', '--store', store, '--format', 'json')) as {
    bytes: number
  } // what fs stat prints
  const splitBytes = Math.ceil(bytes / SPLITS)
  const contenders = [
    { name: 'undisturbed', go: () => start(runArguments(NEVER, splitBytes)).output },
    { name: 'a worker dies in a map task', go: () => start(runArguments(IN_MAP, splitBytes)).output },
    { name: 'a worker dies in a reduce task', go: () => start(runArguments(IN_REDUCE, splitBytes)).output },
    { name: 'the coordinator is killed and resumed', go: () => killAndResume(splitBytes) },
  ]
  const seconds = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }))
  const answers = new Set<string>()
  for (let round = 0; round <= rounds; round++)
    for (const [i, { go }] of contenders.entries()) {
      const [started, used] = [performance.now(), cpuSeconds()]
      answers.add(await go())
      if (round === 0) continue
      seconds[i]!.wall.push((performance.now() - started) / 1000)
      seconds[i]!.cpu.push(cpuSeconds() - used)
    }
  if (answers.size !== 1) throw new Error(`bench: rows expected the same, got ${answers.size} answers`)
  if (
    markers !== 4 * (rounds + 1) ||
    readdirSync(folder).filter((name) => name.startsWith('marker-')).length !== 2 * (rounds + 1)
  )
    throw new Error('bench: a worker expected to die in every round, got one that did not')
  const load = loadavg()[0]?.toFixed(1)
  console.log(`${flows} flows, ${SPLITS} map and ${PARTITIONS} reduce tasks, medians of ${rounds}, load ${load}\n`)
  console.log('| run | wall s | of undisturbed | CPU s | of undisturbed |\n| --- | --- | --- | --- | --- |')
  const medians = seconds.map(({ wall, cpu }) => [median(wall), median(cpu)])
  for (const [i, { name }] of contenders.entries()) {
    const cells = medians[i]!.flatMap((value, j) => [value.toFixed(2), `${(value / medians[0]![j]!).toFixed(2)} x`])
    console.log(`| ${[name, ...cells].join(' | ')} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
