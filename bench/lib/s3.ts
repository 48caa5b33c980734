import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { openStore } from '../../src/storage/open.ts'
import { BUCKET, type RunningServer, startServer } from '../../test/servers/servers.ts'
import { makeCapture } from './data.ts'
import type { Contender, Measured } from './measure.ts'
import { interleave } from './measure.ts'
import type { Setting } from './setting.ts'
import { flowreduce, run } from './setting.ts'

/** The same job over the same flows in a folder and in a MinIO on loopback whose folder lies on the same disk. */
export interface OverMinio {
  readonly form: 'Avro' | 'Parquet'
  readonly flows: number
  readonly file: Measured
  readonly minio: Measured
  /** Seconds of CPU that the server took of the two cores for each run. */
  readonly serverCpu: number
  /** What the server hands out to a reader that does nothing with the bytes, and the CPU that it takes for that. */
  readonly server: { readonly bytes: number; readonly seconds: number; readonly cpu: number }
}

const RANGE_BYTES = 4 << 20
/** Reads at a time of the reader that does nothing. */
export const READERS = 4

/** Port breakdown over both stores in turn, in both forms of blocks. Throws when the server is not built, and when the answers differ. */
export async function overMinio(setting: Setting): Promise<OverMinio[]> {
  const capture = join(setting.data, 'v5.pcap')
  makeCapture(setting, capture)
  const server = await startServer('minio')
  const folder = join(setting.data, 's3')
  const stores = { file: `file:${folder}`, minio: `s3://${BUCKET}/bench?endpoint=${server.endpoint}` }
  const both = (...args: string[]): void => {
    for (const store of Object.values(stores)) run(flowreduce(setting, ...args, '--store', store, '--quiet'))
  }
  try {
    both('import', capture)
    const avro = await measureForm(setting, 'Avro', stores, server)
    both('compact', '--all')
    return [avro, await measureForm(setting, 'Parquet', stores, server)]
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureForm(
  setting: Setting,
  form: OverMinio['form'],
  stores: { readonly file: string; readonly minio: string },
  server: RunningServer,
): Promise<OverMinio> {
  const options = ['--top', '10', '--format', 'json', '--quiet']
  const contenders = Object.entries(stores).map(
    ([name, store]): Contender => ({
      name,
      command: flowreduce(setting, 'run', 'port-breakdown', '--store', store, ...options),
      answer: (output) => JSON.parse(output).rows,
    }),
  )
  const before = cpuSeconds(server)
  const [file, minio] = interleave(contenders, setting.rounds, setting.data)
  const serverCpu = (cpuSeconds(server) - before) / (setting.rounds + 1) // with the round that does not count
  if (!file || !minio) throw new Error('bench: two contenders expected')
  if (JSON.stringify(file.answer) !== JSON.stringify(minio.answer)) throw new Error('bench: answers differ')
  const { flows } = setting
  const handedOut = await readAll(stores.minio, form === 'Avro' ? '.avro' : '.parquet', server)
  return { form, flows, file, minio, serverCpu, server: handedOut }
}

/** Reads every block of a form in ranges, a few at a time, and drops the bytes. */
async function readAll(url: string, ending: string, server: RunningServer): Promise<OverMinio['server']> {
  const store = await openStore(url)
  const limit = pLimit(READERS)
  const reads: Promise<number>[] = []
  const [started, before] = [performance.now(), cpuSeconds(server)]
  for await (const { key, sizeBytes } of store.list('data/')) {
    if (!key.endsWith(ending)) continue
    for (let offset = 0; offset < sizeBytes; offset += RANGE_BYTES)
      reads.push(limit(async () => (await store.read(key, { offset, length: RANGE_BYTES })).length))
  }
  const bytes = (await Promise.all(reads)).reduce((sum, length) => sum + length, 0)
  return { bytes, seconds: (performance.now() - started) / 1000, cpu: cpuSeconds(server) - before }
}

/** CPU that a server has used: the fields utime and stime of /proc/PID/stat, in hundredths of a second. */
function cpuSeconds({ pid }: RunningServer): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
