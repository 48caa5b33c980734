/**
 * npm run bench:feed -- [--flows 4000000] [--rounds 3] [--rates 20000,40000,60000,80000,100000]: how fast flows come into a store, against nfcapd: the import of a
 * v5 capture, live ingest of the same datagrams from the same sender at rising rates, and compaction of what was imported. Flows are counted in
 * the store by a job, and in nfcapd's files by nfdump.
 */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon } from './lib/daemon.ts'
import { makeCapture, nfcapd } from './lib/data.ts'
import type { Contender, Measurement } from './lib/measure.ts'
import { measure, median } from './lib/measure.ts'
import { numberOption, textOption } from './lib/options.ts'
import { flowreduce, prepareSetting, run } from './lib/setting.ts'

const setting = prepareSetting({ flows: numberOption('flows', 4_000_000), rounds: numberOption('rounds', 3) })
const at = (name: string): string => join(setting.data, name)
const capture = at('v5.pcap')
const rates = textOption('rates', '20000,40000,60000,80000,100000').split(',').map(Number)
makeCapture(setting, capture)

/** Flows that a job finds in a store. */
function flowsIn(store: string): number {
  const output = run(flowreduce(setting, 'run', 'totals', '--store', `file:${store}`, '--format', 'json', '--quiet'))
  const { rows } = JSON.parse(output) as { rows: { flows: number }[] } // what `run --format json` prints
  return Number(rows[0]?.flows ?? 0)
}

/** Medians of a command that begins anew each time, its product counted. */
function rounds(contender: Contender, prepare: () => void, store: string): void {
  const runs: Measurement[] = []
  let flows = 0
  for (let round = 0; round < setting.rounds; round++) {
    prepare()
    runs.push(measure(contender, setting.data).measurement)
    flows = flowsIn(store)
  }
  const [wall, cpu] = [median(runs.map((one) => one.wall)), median(runs.map((one) => one.cpu))]
  const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes))
  const micros = ((cpu / flows) * 1e6).toFixed(2)
  console.log(
    `${contender.name}: ${flows} flows, ${(flows / wall / 1e6).toFixed(2)} M flows/s, ${micros} us of CPU per flow, peak ${Math.round(peak / 1e6)} MB`,
  )
}

const avro = at('feed-avro')
const parquet = at('feed-parquet')
const remove = (path: string): void => rmSync(path, { recursive: true, force: true })
const importing = flowreduce(setting, 'import', capture, '--store', `file:${avro}`, '--quiet')
rounds({ name: 'import', command: importing }, () => remove(avro), avro)
const compacting = flowreduce(setting, 'compact', '--all', '--store', `file:${parquet}`, '--quiet')
const copy = (): void => {
  remove(parquet)
  cpSync(avro, parquet, { recursive: true })
}
rounds({ name: 'compact', command: compacting }, copy, parquet)

/** Sends the capture to a daemon; flows stored. */
async function live(rate: number): Promise<{ flows: number; seconds: number }> {
  const store = at('feed-live')
  remove(store)
  remove(at('feed-spool'))
  const daemon = await startDaemon('--store', `file:${store}`, '--spool', at('feed-spool'))
  const { seconds } = JSON.parse(run([setting.send, capture, new URL(daemon.target).port, String(rate)])) as {
    seconds: number // send prints it
  }
  await daemon.stop()
  return { flows: flowsIn(store), seconds }
}

for (const rate of rates) {
  const ours = await live(rate)
  const lines: [string, { flows: number; seconds: number }][] = [['flowreduce ingest', ours]]
  if (setting.peers.includes('nfdump')) {
    lines.push(['nfcapd', await nfcapd(setting, capture, at('feed-nfcapd'), rate)])
  }
  for (const [name, { flows, seconds }] of lines) {
    const lost = ((1 - flows / setting.flows) * 100).toFixed(2)
    const perSecond = (setting.flows / seconds / 1e6).toFixed(2)
    console.log(`${rate} packets/s asked, ${perSecond} M flows/s sent, ${name}: ${flows} flows stored, ${lost} % lost`)
  }
}
for (const name of ['feed-avro', 'feed-parquet', 'feed-live', 'feed-spool', 'feed-nfcapd']) remove(at(name))
