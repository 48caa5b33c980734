import { spawn } from 'node:child_process'
import { once as onceEvent } from 'node:events'
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Setting } from './setting.ts'
import { flowreduce, once, run } from './setting.ts'

/** The same flows in every form that a contender reads. */
export interface Data {
  readonly capture: string
  readonly avro: string
  readonly parquet: string
  /** Our Parquet blocks, and the same columns as DuckDB writes them: peers run on both, the better counts. */
  readonly blocks: string
  readonly rewritten: string
  readonly nfdump: string
}

/** Makes what is missing: a v5 capture by `simulate`, our stores from it, the peers' files from the same datagrams; nfdump's only when it is asked for. */
export async function makeData(setting: Setting, { forNfdump = true } = {}): Promise<Data> {
  const at = (name: string): string => join(setting.data, name)
  const data: Data = {
    capture: at('v5.pcap'),
    avro: at('avro'),
    parquet: at('parquet'),
    blocks: join(at('parquet'), 'data', '**', '*.parquet'),
    rewritten: at('duckdb.parquet'),
    nfdump: at('nfdump'),
  }
  makeCapture(setting, data.capture)
  once(
    data.avro,
    () => void run(flowreduce(setting, 'import', data.capture, '--store', `file:${data.avro}`, '--quiet')),
  )
  once(data.parquet, () => {
    cpSync(data.avro, data.parquet, { recursive: true })
    run(flowreduce(setting, 'compact', '--all', '--store', `file:${data.parquet}`, '--quiet'))
  })
  if (setting.peers.includes('duckdb')) {
    once(data.rewritten, () => {
      const sql = `COPY (SELECT * FROM read_parquet('${data.blocks}')) TO '${data.rewritten}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 131072)`
      run([setting.python, '-c', `import duckdb; duckdb.connect(config={'threads': 2}).execute("""${sql}""")`])
    })
  }
  if (forNfdump && setting.peers.includes('nfdump')) await collect(setting, data)
  return data
}

/** Makes a v5 capture by `simulate` when it is missing. */
export function makeCapture(setting: Setting, capture: string): void {
  const traffic = ['--protocol', 'v5', '--exporters', '4', '--seed', '1', '--sampling', 'none', '--quiet']
  const command = flowreduce(setting, 'simulate', '--target', capture, '--flows', String(setting.flows), ...traffic)
  once(capture, () => void run(command))
}

/** Sends the capture to nfcapd at ever lower rates until it has stored every flow. */
async function collect(setting: Setting, data: Data): Promise<void> {
  const has = (): boolean => {
    try {
      return readdirSync(data.nfdump).length > 0
    } catch {
      return false
    }
  }
  for (let rate = 20_000; !has() && rate > 1000; rate /= 2) {
    process.stderr.write(`bench: making ${data.nfdump} at ${rate} packets/s\n`)
    const { flows } = await nfcapd(setting, data.capture, data.nfdump, rate)
    if (flows !== setting.flows) rmSync(data.nfdump, { recursive: true })
  }
}

/** Feeds a capture to nfcapd over loopback and counts what it stored. */
export async function nfcapd(
  setting: Setting,
  capture: string,
  folder: string,
  rate: number,
): Promise<{ flows: number; seconds: number }> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const port = 20_000 + Math.floor(Math.random() * 20_000)
  const daemon = spawn(
    'nfcapd',
    ['-w', folder, '-p', String(port), '-b', '127.0.0.1', '-y', '-t', '3600', '-B', '16000000'],
    { stdio: 'ignore' },
  )
  await sleep(500)
  const { seconds } = JSON.parse(run([setting.send, capture, String(port), String(rate)])) as { seconds: number } // send prints it
  await sleep(1000)
  daemon.kill('SIGTERM')
  await onceEvent(daemon, 'exit')
  return { flows: nfdumpFlows(folder), seconds }
}

/** Flows in nfdump's files, by its own count. */
export function nfdumpFlows(folder: string): number {
  const text = run(['nfdump', '-R', folder, '-I'])
  return Number(/^Flows:\s*(\d+)/m.exec(text)?.[1] ?? 0)
}

/** Bytes of a file, or of all files below a folder whose name ends so. */
export function sizeOf(path: string, ending = ''): number {
  const info = statSync(path)
  if (!info.isDirectory()) return path.endsWith(ending) ? info.size : 0
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name), ending), 0)
}
