import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the benchmark finds its programs and keeps its data. */
export interface Setting {
  readonly root: string
  readonly data: string
  readonly flows: number
  readonly rounds: number
  readonly python: string
  readonly send: string
  readonly peers: readonly Peer[]
}

export type Peer = 'duckdb' | 'clickhouse' | 'polars' | 'nfdump'

const PACKAGES: { readonly [P in Peer]?: string } = { duckdb: 'duckdb', clickhouse: 'chdb', polars: 'polars' }

/** Prepares the peers and the data folder; peers that cannot be had are left out and named. */
export function prepareSetting({ flows, rounds }: { flows: number; rounds: number }): Setting {
  // The bundled benchmark runs from dist/scripts.
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const cache = process.env.FLOWREDUCE_CACHE ?? join(homedir(), '.cache', 'flowreduce')
  const data = join(process.env.FLOWREDUCE_BENCH_DATA ?? join(tmpdir(), 'flowreduce-bench'), String(flows))
  mkdirSync(data, { recursive: true })
  const python = execFileSync(join(root, 'bench', 'setup.sh'), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
  const has = (peer: Peer): boolean => {
    const name = PACKAGES[peer]
    const { status } = name ? spawnSync(python, ['-c', `import ${name}`]) : spawnSync('nfdump', ['-V'])
    if (status !== 0) process.stderr.write(`bench: ${peer} is missing and left out\n`)
    return status === 0
  }
  const peers = (['duckdb', 'clickhouse', 'polars', 'nfdump'] as const).filter(has)
  return { root, data, flows, rounds, python, send: join(cache, 'bench-send'), peers }
}

/** Runs a step whose product is kept: it is skipped when `product` is there. */
export function once(product: string, step: () => void): void {
  if (existsSync(product)) return
  process.stderr.write(`bench: making ${product}\n`)
  step()
}

export const flowreduce = ({ root }: Setting, ...args: string[]): string[] => [
  process.execPath,
  join(root, 'dist', 'cli.js'),
  ...args,
]

export function run(command: readonly string[]): string {
  const [program = '', ...args] = command
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 })
}
