/**
 * npm run bench:feed -- [--flows 4000000] [--rounds 3] [--rates 20000,40000,60000,80000,100000]: how fast flows come into a store, against nfcapd: the import of a
 * v5 capture, live ingest of the same datagrams from the same sender at rising rates, and compaction of what was imported. Flows are counted in
 * the store by a job, and in nfcapd's files by nfdump.
 */
import type { Feed, Live } from './lib/feed.ts'
import { FeedBench } from './lib/feed.ts'
import { knowOptions, numberOption, ratesOption } from './lib/options.ts'
import { prepareSetting } from './lib/setting.ts'

knowOptions('flows', 'rounds', 'rates')
const setting = prepareSetting({ flows: numberOption('flows', 4_000_000), rounds: numberOption('rounds', 3) })
const rates = ratesOption('20000,40000,60000,80000,100000')
const bench = new FeedBench(setting)

console.log(lineOf('import', bench.import()))
console.log(lineOf('compact', bench.compact()))
for (const rate of rates) {
  console.log(liveLine(rate, 'flowreduce ingest', await bench.ingest(rate)))
  if (setting.peers.includes('nfdump')) console.log(liveLine(rate, 'nfcapd', await bench.nfcapd(rate)))
}
bench.close()

function lineOf(name: string, { flows, wall, cpu, peakBytes }: Feed): string {
  const micros = ((cpu / flows) * 1e6).toFixed(2)
  return `${name}: ${flows} flows, ${(flows / wall / 1e6).toFixed(2)} M flows/s, ${micros} us of CPU per flow, peak ${Math.round(peakBytes / 1e6)} MB`
}

function liveLine(rate: number, name: string, { sentPerSecond, stored, lostShare }: Live): string {
  const sent = `${rate} packets/s asked, ${(sentPerSecond / 1e6).toFixed(2)} M flows/s sent`
  return `${sent}, ${name}: ${stored} flows stored, ${(lostShare * 100).toFixed(2)} % lost`
}
