/**
 * The same jobs over files and over a MinIO on loopback, whose folder lies on the same disk, and how fast that server hands out the same bytes to a
 * reader that does nothing with them.
 *
 *   npm run build && node scripts/run-ts.mjs bench/s3.ts [flows] [rounds]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { openStore } from '../src/storage/open.ts'
import { BUCKET, startServer } from '../test/servers/servers.ts'
import { type Contender, interleave } from './lib/measure.ts'

const FLOWS = Number(process.argv[2] ?? 5_000_000)
const ROUNDS = Number(process.argv[3] ?? 3)
const RANGE_BYTES = 4 << 20
const READERS = 4
const GOAL = 0.7

const cli = new URL('../../dist/cli.js', import.meta.url).pathname
const flowreduce = (...args: string[]): string[] => [process.execPath, cli, ...args]
const run = (...args: string[]): void => {
  const [program = '', ...rest] = flowreduce(...args, '--quiet')
  execFileSync(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const folder = mkdtempSync(join(tmpdir(), 'bench-s3-'))
const server = await startServer('minio')
try {
  const capture = join(folder, 'flows.pcap')
  run('simulate', '--target', capture, '--flows', String(FLOWS), '--protocol', 'v5', '--seed', '1')
  for (const form of ['avro', 'parquet']) {
    const stores = {
      file: `file:${folder}/${form}`,
      minio: `s3://${BUCKET}/${form}?endpoint=${server.endpoint}`,
    }
    for (const store of Object.values(stores)) {
      run('import', capture, '--store', store)
      if (form === 'parquet') run('compact', '--all', '--store', store)
    }
    const contenders = Object.entries(stores).map(
      ([name, store]): Contender => ({
        name,
        command: flowreduce('run', 'port-breakdown', '--store', store, '--top', '10', '--format', 'json', '--quiet'),
        answer: (output) => JSON.parse(output).rows,
      }),
    )
    const measured = interleave(contenders, ROUNDS, folder)
    const [file, minio] = measured
    if (!file || !minio) throw new Error('bench: two contenders expected')
    if (JSON.stringify(file.answer) !== JSON.stringify(minio.answer)) throw new Error('bench: answers differ')
    const figures = measured.map(({ name, wall, cpu }) => `${name} ${wall.toFixed(2)} s (${cpu.toFixed(2)} s of CPU)`)
    const ratio = file.wall / minio.wall
    console.log(`${form}: ${figures.join(', ')}: ${ratio.toFixed(2)} x, goal ${GOAL}`)
    console.log(`${form}: ${await readLimit(stores.minio)}`)
  }
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** Reads every block in ranges, a few at a time, and drops the bytes. */
async function readLimit(url: string): Promise<string> {
  const store = await openStore(url)
  const limit = pLimit(READERS)
  const reads: Promise<number>[] = []
  for await (const { key, sizeBytes } of store.list('data/'))
    for (let offset = 0; offset < sizeBytes; offset += RANGE_BYTES)
      reads.push(limit(async () => (await store.read(key, { offset, length: RANGE_BYTES })).length))
  const started = performance.now()
  const bytes = (await Promise.all(reads)).reduce((sum, length) => sum + length, 0)
  const seconds = (performance.now() - started) / 1000
  return `the server alone hands out ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(2)} s (${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ${READERS} at a time)`
}
