import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BUCKET, type RunningServer, startServer } from '../../test/servers/servers.ts'
import { makeCapture } from './data.ts'
import type { Contender, Measured } from './measure.ts'
import { interleave } from './measure.ts'
import { startRecorder } from './recorder.ts'
import { type Replayed, replay } from './replay.ts'
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
  readonly limit: ReadLimit
  /** The most that the ratio could be on cores that are all busy: with the work over files, the server's for a run, and a client that drops what it reads. */
  readonly bound: number
}

/** What the server takes for the reads of a run when nobody does anything with their bytes. */
export interface ReadLimit extends Replayed {
  readonly reads: number
  /** All requests of the run. */
  readonly requests: number
  readonly serverCpu: number
}

/** Reads at a time of the client that drops them: as many as two threads have under way. */
export const READERS = 6

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
  const commandOver = (store: string): string[] =>
    flowreduce(setting, 'run', 'port-breakdown', '--store', store, ...options)
  const contenders = Object.entries(stores).map(
    ([name, store]): Contender => ({
      name,
      command: commandOver(store),
      answer: (output) => JSON.parse(output).rows,
    }),
  )
  const before = cpuSeconds(server)
  const [file, minio] = interleave(contenders, setting.rounds, setting.data)
  const serverCpu = (cpuSeconds(server) - before) / (setting.rounds + 1) // with the round that does not count
  if (!file || !minio) throw new Error('bench: two contenders expected')
  if (JSON.stringify(file.answer) !== JSON.stringify(minio.answer)) throw new Error('bench: answers differ')
  const { flows } = setting
  const limit = await readLimit((endpoint) => commandOver(stores.minio.replace(server.endpoint, endpoint)), server)
  const bound = file.cpu / (file.cpu + serverCpu + limit.clientCpu)
  return { form, flows, file, minio, serverCpu, limit, bound }
}

/** What the server takes for the reads of a run alone: they are recorded in one, and then asked for by a client that drops them. */
async function readLimit(command: (endpoint: string) => string[], server: RunningServer): Promise<ReadLimit> {
  const recorder = await startRecorder(server.endpoint)
  try {
    const [program = '', ...args] = command(recorder.endpoint)
    await promisify(execFile)(program, args)
    const { reads, requests } = recorder
    await replay(server.endpoint, reads, READERS) // warms up, as the runs before those that count
    const before = cpuSeconds(server)
    const replayed = await replay(server.endpoint, reads, READERS)
    return { ...replayed, reads: reads.length, requests, serverCpu: cpuSeconds(server) - before }
  } finally {
    recorder.close()
  }
}

/** CPU that a server has used: the fields utime and stime of /proc/PID/stat, in hundredths of a second. */
function cpuSeconds({ pid }: RunningServer): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
